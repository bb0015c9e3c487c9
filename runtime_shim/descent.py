"""What a task starts with: the artifacts it has from its parents, and its foreach stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.runtime_shim.frames import ForeachFrame, frames_of
from penstock.runtime_shim.place import splits_of
from penstock.runtime_shim.scope import (
    ITEMS,
    LEVEL,
    OF_A_TASK,
    STACK,
    Artifacts,
    Scope,
    carried_by_joins,
    constants_of,
    level_names,
)

if TYPE_CHECKING:
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.place import Place
    from penstock.runtime_shim.plan import Plan, PlannedStep


def descend(flow_class: type[FlowSpec], plan: Plan, planned: PlannedStep, place: Place) -> Scope:
    """The scope of a task that is about to run.

    A plain step has all artifacts of its parent; a join has parameters and class constants.  Nothing is read for it
    but the stack of an opener that is inside another foreach.
    """
    artifacts = Artifacts()
    frames: list[ForeachFrame] | None = None
    if planned.is_join:
        frames = _below_join(flow_class, planned, place, artifacts)
    else:
        parent = place.parents[0]
        artifacts.take(parent, (name for name in parent.objects if name not in OF_A_TASK and name != ITEMS))
        if place.split is not None:
            frames = _enter_body(plan, planned, place, artifacts)
    if frames is None and not planned.stack:
        frames = []
    return Scope(
        plan.flow,
        planned.name,
        artifacts,
        planned=planned,
        frames=frames,
        constants=frozenset(constants_of(flow_class)),
    )


def _enter_body(plan: Plan, planned: PlannedStep, place: Place, artifacts: Artifacts) -> list[ForeachFrame]:
    """One frame more than the opener has; the opener's items are kept at hand under the name of their level."""
    opener = place.parents[0]
    level = len(planned.stack) - 1
    over = str(plan[opener.step].over)
    artifacts.take_as(f"{LEVEL}{level}", opener, ITEMS if ITEMS in opener.objects else over)
    outer = frames_of(opener.load(STACK)) if level else []
    return [*outer, ForeachFrame(planned.name, over, splits_of(opener), place.split or 0)]


def _below_join(
    flow_class: type[FlowSpec], planned: PlannedStep, place: Place, artifacts: Artifacts
) -> list[ForeachFrame] | None:
    """Parameters, constants, and the stack: that of the opener where it is at hand, else the inputs' without its
    top.
    """
    base = place.opener or place.parents[0]
    depth = len(planned.stack)
    artifacts.take(base, [*carried_by_joins(flow_class), *level_names(depth)])
    if planned.closes == "split" or place.opener is not None:
        artifacts.take(base, [STACK])
        return None
    return frames_of(base.load(STACK))[:-1]
