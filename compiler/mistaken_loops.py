"""The words for loops that are none a scheduler could turn."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.scopes import Scope

_SHOWN = 6
"""So many steps of a way are named; more are left out."""


def second_entry(graph: FlowGraph, header: str, before: str, inside: str, came: Mapping[str, str]) -> Diagnostic:
    """P219: a loop is entered at ``header``, and by ``before`` at ``inside`` too; ``came`` is a way to every step."""
    first, second = _apart(_way(came, header), [*_way(came, before), inside])
    return Diagnostic(
        "P219",
        f"a loop is entered at two places, `{header}` and `{inside}`",
        Label(graph[before].exit_span, f"along `{shown(second)}`"),
        (Label(graph[came[header]].exit_span, f"along `{shown(first)}`"),) if header in came else (),
        help=f"enter it at one step: go to `{header}` here, or let `{header}` decide where to begin",
    )


def out_of_a_scope(graph: FlowGraph, before: str, header: str, scope: Scope, target: Scope) -> Diagnostic:
    """P218: a loop goes back from inside of a branch or a foreach to before it, or from behind it to its inside."""
    inside: Scope | None = target
    while inside is not None and inside is not scope:
        inside = inside.outer
    entered = inside is scope
    crossed = target if entered else scope
    kind = "foreach" if crossed.foreach else "split"
    return Diagnostic(
        "P218",
        f"`{before}` goes back to `{header}` {'into' if entered else 'out of'} the {kind} at `{crossed.opener}`",
        Label(graph[before].exit_span, "" if entered else "the tasks beside it would be left behind"),
        (Label(graph[crossed.opener].exit_span, f"the {kind}"), Label(graph[header].span, "where the loop begins")),
        help=f"go back to a step before the {kind}, so that all of it runs again"
        if entered
        else f"join the {kind} first, and go back from a step after the join",
    )


def begins_with_a_join(graph: FlowGraph, before: str, header: str) -> Diagnostic:
    """P220: a loop goes back to a join, which has nothing to join then."""
    return Diagnostic(
        "P220",
        f"`{before}` goes back to the join `{header}`",
        Label(graph[before].exit_span, "brings one input, and the join waits for all"),
        (Label(graph[header].span, "takes `inputs`"),),
        help=f"let `{header}` go on to a new step, and go back to that one",
    )


def shown(way: list[str]) -> str:
    """``a → b → … → z``."""
    names = way if len(way) <= _SHOWN else [*way[: _SHOWN - 2], "…", way[-1]]
    return " → ".join(names)


def _way(came: Mapping[str, str], step: str) -> list[str]:
    way = [step]
    while way[-1] in came:
        way.append(came[way[-1]])
    return way[::-1]


def _apart(one: list[str], other: list[str]) -> tuple[list[str], list[str]]:
    """Two ways from their last common step on."""
    common = 0
    while common < min(len(one), len(other)) and one[common] == other[common]:
        common += 1
    return one[max(common - 1, 0) :], other[max(common - 1, 0) :]
