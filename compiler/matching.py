"""Which join closes which split or foreach.

A scope is pushed by an opener and popped by its join; steps of one scope follow each other.  This is the count of +1
per opener and −1 per join along the post-dominators of an opener, with a name on every +1: the scope a join pops to
is the one that holds the opener, so the join found is that of the count, and two paths that disagree about the count
show up as two different scopes at the step where they meet.  One pass in topological order, without the turns of
loops; nothing recurses.

A join that collects some branches of a split, or of several, makes them cross: it begins a scope of its own, which has
to be joined in their place.
"""

from __future__ import annotations

import heapq

from penstock.compiler import mismatches, mistaken_loops
from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.families import Families, Family
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.loops import Loops
from penstock.compiler.program import Join
from penstock.compiler.scopes import Arrival, Scope, Scopes, declared
from penstock.compiler.steps import Foreach, Goto, Split, Stop, Switch


def scopes_of(graph: FlowGraph, loops: Loops) -> Scopes:
    """The scopes of a graph that passed the graph rules, and whose loops have one entry each."""
    return _Matching(graph, loops).run()


class _Mismatch(Exception):
    """What a join collects does not fit together: ``args[0]`` says why."""


class _Matching:
    def __init__(self, graph: FlowGraph, loops: Loops) -> None:
        self._graph = graph
        self._turns = loops.turns
        self._found = Scopes()
        self._families = Families()
        self._edges: dict[tuple[str, str], Scope] = {}
        self._collected: dict[str, tuple[str, bool, list[Arrival]]] = {}

    def run(self) -> Scopes:
        for name in self._graph.topological(self._turns):
            arrivals = self._arrivals(name)
            scope = self._entered(name, arrivals) if arrivals is not None else None
            if scope is not None:
                self._found.of[name] = scope
                self._open(name, scope)
        for before, header in sorted(self._turns):
            self._turn(before, header)
        if not self._found.faults:
            self._finish()
        return self._found

    def _arrivals(self, name: str) -> list[Arrival] | None:
        """The edges to a step; None behind a fault, where nothing more is said."""
        arrivals = []
        for before in self._graph.predecessors(name):
            if (before, name) in self._turns:
                continue
            scope = self._edges.get((before, name)) or self._found.of.get(before)
            if scope is None:
                return None
            arrivals.append(Arrival(before, scope))
        return arrivals

    def _entered(self, name: str, arrivals: list[Arrival]) -> Scope | None:
        """The scope that step ``name`` stands in; None with a fault."""
        if not arrivals:
            return self._begin(Scope(0, name))
        distinct = list(dict.fromkeys(arrival.scope for arrival in arrivals))
        if self._graph[name].is_join:
            return self._joined(name, arrivals, distinct)
        if name == "end" and (len(distinct) > 1 or distinct[0].outer is not None):
            self._found.faults.append(mismatches.never_joined(self._graph, distinct))
            return None
        if len(distinct) > 1:
            self._found.faults.append(mismatches.meets_without_join(self._graph, name, arrivals))
            return None
        return distinct[0]

    def _joined(self, name: str, arrivals: list[Arrival], distinct: list[Scope]) -> Scope | None:
        if any(family is not None and family.faulty for family in map(self._families.of, distinct)):
            return None
        try:
            return self._join(name, arrivals, distinct)
        except _Mismatch as mismatch:
            fault: Diagnostic = mismatch.args[0]
            self._found.faults.append(fault)
            for family in filter(None, map(self._families.of, distinct)):
                family.faulty = True
            return None

    def _join(self, name: str, arrivals: list[Arrival], distinct: list[Scope]) -> Scope:
        """The scope that a join stands in.  Raises _Mismatch."""
        only = distinct[0]
        if len(distinct) == 1 and only.outer is None:
            raise _Mismatch(mismatches.joins_nothing(self._graph, name))
        if len(distinct) == 1 and only.foreach and only.outer is not None:
            self._end(only, name)
            self._found.closes[only.opener] = name
            self._collected[name] = (only.opener, True, arrivals)
            return only.outer
        if len(distinct) == 1:
            raise _Mismatch(mismatches.joins_one_branch(self._graph, name, only))
        for ending in distinct:
            self._end(ending, name)
        scope, closed = self._closed(name, arrivals, distinct)
        if not closed:
            return self._cross(name, arrivals, distinct)
        self._found.closes[closed[-1].opener] = name
        self._collected[name] = (closed[-1].opener, False, arrivals)
        return scope

    def _closed(self, name: str, arrivals: list[Arrival], distinct: list[Scope]) -> tuple[Scope, list[Family]]:
        """Close whole families, the innermost first, until one scope is left; gives that scope and what was closed.

        Nothing is closed where that is impossible: in a foreach body, or where not all branches arrive.
        """
        live = set(distinct)
        pending: list[tuple[tuple[int, int], str, Family]] = []
        known: set[Family | None] = {None}

        def push(scope: Scope) -> None:
            family = self._families.of(scope)
            if family not in known and family is not None:
                known.add(family)
                heapq.heappush(pending, (family.rank, family.opener, family))

        for scope in distinct:
            push(scope)
        closed: list[Family] = []
        while len(live) > 1:
            family = heapq.heappop(pending)[2]
            if family.foreach or not live.issuperset(family.live):
                return distinct[0], []
            if family.outer in live:
                raise _Mismatch(mismatches.depends_on_a_switch(self._graph, name, arrivals, family.live))
            if family.outer in self._found.ends:
                self._end(family.outer, family.opener)
            live -= family.live
            live.add(family.outer)
            push(family.outer)
            closed.append(family)
        for family in closed[:-1]:
            self._end(family.outer, family.opener)
        return live.pop(), closed

    def _cross(self, name: str, arrivals: list[Arrival], distinct: list[Scope]) -> Scope:
        """Make one family of all that meet here; the scope that begins with this join is one of it.

        Raises _Mismatch.
        """
        family = self._common(name, arrivals, distinct)
        family.crossed = True
        family.live.difference_update(distinct)
        began = self._begin(Scope(len(self._found.all), name, family.opener, family.outer, family.outer.depth + 1))
        family.live.add(began)
        self._families.found(family, (began,))
        self._found.begun[name] = began
        self._collected[name] = (family.opener, False, arrivals)
        return began

    def _common(self, name: str, arrivals: list[Arrival], distinct: list[Scope]) -> Family:
        """The family of all that arrive: inner ones are absorbed by outer ones until there is one."""
        pending = {family for scope in distinct if (family := self._families.of(scope)) is not None}
        here = set(distinct)
        ranked = [(family.rank, family.opener, family) for family in pending]
        heapq.heapify(ranked)
        while True:
            family = heapq.heappop(ranked)[2]
            if family.foreach:
                raise _Mismatch(mismatches.joins_foreach_with_others(self._graph, name, arrivals, family.opener))
            if not ranked and all(self._families.of(scope) is not None for scope in distinct):
                return family
            outer = self._families.of(family.outer)
            if outer is None or family.outer in here:
                raise _Mismatch(mismatches.depends_on_a_switch(self._graph, name, arrivals, family.live))
            self._end(family.outer, family.opener)
            outer.absorb(family)
            if outer not in pending:
                pending.add(outer)
                heapq.heappush(ranked, (outer.rank, outer.opener, outer))

    def _end(self, scope: Scope, place: str) -> None:
        """Note that ``scope`` ends at ``place``, a join or a split in it.

        Raises _Mismatch if it ends elsewhere too.
        """
        if self._found.ends.setdefault(scope, place) != place:
            raise _Mismatch(mismatches.ends_in_two_places(self._graph, scope, self._found.ends[scope], place))

    def _begin(self, scope: Scope) -> Scope:
        self._found.all.append(scope)
        return scope

    def _open(self, name: str, scope: Scope) -> None:
        """Push the scopes that step ``name`` opens."""
        match self._graph[name].transition:
            case Split(targets=targets):
                firsts, foreach = targets, False
            case Foreach(target=target):
                firsts, foreach = (target,), True
            case Goto() | Switch() | Stop():
                return
        start = len(self._found.all)
        inner = tuple(
            Scope(start + offset, first, name, scope, scope.depth + 1, foreach) for offset, first in enumerate(firsts)
        )
        self._found.all.extend(inner)
        self._found.opened[name] = inner
        self._families.found(Family(name, scope, foreach, set(inner)), inner)
        self._edges.update(((name, opened.first), opened) for opened in inner)

    def _turn(self, before: str, header: str) -> None:
        """A turn stays in the scope of the loop's header, and begins with a step that waits for nothing."""
        if self._graph[header].is_join:
            self._found.faults.append(mistaken_loops.begins_with_a_join(self._graph, before, header))
            return
        scope = self._edges.get((before, header)) or self._found.of.get(before)
        target = self._found.of.get(header)
        if scope is not None and target is not None and scope is not target:
            self._found.faults.append(mistaken_loops.out_of_a_scope(self._graph, before, header, scope, target))

    def _finish(self) -> None:
        """Note which splits cross, and what every join collects, its inputs in declaration order."""
        for split, opened in self._found.opened.items():
            family = self._families.of(opened[0])
            if family is not None and family.crossed:
                self._found.crossing[split] = family.opener
        order = self._found.order = declared(self._found)
        for name, (opener, foreach, arrivals) in self._collected.items():
            slots: dict[Scope, list[str]] = {}
            for arrival in sorted(arrivals, key=lambda arrival: order[arrival.scope]):
                slots.setdefault(arrival.scope, []).append(arrival.before)
            self._found.joins[name] = Join(opener, foreach, tuple(map(tuple, slots.values())))
