"""Which steps may run again, and where each turn begins.

The nesting forest of Tarjan and Havlak ("Nesting of reducible and irreducible loops", 1997): one search from `start`
numbers the steps; then, from the last number to the first, the body of every step that is gone back to is collected
backwards from the steps that go back, and contracted to its header.  Nearly linear, and nothing recurses.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.mistaken_loops import second_entry


@dataclass(slots=True)
class Loops:
    """The loops of a graph, each named by its header, the one step through which it is entered.

    ``around`` gives the innermost loop of a step (of a header, its own), ``outer`` the loop around a loop; what is in
    no loop is in neither.  ``turns`` are the transitions back to a header.  With ``faults`` the rest means nothing.
    """

    around: dict[str, str] = field(default_factory=dict)
    outer: dict[str, str] = field(default_factory=dict)
    turns: set[tuple[str, str]] = field(default_factory=set)
    faults: list[Diagnostic] = field(default_factory=list)


def loops_of(graph: FlowGraph) -> Loops:
    """The loops of a graph whose every step can be reached from `start`."""
    return _Search(graph).run()


class _Search:
    def __init__(self, graph: FlowGraph) -> None:
        self._graph = graph
        self._found = Loops()
        self._number: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._came: dict[str, str] = {}
        self._contracted: dict[str, str] = {}

    def run(self) -> Loops:
        self._visit()
        for header in sorted(self._number, key=self._number.__getitem__, reverse=True):
            back = [before for before in self._graph.predecessors(header) if self._below(header, before)]
            if back:
                self._found.turns.update((before, header) for before in back)
                self._collect(header, back)
        return self._found

    def _visit(self) -> None:
        """Number the steps in the order in which a search meets them, and note the last one below each."""
        stack = [("start", iter(self._graph.successors("start")))]
        self._number["start"] = 0
        while stack:
            name, following = stack[-1]
            for target in following:
                if target not in self._number:
                    self._number[target] = len(self._number)
                    self._came[target] = name
                    stack.append((target, iter(self._graph.successors(target))))
                    break
            else:
                self._last[name] = len(self._number) - 1
                stack.pop()

    def _below(self, above: str, name: str) -> bool:
        """Whether the search came to ``name`` through ``above``."""
        return self._number[above] <= self._number[name] <= self._last[above]

    def _collect(self, header: str, back: list[str]) -> None:
        self._found.around.setdefault(header, header)
        body: dict[str, None] = {}
        for before in back:
            whole = self._find(before)
            if whole != header:
                body[whole] = None
        queue = list(body)
        for inside in queue:  # grows while it is walked
            for before in self._graph.predecessors(inside):
                if (before, inside) in self._found.turns:
                    continue
                whole = self._find(before)
                if not self._below(header, whole):
                    self._found.faults.append(second_entry(self._graph, header, before, inside, self._came))
                    return
                if whole != header and whole not in body:
                    body[whole] = None
                    queue.append(whole)
        for inside in body:
            self._contracted[inside] = header
            if self._found.around.setdefault(inside, header) == inside:
                self._found.outer[inside] = header

    def _find(self, name: str) -> str:
        """The outermost loop found so far that holds a step, else the step itself."""
        whole = name
        while whole in self._contracted:
            whole = self._contracted[whole]
        while name != whole:
            following = self._contracted[name]
            self._contracted[name] = whole
            name = following
        return whole
