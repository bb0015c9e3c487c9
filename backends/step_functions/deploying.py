"""Uploads and registers a deployment; whatever is there already and equal stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.step_functions.aws import AwsClients, asking
from penstock.backends.step_functions.aws_tags import SCHEDULE_TAG, machine_tags
from penstock.backends.step_functions.machines import (
    Machine,
    create_machine,
    demand_own,
    find_machine,
    tag_machine,
    update_machine,
)
from penstock.backends.step_functions.scheduling import (
    demand_own_schedule,
    find_schedule,
    put_schedule,
    remove_schedule,
)
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.backends.step_functions.bundle import Deployment
    from penstock.backends.step_functions.scheduling import Scheduled
    from penstock.runtime_shim.datastore.protocol import Datastore


class Done(NamedTuple):
    """One thing of a deployment: ``what`` it is, its ``name``, and what ``happened`` to it, in a word."""

    what: str
    name: str
    happened: str


def deploy(deployment: Deployment, store: Datastore, clients: AwsClients) -> Iterator[Done]:
    """Make AWS hold the deployment, telling each thing as it is done.

    Nothing is touched before it is clear that the names of state machine and schedule are free or the flow's, and that
    the queues exist; the state machine comes after the job definitions that it names, and before what starts it.
    Raises Refused, StorageFailure.
    """
    machine = find_machine(clients.states, deployment.name)
    if machine is not None:
        demand_own(machine, deployment.flow)
    found = _own_schedule(deployment, clients)
    _demand_queues(deployment, clients)
    for entry in deployment.objects:
        stored = store.put_if_absent(entry["key"], deployment.files[entry["file"]], entry["attributes"])
        yield Done("code package", entry["url"], "uploaded" if stored else "unchanged")
    for definition in deployment.job_definitions:
        yield Done("job definition", definition["jobDefinitionName"], _register(definition, clients))
    outdated = _outdated_schedule(deployment, machine)
    arn, happened = _put_machine(deployment, machine, outdated, clients)
    yield Done("state machine", deployment.name, happened)
    if outdated is not None:
        yield Done("schedule", outdated, remove_schedule(clients.scheduler, outdated, deployment.flow))
        # Not before: were the schedule still there, the next deployment should know of it.
        tag_machine(clients.states, arn, {SCHEDULE_TAG: outdated}, {})
    if deployment.schedule is not None:
        happened = put_schedule(clients.scheduler, deployment.schedule, arn, found)
        yield Done("schedule", deployment.schedule["Name"], happened)


def _own_schedule(deployment: Deployment, clients: AwsClients) -> Scheduled | None:
    """The schedule that there is already, where the deployment has one."""
    if deployment.schedule is None:
        return None
    found = find_schedule(clients.scheduler, deployment.schedule["Name"])
    demand_own_schedule(found, deployment.flow)
    return found


def _outdated_schedule(deployment: Deployment, machine: Machine | None) -> str | None:
    """The schedule that starts the machine, where the deployment has none."""
    return machine.tags.get(SCHEDULE_TAG) if machine is not None and deployment.schedule is None else None


def _put_machine(
    deployment: Deployment, machine: Machine | None, outdated: str | None, clients: AwsClients
) -> tuple[str, str]:
    """The state machine's ARN, and what happened to it."""
    schedule = outdated if deployment.schedule is None else str(deployment.schedule["Name"])
    tags = machine_tags(deployment.flow, deployment.tags, schedule)
    if machine is None:
        return create_machine(clients.states, deployment, tags), "created"
    tagged = tag_machine(clients.states, machine.arn, machine.tags, tags)
    updated = update_machine(clients.states, deployment, machine)
    return machine.arn, "updated" if tagged or updated else "unchanged"


def _demand_queues(deployment: Deployment, clients: AwsClients) -> None:
    with asking(f"look for the job queues {', '.join(deployment.queues)}"):
        listed = clients.batch.describe_job_queues(jobQueues=deployment.queues)["jobQueues"]
    found = {name for queue in listed for name in (queue["jobQueueName"], queue["jobQueueArn"])}
    region = clients.batch.meta.region_name
    missing = [
        Diagnostic(
            "P539",
            f"there is no job queue {queue} in the region {region}",
            help="correct METAFLOW_BATCH_JOB_QUEUE, the queue of @batch, or AWS_REGION",
        )
        for queue in deployment.queues
        if queue not in found
    ]
    if missing:
        raise Refused(missing)


def _register(definition: dict[str, Any], clients: AwsClients) -> str:
    name = definition["jobDefinitionName"]
    with asking(f"register the job definition {name}"):
        request: Any = {"jobDefinitionName": name, "status": "ACTIVE"}
        if clients.batch.describe_job_definitions(**request)["jobDefinitions"]:
            return "unchanged"  # it is named by its content
        clients.batch.register_job_definition(**definition)
    return "registered"
