"""Which join closes which split or foreach.

A scope is pushed by an opener and popped by its join; steps of one scope follow each other.  This is the count of +1
per opener and −1 per join along the post-dominators of an opener, with a name on every +1: the scope a join pops to
is the one that holds the opener, so the join found is that of the count, and two paths that disagree about the count
show up as two different scopes at the step where they meet.  One pass in topological order; nothing recurses.
"""

from __future__ import annotations

import heapq

from penstock.compiler import mismatches
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.scopes import Arrival, Scope, Scopes
from penstock.compiler.steps import Foreach, Goto, Split, Stop, Switch


def scopes_of(graph: FlowGraph) -> Scopes:
    """The scopes of a graph that passed the graph rules: acyclic, every step reachable from `start`."""
    return _Matching(graph).run()


class _Matching:
    def __init__(self, graph: FlowGraph) -> None:
        self._graph = graph
        self._found = Scopes()
        self._edges: dict[tuple[str, str], Scope] = {}

    def run(self) -> Scopes:
        for name in self._graph.topological():
            arrivals = self._arrivals(name)
            scope = self._entered(name, arrivals) if arrivals is not None else None
            if scope is not None:
                self._found.of[name] = scope
                self._open(name, scope)
        return self._found

    def _arrivals(self, name: str) -> list[Arrival] | None:
        """The edges to a step; None behind a fault, where nothing more is said."""
        arrivals = []
        for before in self._graph.predecessors(name):
            scope = self._edges.get((before, name)) or self._found.of.get(before)
            if scope is None:
                return None
            arrivals.append(Arrival(before, scope))
        return arrivals

    def _entered(self, name: str, arrivals: list[Arrival]) -> Scope | None:
        """The scope that step ``name`` stands in; None with a fault."""
        if not arrivals:
            root = Scope(0, name)
            self._found.all.append(root)
            return root
        distinct = list(dict.fromkeys(arrival.scope for arrival in arrivals))
        if self._graph[name].is_join:
            return self._join(name, arrivals, distinct)
        if name == "end" and (len(distinct) > 1 or distinct[0].outer is not None):
            self._found.faults.append(mismatches.never_joined(self._graph, distinct))
            return None
        if len(distinct) > 1:
            self._found.faults.append(mismatches.meets_without_join(self._graph, name, arrivals))
            return None
        return distinct[0]

    def _join(self, name: str, arrivals: list[Arrival], distinct: list[Scope]) -> Scope | None:
        only = distinct[0]
        if len(distinct) == 1 and only.outer is None:
            self._found.faults.append(mismatches.joins_nothing(self._graph, name))
            return None
        if len(distinct) == 1 and only.foreach:
            self._found.closed[name] = (only.opener,)
            return only.outer
        scope, closed = self._close_splits(distinct)
        if closed:
            self._found.closed[name] = closed
            return scope
        if scope.foreach:
            fault = mismatches.joins_foreach_with_others(self._graph, name, arrivals, scope)
        else:
            fault = mismatches.joins_in_part(self._graph, name, arrivals, self._found.opened)
        self._found.faults.append(fault)
        return None

    def _close_splits(self, distinct: list[Scope]) -> tuple[Scope, tuple[str, ...]]:
        """Close whole splits, the deepest first, until one scope is left; gives that scope and what was closed.

        Where that is impossible nothing is closed, and the scope is the one in the way: a foreach body, or a branch
        whose siblings do not all arrive.
        """
        live = set(distinct)
        deepest = [(-scope.depth, scope.number, scope) for scope in distinct]
        heapq.heapify(deepest)
        closed: list[str] = []
        while True:
            scope = deepest[0][2]
            if len(live) == 1:
                return scope, tuple(closed)
            siblings = self._found.opened.get(scope.opener, ())
            if scope.foreach or scope.outer is None or not live.issuperset(siblings):
                return scope, ()
            live.difference_update(siblings)
            # Siblings have one depth, the greatest there is, and their numbers follow each other: they are on top.
            for _ in siblings:
                heapq.heappop(deepest)
            if scope.outer not in live:
                live.add(scope.outer)
                heapq.heappush(deepest, (-scope.outer.depth, scope.outer.number, scope.outer))
            closed.append(scope.opener)

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
        self._edges.update(((name, opened.first), opened) for opened in inner)
