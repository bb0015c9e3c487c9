"""What AWS has of a flow, and what a deployment would make of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from penstock.backends.step_functions.aws import asking
from penstock.backends.step_functions.aws_tags import SCHEDULE_TAG, machine_tags
from penstock.backends.step_functions.comparing.code import CodeFiles, code_files
from penstock.backends.step_functions.comparing.description import PACKAGE_VARIABLE, Parts
from penstock.backends.step_functions.scheduling import find_schedule
from penstock.runtime_shim.datastore.opening import open_datastore
from penstock.runtime_shim.datastore.protocol import Missing
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.records import blob_key

if TYPE_CHECKING:
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.bundle import Deployment
    from penstock.backends.step_functions.machines import Machine
    from penstock.runtime_shim.configuration import Configuration


def parts_of(deployment: Deployment) -> Parts:
    """What a deployment would make."""
    definitions = {each["jobDefinitionName"]: each for each in deployment.job_definitions}
    (package,) = (deployment.files[entry["file"]] for entry in deployment.objects)
    return Parts(
        definition=json.loads(deployment.definition),
        job_definitions=definitions,
        role=str(deployment.manifest["role"]),
        logging=deployment.logging,
        tags=machine_tags(deployment.flow, deployment.tags, None),
        schedule=deployment.schedule,
        code=code_files(package, _script(definitions)),
    )


def deployed_parts(machine: Machine, clients: AwsClients, configuration: Configuration) -> Parts:
    """What there is of a state machine and all that belongs to it.

    Raises Refused.
    """
    with asking(f"read the state machine {machine.name}"):
        described: Any = clients.states.describe_state_machine(stateMachineArn=machine.arn)
    definition = json.loads(described["definition"])
    definitions = {name: _job_definition(name, clients) for name in dict.fromkeys(_job_definitions(definition))}
    known = {name: each for name, each in definitions.items() if each is not None}
    name = machine.tags.get(SCHEDULE_TAG)
    return Parts(
        definition=definition,
        job_definitions=known,
        role=described["roleArn"],
        logging=described.get("loggingConfiguration") or {},
        tags=machine.tags,
        schedule=None if name is None else find_schedule(clients.scheduler, name),
        code=_stored_code(known, configuration),
    )


def _job_definitions(machine: Mapping[str, Any]) -> Iterator[str]:
    pending = [machine]
    while pending:
        for state in pending.pop()["States"].values():
            pending += [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]
            name = state.get("Parameters", {}).get("JobDefinition")
            if name is not None:
                yield name


def _job_definition(name: str, clients: AwsClients) -> Mapping[str, Any] | None:
    """The newest active revision, as AWS takes it where a state names none; None where there is none any more."""
    with asking(f"read the job definition {name}"):
        request: Any = {"jobDefinitionName": name, "status": "ACTIVE"}
        listed: Any = clients.batch.describe_job_definitions(**request)["jobDefinitions"]
    return max(listed, key=lambda each: each["revision"], default=None)


def _stored_code(definitions: Mapping[str, Mapping[str, Any]], configuration: Configuration) -> CodeFiles | None:
    """The deployed code package, from the datastore that the jobs read; None where one may not read it from here."""
    variables = _variables(definitions)
    root, flow, sha = (variables.get(name) for name in ("PENSTOCK_ROOT", "PENSTOCK_FLOW", PACKAGE_VARIABLE))
    if not root or not flow or not sha:
        return None
    try:
        data = open_datastore("s3", root, configuration).get(blob_key(flow, sha))
    except (Failure, Missing):
        return None
    return code_files(data, _script(definitions))


def _script(definitions: Mapping[str, Mapping[str, Any]]) -> str:
    """The flow file in the code package."""
    entry = json.loads(_variables(definitions).get("PENSTOCK_ENTRY", "[]"))
    return str(entry[-1]) if entry else ""


def _variables(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The variables of the first job definition: those asked for here are the same in all."""
    first: Mapping[str, Any] = next(iter(definitions.values()), {"containerProperties": {}})
    return {each["name"]: each["value"] for each in first["containerProperties"].get("environment", ())}
