"""What stands behind a flow object while a step runs: stored artifacts, read when asked for, and the foreach stack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.frames import ForeachFrame, frames_of

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import FinishedTask, Stored
    from penstock.runtime_shim.plan import PlannedStep
    from penstock.runtime_shim.transitions import Taken

STACK = "_foreach_stack"
ITEMS = "_foreach_items"
"""The list of a foreach over something that can't be indexed, stored by the opener beside the user's artifact."""
LEVEL = "_foreach_input_"
"""``_foreach_input_<level>``: in a foreach's body, the stored items of the foreach at that level of the stack,
whatever the steps in between do to the artifact it ran over.  It names a blob that exists: nothing is stored for it.
"""
OF_A_TASK = frozenset(
    {
        "_catch_exception",
        "_exception",
        "_foreach_num_splits",
        "_foreach_var",
        "_success",
        "_task_ok",
        "_transition",
        "name",
    }
)
"""Private artifacts that belong to one task: each sets its own."""
PRIVATE = OF_A_TASK | {STACK, ITEMS, "_current_step", "_foreach_values", "_graph_info", "_iteration_stack"}


class Artifacts:
    """Stored artifacts by name, each with the finished task that holds it."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[FinishedTask, str]] = {}

    def take(self, task: FinishedTask, names: Iterable[str]) -> None:
        """Know the artifacts ``names`` of ``task`` by the same names; those it does not have are passed over."""
        for name in names:
            if name in task.objects:
                self._sources[name] = (task, name)

    def take_as(self, name: str, task: FinishedTask, original: str) -> None:
        """Know the artifact ``original`` of ``task`` by ``name``."""
        self._sources[name] = (task, original)

    def take_over(self, name: str, other: Artifacts) -> None:
        """Know ``name`` as ``other`` knows it."""
        self._sources[name] = other._sources[name]

    def drop(self, name: str) -> None:
        """Forget ``name``."""
        self._sources.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def load(self, name: str) -> Any:
        """The value, read from the datastore.

        Raises KeyError where the name isn't known; storage failures.
        """
        task, original = self._sources[name]
        return task.load(original)

    def stored(self) -> dict[str, Stored]:
        """What a task that carries these artifacts on lists in its own ``N.data.json``."""
        return {name: task.objects[original] for name, (task, original) in self._sources.items()}


class Scope:
    """Behind the flow object of a running step (``planned`` is set), or of one of a join's ``inputs``."""

    def __init__(
        self,
        flow: str,
        step: str,
        artifacts: Artifacts,
        *,
        planned: PlannedStep | None = None,
        frames: Sequence[ForeachFrame] | None = None,
        constants: frozenset[str] = frozenset(),
    ) -> None:
        self.flow = flow
        self.step = step
        self.artifacts = artifacts
        self.planned = planned
        self.constants = constants
        self.loaded: dict[str, object] = {}
        self.taken: Taken | None = None
        self._frames = None if frames is None else list(frames)
        self.frames_are_new = frames is not None
        self._items: dict[int, object] = {}

    @property
    def frames(self) -> list[ForeachFrame]:
        """The foreach stack, outermost first."""
        if self._frames is None:
            self._frames = frames_of(self.artifacts.load(STACK)) if STACK in self.artifacts else []
        return self._frames

    def load(self, name: str) -> object:
        """The artifact ``name``.

        Raises AttributeError, naming the step and the flow, where there is none.
        """
        if name not in self.artifacts:
            raise AttributeError(f"step `{self.step}` of flow `{self.flow}` has no artifact `{name}`")
        if name not in self.loaded:
            self.loaded[name] = self.artifacts.load(name)
        return self.loaded[name]

    def item(self, level: int) -> object:
        """The value that the foreach at ``level`` of the stack gave this task, None where it can't be found any
        more.
        """
        if level not in self._items:
            self._items[level] = self._find_item(level)
        return self._items[level]

    def _find_item(self, level: int) -> object:
        frame = self.frames[level]
        name = f"{LEVEL}{level}" if f"{LEVEL}{level}" in self.artifacts else frame.var
        if name not in self.artifacts:
            return None
        items = self.artifacts.load(name)
        try:
            return items[frame.index]
        except TypeError:
            return next(islice(items, frame.index, frame.index + 1))


def constants_of(flow_class: type) -> dict[str, object]:
    """The class constants of a flow by name: public attributes that are neither functions, properties, classes nor
    parameters.

    They are read-only in steps and stored once, with the parameters.
    """
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.parameters import Parameter

    found: dict[str, object] = {}
    for owner in reversed(
        flow_class.__mro__[: flow_class.__mro__.index(FlowSpec)] if FlowSpec in flow_class.__mro__ else ()
    ):
        for name, value in vars(owner).items():
            found.pop(name, None)
            if not name.startswith("_") and not isinstance(value, (*_NOT_CONSTANT, Parameter)):
                found[name] = value
    return found


def _function(self: object) -> None: ...


_NOT_CONSTANT = (type(_function), property, type, staticmethod, classmethod)


def carried_by_joins(flow_class: type) -> list[str]:
    """The artifacts that reach the far side of a join by themselves: parameters and class constants."""
    from penstock.runtime_shim.parameters import attributes_of

    return [*attributes_of(flow_class), *constants_of(flow_class), "_graph_info"]


def level_names(depth: int) -> list[str]:
    """The names of the stored items of a stack of ``depth`` levels."""
    return [f"{LEVEL}{level}" for level in range(depth)]
