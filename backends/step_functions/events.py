"""How many events of an execution's history (25,000 at most) one split of a foreach costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.compiler.program import Branches, Choice, Each, Item, Loop, Mesh, Run

if TYPE_CHECKING:
    from penstock.compiler.program import Region

ITERATION = 2
"""MapIterationStarted and MapIterationSucceeded."""
JOB = 6
"""Entered, scheduled, submitted, started, succeeded, exited."""
READ = 5
"""Entered, scheduled, started, succeeded, exited."""
CONTAINER = 4
"""Of a Map or a Parallel state: entered, started, succeeded, exited."""


def events_per_split(root: Region) -> dict[str, int]:
    """By opener, the events of one iteration of its Map, without those of the iterations of Maps inside it: their own
    openers count them.
    """
    costs: dict[str, int] = {}
    pending: list[tuple[Item, str | None]] = [(item, None) for item in root.items]
    while pending:
        item, around = pending.pop()
        match item:
            case Run():
                cost = JOB
            case Branches(regions=regions):
                cost = CONTAINER
                pending.extend((inner, around) for region in regions for inner in region.items)
            case Choice() | Loop() | Mesh():
                raise AssertionError(f"the capabilities refuse {item!r}")
            case Each(opener=opener, body=body):
                cost = READ + CONTAINER
                costs[opener] = costs.get(opener, 0) + ITERATION
                pending.extend((inner, opener) for inner in body.items)
        if around is not None:
            costs[around] = costs.get(around, 0) + cost
    return costs
