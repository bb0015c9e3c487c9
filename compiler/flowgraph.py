"""The graph the user wrote.  The only module of Penstock that knows networkx."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

import networkx as nx

from penstock.compiler.spans import Span
from penstock.compiler.steps import Decorator, ParameterInfo, Step, targets


class FlowGraph:
    """A flow's steps and the transitions between them.

    Frozen after construction; edges to steps that do not exist are left out (a lint rule names them), so
    every edge has a step at both ends.
    """

    __slots__ = ("_graph", "_steps", "decorators", "doc", "name", "parameters", "span")

    def __init__(
        self,
        name: str,
        steps: Iterable[Step],
        parameters: Iterable[ParameterInfo] = (),
        *,
        span: Span,
        doc: str = "",
        decorators: Iterable[Decorator] = (),
    ) -> None:
        self.name = name
        self.span = span
        self.doc = doc
        self.decorators: tuple[Decorator, ...] = tuple(decorators)
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

    def topological(self, without: Collection[tuple[str, str]] = ()) -> tuple[str, ...]:
        """Every step after those that lead to it, declaration order among equals.

        Edges ``without`` do not count.  Raises ValueError where there is a loop of others.
        """
        graph = self._graph
        if without:
            graph = nx.DiGraph()
            graph.add_nodes_from(self._graph)
            graph.add_edges_from(edge for edge in self._graph.edges if edge not in without)
        try:
            return tuple(nx.topological_sort(graph))
        except nx.NetworkXUnfeasible as error:
            raise ValueError(f"the graph of {self.name} has a loop") from error

    def reachable(self, step: str) -> frozenset[str]:
        """The steps that can run once ``step`` ran, itself included."""
        return frozenset((step, *nx.descendants(self._graph, step)))

    def cycles(self) -> Iterator[tuple[str, ...]]:
        """The steps of every maximal tangle of loops, in declaration order; a step that leads to itself is one."""
        place = {name: number for number, name in enumerate(self._steps)}
        for component in sorted(
            nx.strongly_connected_components(self._graph), key=lambda names: min(map(place.__getitem__, names))
        ):
            if len(component) > 1 or self._graph.has_edge(*(tuple(component) * 2)):
                yield tuple(sorted(component, key=place.__getitem__))
