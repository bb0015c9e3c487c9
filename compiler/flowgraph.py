"""The graph the user wrote.  The only module of Penstock that knows networkx."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import networkx as nx

from penstock.compiler.spans import Span
from penstock.compiler.steps import ParameterInfo, Step, targets


class FlowGraph:
    """A flow's steps and the transitions between them.

    Frozen after construction; edges to steps that do not exist are left out (a lint rule names them), so
    every edge has a step at both ends.
    """

    __slots__ = ("_graph", "_steps", "doc", "name", "parameters", "span")

    def __init__(
        self, name: str, steps: Iterable[Step], parameters: Iterable[ParameterInfo] = (), *, span: Span, doc: str = ""
    ) -> None:
        self.name = name
        self.span = span
        self.doc = doc
        self.parameters: tuple[ParameterInfo, ...] = tuple(parameters)
        self._steps: Mapping[str, Step] = MappingProxyType({step.name: step for step in steps})
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self._steps)
        for step in self._steps.values():
            graph.add_edges_from((step.name, target) for target in targets(step.transition) if target in self._steps)
        self._graph = nx.freeze(graph)

    @property
    def steps(self) -> Mapping[str, Step]:
        """By name, in declaration order."""
        return self._steps

    def __getitem__(self, step: str) -> Step:
        return self._steps[step]

    def __contains__(self, step: object) -> bool:
        return step in self._steps

    def __len__(self) -> int:
        return len(self._steps)

    def successors(self, step: str) -> tuple[str, ...]:
        """The steps after this one that exist, in declaration order."""
        return tuple(self._graph.successors(step))

    def predecessors(self, step: str) -> tuple[str, ...]:
        """The steps before this one, in the order in which they are declared."""
        return tuple(self._graph.predecessors(step))
