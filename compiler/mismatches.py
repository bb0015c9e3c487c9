"""The words for splits and joins that do not match."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.scopes import Arrival, Scope


def never_joined(graph: FlowGraph, scopes: Sequence[Scope]) -> Diagnostic:
    """P210: `end` is reached inside a split or a foreach."""
    inside = max(scopes, key=lambda scope: (scope.depth, -scope.number))
    kind = "foreach" if inside.foreach else "split"
    return Diagnostic(
        "P210",
        f"the {kind} at `{inside.opener}` is never joined",
        Label(graph[inside.opener].exit_span, f"this {kind} is still open where `end` is reached"),
        (Label(graph["end"].span),),
        help="put a join, a step that takes `(self, inputs)`, before `end`",
    )


def joins_nothing(graph: FlowGraph, name: str) -> Diagnostic:
    """P211: a join outside of every split."""
    return Diagnostic(
        "P211",
        f"`{name}` is a join, but nothing is split before it",
        Label(graph[name].span, "takes `inputs`"),
        tuple(Label(graph[before].exit_span, f"`{before}` leads here") for before in graph.predecessors(name)[:1]),
        help=f"write `def {name}(self):`, or split before it",
    )


def meets_without_join(graph: FlowGraph, name: str, arrivals: Sequence[Arrival]) -> Diagnostic:
    """P212: paths meet in a step that takes no inputs."""
    return Diagnostic(
        "P212",
        f"several branches meet in `{name}`, which is no join",
        Label(graph[name].span, "takes no `inputs`"),
        _both_paths(graph, name, arrivals),
        help=f"write `def {name}(self, inputs):`, or join the branches in a step before it",
    )


def joins_one_branch(graph: FlowGraph, name: str, only: Scope) -> Diagnostic:
    """P213: a single branch arrives at a join."""
    return Diagnostic(
        "P213",
        f"`{name}` joins a single branch of the split at `{only.opener}`",
        Label(graph[name].span, f"only from `{only.first}`"),
        (Label(graph[only.opener].exit_span, "the split"),),
        help=f"write `def {name}(self):`, or lead other branches to `{name}` too",
    )


def joins_foreach_with_others(graph: FlowGraph, name: str, arrivals: Sequence[Arrival], opener: str) -> Diagnostic:
    """P215: a foreach body and something else end in one join."""
    return Diagnostic(
        "P215",
        f"`{name}` joins the foreach at `{opener}` together with something else",
        Label(graph[name].span, "a join closes one foreach, or splits, never both"),
        _both_paths(graph, name, sorted(arrivals, key=lambda arrival: not _stands_in(arrival.scope, opener))),
        help=f"put a join in between: one that takes the inputs of the foreach at `{opener}` alone",
    )


def depends_on_a_switch(
    graph: FlowGraph, name: str, arrivals: Sequence[Arrival], inside: Collection[Scope]
) -> Diagnostic:
    """P216: a join collects one thing or another; ``inside`` are the scopes of one of the two."""
    return Diagnostic(
        "P216",
        f"what `{name}` collects depends on a switch",
        Label(graph[name].span, "takes `inputs`"),
        _both_paths(
            graph,
            name,
            [
                next(arrival for arrival in arrivals if arrival.scope in inside),
                next(arrival for arrival in arrivals if arrival.scope not in inside),
            ],
        ),
        help="join what is split in an arm inside of that arm, and let the arms meet in a step without `inputs`",
    )


def ends_in_two_places(graph: FlowGraph, scope: Scope, one: str, other: str) -> Diagnostic:
    """P217: the arms of a switch in a branch end it in different ways."""
    ending = [f"in the join `{name}`" if graph[name].is_join else f"in the split at `{name}`" for name in (one, other)]
    what = "foreach" if scope.foreach else "split"
    return Diagnostic(
        "P217",
        f"what begins with `{scope.first}` may end {ending[0]} or {ending[1]}",
        Label(graph[scope.first].span, f"inside of the {what} at `{scope.opener}`"),
        tuple(Label(graph[name].span) for name in dict.fromkeys((one, other))),
        help=f"let every path from `{scope.first}` end in the same join: a switch may not leave its branch otherwise",
    )


def _both_paths(graph: FlowGraph, name: str, arrivals: Sequence[Arrival]) -> tuple[Label, ...]:
    """The paths of two arrivals that differ, from where they part."""
    first = arrivals[0]
    second = next(arrival for arrival in arrivals if arrival.scope is not first.scope)
    outer = _common(first.scope, second.scope)
    return tuple(
        Label(graph[arrival.before].exit_span, f"along `{_path(graph, arrival, outer, name)}`")
        for arrival in (first, second)
    )


def _path(graph: FlowGraph, arrival: Arrival, outer: Scope, name: str) -> str:
    """How ``arrival`` comes from ``outer`` to ``name``: the ends of the way, with a mark for what is between."""
    scope, before = arrival.scope, arrival.before
    if scope is outer:
        return f"{before} → {name}"
    while scope.outer is not None and scope.outer is not outer:
        scope = scope.outer
    way = [scope.opener] if before == scope.opener else [scope.opener, scope.first]
    if before not in way:
        way += [before] if scope.first in graph.predecessors(before) else ["…", before]
    if scope.first not in graph.successors(scope.opener):
        way.insert(1, "…")  # the scope begins with a join of crossing branches
    return " → ".join([*way, name])


def _stands_in(scope: Scope | None, opener: str) -> bool:
    """Whether ``scope`` is one that ``opener`` opened, or inside of one."""
    while scope is not None and scope.opener != opener:
        scope = scope.outer
    return scope is not None


def _common(one: Scope, other: Scope) -> Scope:
    """The innermost scope around both."""
    while one is not other:
        if one.depth >= other.depth and one.outer is not None:
            one = one.outer
        elif other.outer is not None:
            other = other.outer
    return one
