"""What a join gets: the tasks it joins, as flow objects whose artifacts are read when they are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from penstock.runtime_shim.readahead import Readahead
from penstock.runtime_shim.scope import Artifacts, Scope

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import FinishedTask
    from penstock.runtime_shim.flowspec import FlowSpec


class Inputs:
    """``inputs[0].x``, ``inputs.some_step.x``, ``for inp in inputs``: in the order of the splits or branches."""

    def __init__(self, flow_class: type[FlowSpec], tasks: Sequence[FinishedTask]) -> None:
        self._flow_class = flow_class
        self._tasks = tasks
        self._flows: list[FlowSpec | None] = [None] * len(tasks)
        self._readahead = Readahead(tasks)

    def _flow(self, position: int) -> FlowSpec:
        flow = self._flows[position]
        if flow is None:
            artifacts = _InputArtifacts(self._readahead, position)
            flow = self._flows[position] = input_flow(self._flow_class, self._tasks[position], artifacts)
        return flow

    @overload
    def __getitem__(self, position: int) -> Any: ...

    @overload
    def __getitem__(self, position: slice) -> list[Any]: ...

    def __getitem__(self, position: int | slice) -> Any:
        if isinstance(position, slice):
            return [self._flow(number) for number in range(*position.indices(len(self)))]
        return self._flow(range(len(self))[position])

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Any]:
        for position in range(len(self)):
            yield self._flow(position)

    def __eq__(self, other: object) -> bool:
        return list(self) == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to lists, hence no key

    def __getattr__(self, step: str) -> Any:
        if not step.startswith("__"):
            for position in range(len(self) - 1, -1, -1):
                if self._tasks[position].step == step:
                    return self._flow(position)
        names = ", ".join(dict.fromkeys(task.step for task in self.__dict__.get("_tasks", ())))
        raise AttributeError(f"there is no input of step `{step}`; inputs come from: {names or 'no step'}")


class _InputArtifacts(Artifacts):
    """The artifacts of the input at ``position``, read together with those of the inputs after it."""

    def __init__(self, readahead: Readahead, position: int) -> None:
        super().__init__()
        self._readahead = readahead
        self._position = position

    def load(self, name: str) -> Any:
        return self._readahead.load(self._position, name)


def input_flow(flow_class: type[FlowSpec], task: FinishedTask, artifacts: Artifacts) -> FlowSpec:
    """A finished task as a flow object."""
    from penstock.runtime_shim.flowspec import attach, new_flow

    artifacts.take(task, task.objects)
    flow = new_flow(flow_class)
    attach(flow, Scope(flow_class.__name__, task.step, artifacts))
    return flow
