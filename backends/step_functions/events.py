"""How many events of an execution's history (25,000 at most) one split of a foreach and one turn of a loop cost, and
everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.compiler.program import Branches, Choice, Each, Item, Loop, Mesh, Run, regions_in

if TYPE_CHECKING:
    from penstock.backends.step_functions.layout import Layout
    from penstock.compiler.program import Region

ITERATION = 2
"""MapIterationStarted and MapIterationSucceeded."""
JOB = 6
"""Entered, scheduled, submitted, started, succeeded, exited."""
READ = 5
"""Entered, scheduled, started, succeeded, exited."""
CONTAINER = 4
"""Of a Map or a Parallel state: entered, started, succeeded, exited."""
CHOICE = 2
"""Entered, exited; a Succeed state's too."""
EXECUTION = 2
"""Started, succeeded."""


class Events(NamedTuple):
    """By opener the events of one iteration of its Map, by header those of one turn of its loop; ``fixed`` those of the
    whole execution without any iteration, with one turn of each loop and the dearest arm of each choice.

    Without those of further iterations and turns inside: their own openers and headers count them.
    """

    per_split: dict[str, int]
    per_turn: dict[str, int]
    fixed: int

    def fixed_of_child(self, opener: str) -> int:
        """As ``fixed``, where each iteration of the opener's Map is an execution of its own."""
        return self.per_split[opener] - ITERATION + EXECUTION


def events_of(root: Region, layout: Layout) -> Events:
    """What iterations and turns cost."""
    found = Events({}, {}, 0)
    regions = [root]
    for region in regions:  # grows while it is walked: outer before inner
        regions.extend(inner for item in region.items for inner in regions_in(item))
    costs: dict[int, int] = {}
    for region in reversed(regions):
        costs[id(region)] = sum(_cost(item, costs, found, layout) for item in region.items)
    return found._replace(fixed=EXECUTION + READ + costs[id(root)])


def _cost(item: Item, costs: dict[int, int], found: Events, layout: Layout) -> int:
    inside = [costs[id(region)] for region in regions_in(item)]
    match item:
        case Run(step=step):
            return JOB + _cost_of_going_on(step, layout)
        case Branches():
            return CONTAINER + sum(inside)
        case Each(opener=opener):
            found.per_split[opener] = ITERATION + sum(inside)
            return READ + CONTAINER
        case Choice():
            return max(inside, default=0)
        case Loop(header=header):
            found.per_turn[header] = sum(inside)
            return sum(inside)
        case Mesh(levels=levels):
            return CONTAINER * len(levels) + sum(inside)


def _cost_of_going_on(step: str, layout: Layout) -> int:
    if chosen := layout.choices(step):
        ends = any(not layout.reaches(step, target) for target in chosen)
        return READ + CHOICE + (CHOICE if ends else 0)
    after = layout.after(step)
    return READ if after is not None and layout.moves(step, after) else 0
