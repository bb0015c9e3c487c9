"""The words for splits and joins that do not match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.scopes import Arrival, Scope

_SHOWN = 5
"""So many branches are named; more are counted."""


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


def joins_in_part(
    graph: FlowGraph, name: str, arrivals: Sequence[Arrival], opened: Mapping[str, tuple[Scope, ...]]
) -> Diagnostic:
    """P213: some branches of one split do not arrive; P214: parts of several splits meet."""
    here = {arrival.scope for arrival in arrivals}
    partial = list(
        dict.fromkeys(a.scope.opener for a in arrivals if not here.issuperset(opened.get(a.scope.opener, ())))
    )
    if len(partial) > 1:
        return _crossing(graph, name, arrivals, partial)
    split = partial[0]
    missing = [scope.first for scope in opened[split] if scope not in here]
    count = len(opened[split])
    return Diagnostic(
        "P213",
        f"`{name}` joins {count - len(missing)} of the {count} branches of `{split}`",
        Label(graph[name].span, f"not from {_names(missing)}"),
        (Label(graph[split].exit_span, "the split"),),
        help=f"lead every branch of `{split}` to `{name}`: joining some of them first is not supported yet",
    )


def joins_foreach_with_others(graph: FlowGraph, name: str, arrivals: Sequence[Arrival], body: Scope) -> Diagnostic:
    """P215: a foreach body and something else end in one join."""
    return Diagnostic(
        "P215",
        f"`{name}` joins the foreach at `{body.opener}` together with something else",
        Label(graph[name].span, "a join closes one foreach, or splits, never both"),
        _both_paths(graph, name, sorted(arrivals, key=lambda arrival: arrival.scope is not body)),
        help=f"put a join in between: one that takes the inputs of the foreach at `{body.opener}` alone",
    )


def _crossing(graph: FlowGraph, name: str, arrivals: Sequence[Arrival], partial: Sequence[str]) -> Diagnostic:
    return Diagnostic(
        "P214",
        f"`{name}` joins parts of different splits, which is not supported yet",
        Label(graph[name].span, f"collects from the splits at {_names(partial)}"),
        _both_paths(graph, name, [next(a for a in arrivals if a.scope.opener == split) for split in partial[:2]]),
        help="join each split completely, then split again",
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
    return " → ".join([*way, name])


def _common(one: Scope, other: Scope) -> Scope:
    """The innermost scope around both."""
    while one is not other:
        if one.depth >= other.depth and one.outer is not None:
            one = one.outer
        elif other.outer is not None:
            other = other.outer
    return one


def _names(names: Sequence[str]) -> str:
    """`a`, `b` and `c`; long lists are cut."""
    shown = [f"`{name}`" for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
