"""From the graph to nested regions, once for all backends."""

from __future__ import annotations

from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.matching import scopes_of
from penstock.compiler.program import Branches, Each, Item, Program, Region, Run
from penstock.compiler.scopes import Scope, Scopes


def program_of(graph: FlowGraph) -> tuple[Program | None, tuple[Diagnostic, ...]]:
    """The program of a graph that passed the graph rules; None with diagnostics where splits and joins do not match."""
    scopes = scopes_of(graph)
    if scopes.faults:
        return None, tuple(scopes.faults)
    return Program(graph, _fold(scopes)), ()


def _fold(scopes: Scopes) -> Region:
    """Build the regions from the innermost outwards: a scope opened later is never around one opened before."""
    joins: dict[str, str] = {}
    for join, openers in scopes.closed.items():
        # A join that closes several splits is the join of the outermost; the inner ones flow straight to it.
        joins[openers[-1]] = join
    steps: dict[Scope, list[str]] = {scope: [] for scope in scopes.all}
    for step, scope in scopes.of.items():
        steps[scope].append(step)
    regions: dict[Scope, Region] = {}
    for scope in reversed(scopes.all):
        items: list[Item] = []
        for step in steps[scope]:
            items.append(Run(step))
            inner = scopes.opened.get(step, ())
            if inner and inner[0].foreach:
                items.append(Each(step, regions.pop(inner[0]), joins[step]))
            elif inner:
                items.append(Branches(step, tuple(regions.pop(branch) for branch in inner), joins.get(step)))
        regions[scope] = Region(tuple(items))
    return regions[scopes.all[0]]
