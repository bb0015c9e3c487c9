"""From the graph to nested regions, once for all backends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from penstock.compiler.crossings import Crossings
from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.levels import Level, Levels
from penstock.compiler.loops import Loops, loops_of
from penstock.compiler.matching import scopes_of
from penstock.compiler.program import Arm, Branches, Choice, Each, Item, Loop, Mesh, Program, Region, Run
from penstock.compiler.scopes import Scope, Scopes


def program_of(graph: FlowGraph) -> tuple[Program | None, tuple[Diagnostic, ...]]:
    """The program of a graph that passed the graph rules; None with diagnostics where loops, splits and joins do not
    match.
    """
    loops = loops_of(graph)
    if loops.faults:
        return None, tuple(loops.faults)
    scopes = scopes_of(graph, loops)
    if scopes.faults:
        return None, tuple(scopes.faults)
    return Program(graph, _Builder(graph, loops, scopes).region(), scopes.joins), ()


@dataclass(slots=True, eq=False)
class _Draft:
    """A region while it is written; ``region`` is there once it is finished."""

    items: list[_Item] = field(default_factory=list)
    region: Region | None = None

    @property
    def finished(self) -> Region:
        if self.region is None:
            raise AssertionError("a region is finished before the one around it")
        return self.region


@dataclass(slots=True, eq=False)
class _Unfinished:
    """An item of which the regions are drafts; an empty draft stands for an arm without a region."""

    kind: type[Branches | Each | Choice | Loop | Mesh]
    name: str
    after: str | None
    parts: list[list[_Draft]] = field(default_factory=list)
    targets: Sequence[str] = ()


_Item = Run | _Unfinished


class _Builder:
    """Writes the regions from the outermost inwards, and finishes them from the innermost outwards."""

    def __init__(self, graph: FlowGraph, loops: Loops, scopes: Scopes) -> None:
        self._graph = graph
        self._scopes = scopes
        self._levels = Levels(graph, loops, scopes)
        self._crossings = Crossings(scopes)
        self._drafts: list[_Draft] = []
        self._pending: list[tuple[_Draft, Level, str]] = []

    def region(self) -> Region:
        """The region of the whole flow."""
        whole = self._scope(self._scopes.all[0])
        while self._pending:
            self._write(*self._pending.pop())
        for draft in reversed(self._drafts):
            if draft.items:
                draft.region = Region(tuple(map(_finished, draft.items)))
        return whole.finished

    def _scope(self, scope: Scope) -> _Draft:
        level = self._levels.of_scope[scope]
        return self._begin(level, level.first)

    def _begin(self, level: Level, unit: str) -> _Draft:
        """A region that begins with a unit of a level."""
        draft = _Draft()
        self._drafts.append(draft)
        self._pending.append((draft, level, unit))
        return draft

    def _write(self, draft: _Draft, level: Level, unit: str) -> None:
        """Write a unit and all that follows it in its region."""
        loop = self._levels.of_loop.get(unit)
        if loop is not None and loop is not level:
            draft.items.append(_Unfinished(Loop, unit, None, [[self._begin(loop, unit)]]))
        else:
            draft.items.append(Run(unit))
            self._open(draft, unit)
        chooses = len(level.following[unit]) > 1
        arms = set(level.only_from(unit)) if chooses else set()
        rest = [following for following in level.under[unit] if following not in arms]
        if chooses:
            drafts = [self._begin(level, to) if to in arms else _Draft() for to in level.following[unit]]
            after = rest[0] if rest else None
            draft.items.append(_Unfinished(Choice, unit, after, [drafts], list(level.following[unit])))
        self._pending.extend((draft, level, following) for following in reversed(rest))

    def _open(self, draft: _Draft, step: str) -> None:
        """Write what a split or a foreach opens."""
        branches = self._scopes.opened.get(step, ())
        join = self._scopes.closes.get(step)
        if branches and branches[0].foreach:
            draft.items.append(_Unfinished(Each, step, join, [[self._scope(branches[0])]]))
        elif step not in self._scopes.crossing:
            if branches:
                draft.items.append(_Unfinished(Branches, step, join, [[self._scope(branch) for branch in branches]]))
        elif step in self._crossings.groups:
            groups = self._crossings.groups[step]
            if len(groups) == 1:
                draft.items.append(self._mesh(step, groups[0], join))
            else:
                draft.items.append(_Unfinished(Branches, step, join, [[self._group(step, group) for group in groups]]))

    def _group(self, split: str, group: Sequence[Scope]) -> _Draft:
        """The region of branches that meet inside of a crossing; of a branch that meets none, its own."""
        if len(group) == 1:
            return self._scope(group[0])
        draft = _Draft()
        self._drafts.append(draft)
        draft.items.append(self._mesh(split, group, None))
        return draft

    def _mesh(self, split: str, group: Sequence[Scope], join: str | None) -> _Unfinished:
        levels = self._crossings.levels(group)
        return _Unfinished(Mesh, split, join, [[self._scope(scope) for scope in level] for level in levels])


def _finished(item: _Item) -> Item:
    if isinstance(item, Run):
        return item
    if item.kind is Choice:
        arms = zip(item.targets, item.parts[0], strict=True)
        return Choice(item.name, tuple(Arm(target, draft.region) for target, draft in arms), item.after)
    levels = tuple(tuple(draft.finished for draft in drafts) for drafts in item.parts)
    if item.kind is Branches:
        return Branches(item.name, levels[0], item.after)
    if item.kind is Mesh:
        return Mesh(item.name, levels, item.after)
    if item.kind is Loop:
        return Loop(item.name, levels[0][0])
    return Each(item.name, levels[0][0], item.after or "")
