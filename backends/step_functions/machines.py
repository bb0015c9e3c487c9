"""State machines by name, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.backends.step_functions.aws import asking
from penstock.backends.step_functions.aws_tags import FLOW_TAG, outdated_tags
from penstock.backends.step_functions.execution_logs import logs_alike
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from penstock.backends.commandline import State
    from penstock.backends.step_functions.bundle import Deployment
    from penstock.backends.step_functions.options import Naming


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine that exists, with all its tags."""

    name: str
    arn: str
    tags: Mapping[str, str]

    @property
    def flow(self) -> str | None:
        """The flow it belongs to, None where it was not made by Penstock."""
        return self.tags.get(FLOW_TAG)


def find_machine(states: SFNClient, name: str) -> Machine | None:
    """The state machine of that name, by listing: its ARN needs no account number and no further permission.

    Raises Refused where AWS does not answer.
    """
    with asking(f"look for the state machine {name}"):
        for page in states.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 1000}):
            for listed in page["stateMachines"]:
                if listed["name"] == name:
                    return _machine(states, name, listed["stateMachineArn"])
    return None


def _machine(states: SFNClient, name: str, arn: str) -> Machine:
    tags = {tag["key"]: tag["value"] for tag in states.list_tags_for_resource(resourceArn=arn)["tags"]}
    return Machine(name, arn, tags)


def deployed_name(state: State, naming: Naming) -> str:
    """The state machine's name, as `create` makes it.

    Raises Refused where it can't be one.
    """
    from penstock.backends.step_functions.resolution import machine_name, name_problems

    chosen = machine_name(state.flow_class.__name__, naming.name, state.configuration, naming.prefix)
    problems = list(name_problems(chosen))
    if problems:
        raise Refused(problems)
    return chosen


def demand_own(machine: Machine, flow: str) -> None:
    """Raise Refused unless the machine is the flow's."""
    if machine.flow != flow:
        owner = f"belongs to the flow {machine.flow}" if machine.flow else "was not made by Penstock"
        message = f"the state machine {machine.name} exists and {owner}, not to {flow}: it is left alone"
        if not machine.flow:
            message = f"the state machine {machine.name} exists and {owner}: it is left alone"
        raise Refused([Diagnostic("P538", message, help="choose another name with --name")])


def demand_machine(states: SFNClient, name: str, flow: str) -> Machine:
    """The flow's state machine of that name.

    Raises Refused where there is none, or it is another flow's.
    """
    machine = find_machine(states, name)
    if machine is None:
        message = f"there is no state machine {name} in the region {states.meta.region_name}"
        raise Refused([Diagnostic("P538", message, help="deploy the flow first: step-functions create")])
    demand_own(machine, flow)
    return machine


def create_machine(states: SFNClient, deployment: Deployment, tags: Mapping[str, str]) -> str:
    """Create the deployment's state machine; its ARN.

    Raises Refused.
    """
    with asking(f"create the state machine {deployment.name}"):
        request: Any = {"loggingConfiguration": deployment.logging, "tags": _listed(tags)}
        answer = states.create_state_machine(
            name=deployment.name,
            definition=deployment.definition,
            roleArn=str(deployment.manifest["role"]),
            type="STANDARD",
            **request,
        )
    return answer["stateMachineArn"]


def update_machine(states: SFNClient, deployment: Deployment, machine: Machine) -> bool:
    """Give a state machine the definition, role and logs of the deployment; False where it has them.

    Raises Refused.
    """
    role = str(deployment.manifest["role"])
    with asking(f"update the state machine {machine.name}"):
        current: Any = states.describe_state_machine(stateMachineArn=machine.arn)
        same = current["definition"] == deployment.definition and current["roleArn"] == role
        if same and logs_alike(current.get("loggingConfiguration"), deployment.logging):
            return False
        request: Any = {"loggingConfiguration": deployment.logging}
        states.update_state_machine(
            stateMachineArn=machine.arn, definition=deployment.definition, roleArn=role, **request
        )
    return True


def tag_machine(states: SFNClient, arn: str, present: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Turn the tags ``present`` into ``wanted``, except those of somebody else; False where nothing is to do.

    Raises Refused.
    """
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    outdated = outdated_tags(present, wanted)
    with asking(f"tag the state machine {arn}"):
        # First what goes: the list of our keys lacks none that is still there, should this be interrupted.
        if outdated:
            states.untag_resource(resourceArn=arn, tagKeys=outdated)
        if changed:
            request: Any = _listed(changed)
            states.tag_resource(resourceArn=arn, tags=request)
    return bool(changed or outdated)


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]
