"""How deep the templates of a flow nest, and how many turns of its loops fit in what Argo takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from penstock.backends.argo.capabilities import MOST_LEVELS
from penstock.backends.argo.graphs import MAIN

if TYPE_CHECKING:
    from penstock.backends.argo.graphs import Graph

Levels = Callable[[str], int]
"""How deep a leaf template nests, by its name."""


class Nesting:
    """Levels of the templates ``graphs`` by name, all loops at their first turn.

    ``deepest`` is the number of levels of the whole flow.
    """

    def __init__(self, graphs: Mapping[str, Graph], leaf: Levels) -> None:
        self._graphs = graphs
        self._order = tuple(_inner_first(graphs))
        self._below = self._levels_below(leaf)
        self._above = self._levels_above()
        self.deepest = self._below[MAIN]

    def turns(self, loops: Mapping[str, str]) -> dict[str, tuple[int, int]]:
        """What is left of the levels for turns of each loop, and how many a turn takes; ``loops`` are templates by
        header.
        """
        return {
            header: (MOST_LEVELS + 1 - self._above[name] - self._below[name], self._taken(header, name))
            for header, name in loops.items()
        }

    def _levels_below(self, leaf: Levels) -> dict[str, int]:
        """The levels of each template with all that it uses."""
        below: dict[str, int] = {}
        for name in self._order:
            used = [task.template for task in self._graphs[name].tasks if task.turn is None]
            below[name] = 1 + max((below[each] if each in below else leaf(each) for each in used), default=0)
        return below

    def _levels_above(self) -> dict[str, int]:
        """At which level each template is used, the main one at the first; of several, the last."""
        above = {MAIN: 1}
        for name in reversed(self._order):
            for task in self._graphs[name].tasks:
                if task.turn is None and task.template in self._graphs:
                    above[task.template] = max(above.get(task.template, 0), above[name] + 1)
        return above

    def _taken(self, header: str, loop: str) -> int:
        """How many levels further down the next turn of a loop is."""
        inside = {loop: 0}
        taken = 1
        for name in reversed(self._order):
            if name not in inside:
                continue
            for task in self._graphs[name].tasks:
                if task.turn == header:
                    taken = max(taken, inside[name] + 1)
                elif task.turn is None and task.template in self._graphs:
                    inside[task.template] = max(inside.get(task.template, 0), inside[name] + 1)
        return taken


def _inner_first(graphs: Mapping[str, Graph]) -> Iterator[str]:
    """Every template after those that it uses; what a turn uses is around it."""
    seen = {MAIN}
    stack = [(MAIN, _used(graphs, MAIN))]
    while stack:
        name, used = stack[-1]
        for each in used:
            if each not in seen:
                seen.add(each)
                stack.append((each, _used(graphs, each)))
                break
        else:
            stack.pop()
            yield name


def _used(graphs: Mapping[str, Graph], name: str) -> Iterator[str]:
    return (task.template for task in graphs[name].tasks if task.turn is None and task.template in graphs)
