"""``FlowSpec`` and ``step``: what a user's flow is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    from penstock.runtime_shim.inputs import Inputs
    from penstock.runtime_shim.scope import Scope

F = TypeVar("F", bound=Callable[..., None])


def step(function: F) -> F:
    """Mark a method of a flow as a step."""
    marked = cast(Any, function)
    marked.is_step = True
    marked.name = function.__name__
    if not hasattr(marked, "decorators"):
        marked.decorators = []
    return function


class FlowSpec:
    """A flow: subclass it, mark methods with :func:`step`, and end the file with ``if __name__ == "__main__":
    MyFlow()``.

    What a step assigns to ``self`` is an artifact: it is stored when the step ends, and carried on to the steps after
    it, where it is read from the datastore when it is used.
    """

    def __init__(self, use_cli: bool = True) -> None:
        if use_cli:
            from penstock.runtime_shim.entry import main

            main(type(self))

    @property
    def name(self) -> str:
        """The flow's name: its class's."""
        return type(self).__name__

    @property
    def script_name(self) -> str:
        """The name of the file that contains the flow."""
        from inspect import getfile
        from os.path import basename

        return basename(getfile(type(self)))

    @property
    def index(self) -> int | None:
        """The index of this task in the innermost foreach around it, None outside."""
        frames = _scope(self).frames
        return frames[-1].index if frames else None

    @property
    def input(self) -> Any:
        """The item of this task in the innermost foreach around it, None outside."""
        scope = _scope(self)
        return scope.item(len(scope.frames) - 1) if scope.frames else None

    def foreach_stack(self) -> list[tuple[int, int, Any]]:
        """``(index, number of splits, item)`` of every foreach around this task, outermost first."""
        scope = _scope(self)
        return [(frame.index, frame.num_splits, scope.item(level)) for level, frame in enumerate(scope.frames)]

    def next(
        self,
        *steps: Callable[..., None] | Mapping[Any, Callable[..., None]],
        foreach: str | None = None,
        condition: str | None = None,
        **unknown: object,
    ) -> None:
        """Say what comes after this step: one step, several that run side by side, with ``foreach="xs"`` one that
        runs for every item of ``self.xs``, or with a dict and ``condition="x"`` the one for the value of ``self.x``.
        The last statement of every step but `end`.

        Raises a Failure where it is not what the flow was compiled with.
        """
        from penstock.runtime_shim.transitions import Arguments, InvalidNext, take

        scope = _scope(self)
        if scope.planned is None:
            raise InvalidNext(f"self.next() can be called in a running step only, not on an input of `{scope.step}`")
        if scope.taken is not None:
            raise InvalidNext(f"step `{scope.step}` calls self.next() more than once")
        scope.taken = take(self, scope.planned, Arguments(steps, foreach, condition, tuple(unknown)))

    def merge_artifacts(
        self, inputs: Inputs | Iterable[FlowSpec], exclude: list[str] | None = None, include: list[str] | None = None
    ) -> None:
        """In a join, carry on the artifacts of ``inputs`` that this step has not assigned: all but ``exclude``, or
        only ``include``.

        Raises UnhandledInMergeArtifactsException where inputs differ in an artifact, MissingInMergeArtifactsException
        where one of ``include`` is nowhere, MergeArtifactsException outside a join or with both lists.
        """
        from penstock.runtime_shim.merge import merge

        merge(self, _scope(self), inputs, exclude or [], include or [])

    def __getattr__(self, name: str) -> Any:
        scope: Scope | None = self.__dict__.get("_penstock_scope")
        if scope is None or name.startswith("__"):
            hint = "" if scope else " (no step is running)"
            raise AttributeError(f"flow `{type(self).__name__}` has no attribute `{name}`{hint}")
        value = scope.load(name)
        if not hasattr(type(self), name):
            self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        scope: Scope | None = self.__dict__.get("_penstock_scope")
        if scope is not None and name in scope.constants:
            raise AttributeError(
                f"`{name}` can't be assigned in step `{scope.step}`: class constants are read-only in steps"
            )
        object.__setattr__(self, name, value)

    def __iter__(self) -> Iterator[Any]:
        """The steps of the flow, as bound methods."""
        for name in dir(type(self)):
            if getattr(getattr(type(self), name), "is_step", False):
                yield getattr(self, name)

    def __str__(self) -> str:
        scope: Scope | None = self.__dict__.get("_penstock_scope")
        if scope is None:
            return f"<flow {self.name}>"
        index = ",".join(str(frame.index) for frame in scope.frames)
        return f"<flow {self.name} step {scope.step}{f'[{index}]' if index else ''}>"

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError(
            "a flow can't be stored: assign single attributes of `self` or of an input (`inp.x`), not the whole object"
        )


def _scope(flow: FlowSpec) -> Scope:
    scope: Scope | None = flow.__dict__.get("_penstock_scope")
    if scope is None:
        raise AttributeError(f"flow `{flow.name}` is not running a step: this is known in steps only")
    return scope


class UnusableConstructor(Failure):
    """A flow with an ``__init__`` of its own that Penstock can't call."""

    code = "R132"


def new_flow(flow_class: type[FlowSpec]) -> FlowSpec:
    """A flow object that does not run the command line.

    Raises UnusableConstructor where the flow's own ``__init__`` fails.
    """
    if flow_class.__init__ is FlowSpec.__init__:
        return flow_class.__new__(flow_class)
    try:
        return flow_class(use_cli=False)
    except Exception as error:
        raise UnusableConstructor(
            f"the __init__ of flow `{flow_class.__name__}` fails: {type(error).__name__}: {error}",
            help="leave it out, or let it take `use_cli=True` and hand that to super().__init__",
        ) from error


def attach(flow: FlowSpec, scope: Scope) -> None:
    """Put ``scope`` behind a flow object."""
    flow.__dict__["_penstock_scope"] = scope


def assigned(flow: FlowSpec) -> dict[str, object]:
    """What the flow object holds: the artifacts assigned in this task and those that were loaded."""
    return {
        name: value for name, value in vars(flow).items() if name != "_penstock_scope" and not name.startswith("__")
    }
