"""Uploads and registers a deployment; whatever is there already and equal stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.step_functions.aws import AwsClients, asking
from penstock.backends.step_functions.machines import FLOW_TAG, Machine, demand_own, find_machine
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.backends.step_functions.bundle import Deployment
    from penstock.runtime_shim.datastore.protocol import Datastore


class Done(NamedTuple):
    """One thing of a deployment: ``what`` it is, its ``name``, and what ``happened`` to it, in a word."""

    what: str
    name: str
    happened: str


def deploy(deployment: Deployment, store: Datastore, clients: AwsClients) -> Iterator[Done]:
    """Make AWS hold the deployment, telling each thing as it is done.

    Nothing is touched before it is clear that the state machine's name is free or the flow's, and that the queues
    exist; the state machine comes last, so that it never names a job definition that is not there.  Raises Refused,
    StorageFailure.
    """
    machine = find_machine(clients.states, deployment.name)
    if machine is not None:
        demand_own(machine, deployment.flow)
    _demand_queues(deployment, clients)
    for entry in deployment.objects:
        stored = store.put_if_absent(entry["key"], deployment.files[entry["file"]], entry["attributes"])
        yield Done("code package", entry["url"], "uploaded" if stored else "unchanged")
    for definition in deployment.job_definitions:
        yield Done("job definition", definition["jobDefinitionName"], _register(definition, clients))
    happened = _create(deployment, clients) if machine is None else _update(deployment, machine, clients)
    yield Done("state machine", deployment.name, happened)


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


def _create(deployment: Deployment, clients: AwsClients) -> str:
    with asking(f"create the state machine {deployment.name}"):
        clients.states.create_state_machine(
            name=deployment.name,
            definition=deployment.definition,
            roleArn=str(deployment.manifest["role"]),
            type="STANDARD",
            tags=[{"key": FLOW_TAG, "value": deployment.flow}],
        )
    return "created"


def _update(deployment: Deployment, machine: Machine, clients: AwsClients) -> str:
    role = str(deployment.manifest["role"])
    with asking(f"update the state machine {deployment.name}"):
        current = clients.states.describe_state_machine(stateMachineArn=machine.arn)
        if current["definition"] == deployment.definition and current["roleArn"] == role:
            return "unchanged"
        clients.states.update_state_machine(stateMachineArn=machine.arn, definition=deployment.definition, roleArn=role)
    return "updated"
