"""Rules about the graph as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.steps import Foreach, Goto, Split, Stop, Switch

_SHOWN = 6
"""So many steps of a loop are named; more are left out."""


def nothing_leads_to_start(graph: FlowGraph) -> Iterator[Diagnostic]:
    """P202: a flow starts once."""
    for before in graph.predecessors("start"):
        yield Diagnostic(
            "P202",
            f"step `{before}` goes back to `start`",
            Label(graph[before].exit_span),
            (Label(graph["start"].span),),
            help="`start` runs first and once; let it go on to another step and return to that one",
        )


def no_orphans(graph: FlowGraph) -> Iterator[Diagnostic]:
    """P203: every step can be reached from `start`.

    Of steps that only lead on from each other the first is named, unless none is the first.  That a loop without a way
    out never reaches `end` is said of the loop.
    """
    reached = graph.reachable("start")
    endless = next(graph.cycles(), None) is not None
    lost = [name for name in graph.steps if name not in reached and not (name == "end" and endless)]
    heads = [name for name in lost if not graph.predecessors(name)]
    for name in heads or lost[:1]:
        yield Diagnostic(
            "P203",
            f"step `{name}` can never run: nothing leads to it",
            Label(graph[name].span),
            help=f"add `self.next(self.{name})` to another step, or remove `{name}`",
        )


def loops_are_left(graph: FlowGraph) -> Iterator[Diagnostic]:
    """P204: a loop that nothing leads out of never ends."""
    for cycle in graph.cycles():
        inside = set(cycle)
        if "start" in cycle or any(not inside.issuperset(graph.successors(name)) for name in cycle):
            continue  # where an edge goes back to `start`, that one is what is wrong
        path = _round(graph, cycle)
        back = path[-1]
        yield Diagnostic(
            "P204",
            "the flow never gets out of a loop",
            Label(graph[back].exit_span, f"goes back to `{path[0]}`"),
            (Label(graph[path[0]].span, f"the loop is {_shown(path)}"),) if back != path[0] else (),
            help="let a switch in the loop lead out of it",
        )


def no_empty_branch(graph: FlowGraph) -> Iterator[Diagnostic]:
    """P207: there is a step between a split or foreach and its join."""
    for step in graph.steps.values():
        match step.transition:
            case Split():
                kind = "split"
            case Foreach():
                kind = "foreach"
            case Goto() | Switch() | Stop():
                continue
        for name in graph.successors(step.name):
            if graph[name].is_join:
                yield Diagnostic(
                    "P207",
                    f"the {kind} at `{step.name}` leads straight to the join `{name}`",
                    Label(step.exit_span),
                    (Label(graph[name].span, "takes `inputs`"),),
                    help="put at least one step between them",
                )


def nothing_caught_where_the_flow_divides(graph: FlowGraph) -> Iterator[Diagnostic]:
    """P221: after a foreach or a switch that was caught nobody would know where to go on."""
    for step in graph.steps.values():
        caught = next((decorator for decorator in step.decorators if decorator.name == "catch"), None)
        if caught is not None and isinstance(step.transition, Foreach | Switch):
            kind = "foreach" if isinstance(step.transition, Foreach) else "switch"
            yield Diagnostic(
                "P221",
                f"`@catch` cannot go on after step `{step.name}`, which is a {kind}",
                Label(caught.span or step.span),
                (Label(step.exit_span, "a step that failed has not said what comes next"),),
                help=f"catch in a step before it, and let `{step.name}` do nothing but go on",
            )


def _round(graph: FlowGraph, cycle: tuple[str, ...]) -> list[str]:
    """One way round, from the first step of ``cycle`` that is led to from outside to the step that goes back to it."""
    inside = set(cycle)
    entry = next((name for name in cycle if not inside.issuperset(graph.predecessors(name))), cycle[0])
    came: dict[str, str] = {}
    queue = [entry]
    for name in queue:
        for following in graph.successors(name):
            if following == entry:
                path = [name]
                while path[-1] != entry:
                    path.append(came[path[-1]])
                return path[::-1]
            if following in inside and following not in came:
                came[following] = name
                queue.append(following)
    raise AssertionError("a strongly connected component has a way round")


def _shown(path: list[str]) -> str:
    names = path if len(path) <= _SHOWN else [*path[: _SHOWN - 1], "…", path[-1]]
    return " → ".join([*names, path[0]])
