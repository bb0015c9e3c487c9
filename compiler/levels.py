"""The steps that stand directly in one scope or one loop, and which of them decides whether another runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from penstock.compiler.ancestry import Ancestry
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.loops import Loops
from penstock.compiler.scopes import Scopes
from penstock.compiler.steps import Foreach, Goto, Split, Stop, Switch, targets


@dataclass(slots=True, eq=False)
class Level:
    """A scope or a loop with what is inside of it contracted: its units are steps, and loops by their headers.

    A split or foreach is followed by its join.  ``units`` are in topological order; ``following`` gives the steps that
    a unit leads to, also those outside of the level, ``before`` the units that lead to one.  ``under`` are the units
    that run only if this one ran, and that no later unit decides about, in topological order.
    """

    first: str
    around: Level | None = None
    units: list[str] = field(default_factory=list)
    following: dict[str, dict[str, None]] = field(default_factory=dict)
    before: dict[str, dict[str, None]] = field(default_factory=dict)
    under: dict[str, list[str]] = field(default_factory=dict)

    def only_from(self, unit: str) -> list[str]:
        """The units that nothing but ``unit`` leads to, in the order in which it names them."""
        return [target for target in self.following[unit] if list(self.before.get(target, ())) == [unit]]


class Levels:
    """The levels of a graph without faults: ``of_scope`` of every scope, ``of_loop`` of every loop by its header."""

    def __init__(self, graph: FlowGraph, loops: Loops, scopes: Scopes) -> None:
        self._graph = graph
        self._loops = loops
        self._scopes = scopes
        self.of_scope = {scope: Level(scope.first) for scope in scopes.all}
        self.of_loop: dict[str, Level] = {}
        order = graph.topological(loops.turns)
        for step in order:
            self._place(step)
        for step in order:
            for target in self._successors(step):
                self._lead(step, target)
        for level in (*self.of_scope.values(), *self.of_loop.values()):
            _decide(level)

    def _place(self, step: str) -> None:
        """Put a step into its level; a header stands for its loop in the level around too."""
        scope = self._scopes.of[step]
        level = self._level(step)
        if self._loops.around.get(step) == step:
            around = self._loops.outer.get(step)
            outer = self.of_loop[around] if around and self._scopes.of[around] is scope else self.of_scope[scope]
            level = self.of_loop[step] = Level(step, outer)
            _add(outer, step)
        _add(level, step)

    def _level(self, step: str) -> Level:
        """Where a step that is no header stands: in the loop around it, unless it is in a deeper scope than that."""
        scope = self._scopes.of[step]
        header = self._loops.around.get(step)
        inside = header is not None and header in self.of_loop and self._scopes.of[header] is scope
        return self.of_loop[header] if inside and header is not None else self.of_scope[scope]

    def _successors(self, step: str) -> Iterator[str]:
        match self._graph[step].transition:
            case Split() | Foreach():
                if step in self._scopes.closes:
                    yield self._scopes.closes[step]
            case Goto() | Switch() | Stop() as transition:
                yield from targets(transition)

    def _lead(self, step: str, target: str) -> None:
        """Note that a step leads to another: in its own level, in those that it leaves, and in the one of both."""
        level: Level | None = self._level(step)
        unit = step
        turn = (step, target) in self._loops.turns
        while level is not None:
            level.following[unit][target] = None
            if turn and target == level.first:
                return
            if target in level.before:
                level.before[target][unit] = None
                return
            unit, level = level.first, level.around


def _add(level: Level, unit: str) -> None:
    level.units.append(unit)
    level.following[unit] = {}
    level.before[unit] = {}
    level.under[unit] = []


def _decide(level: Level) -> None:
    """The immediate dominators of a level, one pass in topological order."""
    tree = Ancestry(level.units[0])
    for unit in level.units[1:]:
        first, *more = level.before[unit]
        above = first
        for other in more:
            above = tree.common(above, other)
        tree.add(unit, above)
        level.under[above].append(unit)
