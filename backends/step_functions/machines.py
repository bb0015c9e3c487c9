"""State machines by name, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.backends.step_functions.aws import asking
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from penstock.backends.commandline import State

FLOW_TAG = "penstock:flow"
"""The tag of a state machine that names the flow it belongs to."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine that exists; ``flow`` is None where it was not made by Penstock."""

    name: str
    arn: str
    flow: str | None


def find_machine(states: SFNClient, name: str) -> Machine | None:
    """The state machine of that name, by listing: its ARN needs no account number and no further permission.

    Raises Refused where AWS does not answer.
    """
    with asking(f"look for the state machine {name}"):
        for page in states.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 1000}):
            for listed in page["stateMachines"]:
                if listed["name"] == name:
                    return Machine(name, listed["stateMachineArn"], _flow(states, listed["stateMachineArn"]))
    return None


def _flow(states: SFNClient, arn: str) -> str | None:
    tags = states.list_tags_for_resource(resourceArn=arn)["tags"]
    return next((tag["value"] for tag in tags if tag["key"] == FLOW_TAG), None)


def deployed_name(state: State, name: str | None) -> str:
    """The state machine's name, as `create` makes it.

    Raises Refused where it can't be one.
    """
    from penstock.backends.step_functions.resolution import machine_name, name_problems

    chosen = machine_name(state.flow_class.__name__, name, state.configuration)
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
