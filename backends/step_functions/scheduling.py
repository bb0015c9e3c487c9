"""A deployed state machine's schedule: made, changed, and taken away when the flow has none any more.

EventBridge Scheduler gives tags to groups of schedules only.  So a schedule is the flow's where its description says
so, and the state machine has a tag that names its schedule: where there is neither a tag nor a wish, nobody asks the
Scheduler, which the deployer may have no permission for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.backends.step_functions.aws import asking
from penstock.backends.step_functions.schedules import MACHINE_ARN, description
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

Scheduled = Mapping[str, Any]
"""What GetSchedule answers."""


def find_schedule(scheduler: EventBridgeSchedulerClient, name: str) -> Scheduled | None:
    """The schedule of that name, None where there is none.

    Raises Refused.
    """
    with asking(f"look for the schedule {name}"):
        try:
            return scheduler.get_schedule(Name=name)
        except scheduler.exceptions.ResourceNotFoundException:
            return None


def demand_own_schedule(found: Scheduled | None, flow: str) -> None:
    """Raise Refused where there is a schedule and it is not the flow's."""
    if found is not None and not _is_own(found, flow):
        message = f"the schedule {found['Name']} exists and was not made for {flow}: it is left alone"
        raise Refused([Diagnostic("P541", message, help="choose another name with --name or --name-prefix")])


def put_schedule(
    scheduler: EventBridgeSchedulerClient, document: Mapping[str, Any], machine_arn: str, found: Scheduled | None
) -> str:
    """Make the schedule of ``document`` start the machine, and say what happened; ``found`` is what there is.

    One that somebody has disabled stays disabled.  Raises Refused.
    """
    wanted = scheduled_of(document, machine_arn)
    paused = found is not None and found.get("State") == "DISABLED"
    if found is not None and is_equal(found, wanted):
        return "unchanged, disabled" if paused else "unchanged"
    with asking(f"{'create' if found is None else 'update'} the schedule {wanted['Name']}"):
        if found is None:
            scheduler.create_schedule(**wanted)
            return "created"
        scheduler.update_schedule(**wanted, State="DISABLED" if paused else "ENABLED")
    return "updated, disabled" if paused else "updated"


def remove_schedule(scheduler: EventBridgeSchedulerClient, name: str, flow: str) -> str:
    """Delete the flow's schedule of that name, and say what happened.

    Raises Refused.
    """
    found = find_schedule(scheduler, name)
    if found is None:
        return "gone already"
    if not _is_own(found, flow):
        return "left alone: it was not made for this flow"
    with asking(f"delete the schedule {name}"):
        scheduler.delete_schedule(Name=name)
    return "deleted"


def scheduled_of(document: Mapping[str, Any], machine_arn: str) -> dict[str, Any]:
    """The arguments of CreateSchedule: the document with the machine's ARN in the place of :data:`MACHINE_ARN`."""
    target = {key: machine_arn if value == MACHINE_ARN else value for key, value in document["Target"].items()}
    return {**document, "Target": target}


def is_equal(found: Scheduled, wanted: Mapping[str, Any]) -> bool:
    """Whether a schedule that exists is the one that is wanted; what only AWS says of it does not count."""
    return all(found.get(key) == value for key, value in wanted.items() if key != "Target") and all(
        found["Target"].get(key) == value for key, value in wanted["Target"].items()
    )


def _is_own(found: Scheduled, flow: str) -> bool:
    return bool(found.get("Description") == description(flow))
