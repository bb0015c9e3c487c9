"""What the roles of a compiled flow must be allowed, and no more: trust policies and permissions for IAM.

They are read off the compiled state machine, and hold for every later version of the flow of the same name: neither the
shas of code packages nor the hashes in the names of job definitions stand in them.  What is not known offline (region,
account) is `*`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.step_functions.execution_logs import OFF
from penstock.backends.step_functions.states import RUN_ID_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.backends.step_functions.bundle import Deployment
    from penstock.backends.step_functions.settings import StepFunctionsSettings

_UNKNOWN = "000000000000"
_UNKNOWN_ROLE = f"arn:aws:iam::{_UNKNOWN}:role/to-be-made"
"""Stands for a role while there is none: the policies are asked for before the roles are made."""
_ARN = re.compile(r"arn:(?P<partition>[a-z-]+):[a-z-]+:(?P<region>[a-z0-9-]*):(?P<account>\d{12}):")
_HASH = "?" * 16
_EVENTS_RULE = "StepFunctionsGetEventsForBatchJobsRule"
"""Step Functions follows Batch jobs by this rule, which it makes itself, one for the account."""
_DELIVERY = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)

Statement = dict[str, Any]


class Place(NamedTuple):
    """Where the roles are: ``*`` for a region or an account that is not known."""

    partition: str = "aws"
    region: str = "*"
    account: str = "*"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something there."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


class RolePolicies(NamedTuple):
    """What a role needs: ``trust`` says who may be it, ``policy`` what it may do; ``arn`` is None where none is."""

    purpose: str
    arn: str | None
    trust: dict[str, Any]
    policy: dict[str, Any]


def with_roles(settings: StepFunctionsSettings) -> StepFunctionsSettings:
    """The settings with something in the place of roles that are not configured yet."""
    return replace(
        settings,
        job_role=settings.job_role or _UNKNOWN_ROLE,
        sfn_role=settings.sfn_role or _UNKNOWN_ROLE,
        events_role=settings.events_role or _UNKNOWN_ROLE,
    )


def place_of(settings: StepFunctionsSettings, region: str | None) -> Place:
    """Where the roles are, as far as ARNs of the configuration and ``region`` say."""
    matches = [
        _ARN.match(arn) for arn in (settings.job_queue, settings.log_group, settings.sfn_role, settings.job_role)
    ]
    known = [match for match in matches if match is not None and match["account"] != _UNKNOWN]
    regions = [match["region"] for match in known if match["region"]]
    return Place(
        partition=known[0]["partition"] if known else "aws",
        region=next(iter(regions), region or "*"),
        account=known[0]["account"] if known else "*",
    )


def role_policies(deployment: Deployment, settings: StepFunctionsSettings, place: Place) -> list[RolePolicies]:
    """The role of the jobs (each, where steps have roles of their own), of the state machine, and of its schedule."""
    machine = place.arn("states", f"stateMachine:{deployment.name}")
    roles = {str(each["containerProperties"]["jobRoleArn"]): None for each in deployment.job_definitions}
    found = [
        RolePolicies(
            "job role" if role == settings.job_role else f"job role {role.rpartition('/')[2]}",
            _known(role),
            _trust("ecs-tasks", place, {"ArnLike": {"aws:SourceArn": place.arn("ecs", "*")}}),
            _policy(_of_jobs(deployment.flow, settings, place)),
        )
        for role in roles
    ]
    trust = _trust("states", place, {"ArnLike": {"aws:SourceArn": machine}})
    policy = _policy(_of_machine(deployment, settings, place))
    found.append(RolePolicies("state machine role", _known(settings.sfn_role), trust, policy))
    if deployment.schedule is not None:
        trust = _trust(
            "scheduler", place, {"ArnLike": {"aws:SourceArn": place.arn("scheduler", "schedule-group/default")}}
        )
        start = _allow("StartTheStateMachine", "states:StartExecution", machine)
        found.append(RolePolicies("schedule role", _known(settings.events_role), trust, _policy([start])))
    return found


def document(roles: list[RolePolicies]) -> str:
    """One JSON document: by purpose the role's ARN, its trust policy and its permissions."""
    shown = {role.purpose: {"arn": role.arn, "trust": role.trust, "policy": role.policy} for role in roles}
    return json.dumps(shown, indent=2) + "\n"


def _of_jobs(flow: str, settings: StepFunctionsSettings, place: Place) -> Iterator[Statement]:
    """What the datastore asks of S3, in the steps and in the bootstrap: nothing is ever deleted.

    A large object is sent in parts, which are put objects too; one that cannot be finished is given up.
    """
    below = f"arn:{place.partition}:s3:::{settings.bucket}/{settings.key_prefix}{flow}/*"
    actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    yield _allow("ReadAndWriteTheFlowsObjects", actions, below)
    listed = {"StringLike": {"s3:prefix": f"{settings.key_prefix}{flow}/*"}}
    bucket = f"arn:{place.partition}:s3:::{settings.bucket}"
    yield _allow("ListTheFlowsObjects", "s3:ListBucket", bucket, listed)


def _of_machine(deployment: Deployment, settings: StepFunctionsSettings, place: Place) -> Iterator[Statement]:
    states = list(_states(json.loads(deployment.definition)))
    resources = {str(state.get("Resource", "")) for state in states}
    run = f"arn:{place.partition}:s3:::{settings.bucket}/{settings.key_prefix}{deployment.flow}/{RUN_ID_PREFIX}*"
    yield _allow("StoreTheInputOfARun", "s3:PutObject", f"{run}/_input.json")
    if any("s3:getObject" in resource for resource in resources) or any("ItemReader" in state for state in states):
        yield _allow("ReadTheRecordsOfARun", "s3:GetObject", f"{run}/_record/*")
    yield _allow(
        "SubmitTheJobs", "batch:SubmitJob", [*_job_definitions(deployment, place), *_queues(deployment, place)]
    )
    # As in AWS's own policies for `batch:submitJob.sync`: a job's ARN is not known before it is submitted.
    yield _allow("FollowAndEndTheJobs", ["batch:DescribeJobs", "batch:TerminateJob"], "*")
    rule = place.arn("events", f"rule/{_EVENTS_RULE}")
    yield _allow("HearWhenJobsEnd", ["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule)
    if any(_is_distributed(state) for state in states):
        machine = place.arn("states", f"stateMachine:{deployment.name}")
        children = (
            place.arn("states", f"execution:{deployment.name}/*"),
            place.arn("states", f"execution:{deployment.name}:*"),
        )
        yield _allow("StartIterations", "states:StartExecution", machine)
        yield _allow("FollowAndEndIterations", ["states:DescribeExecution", "states:StopExecution"], list(children))
    if deployment.logging.get("level", OFF) != OFF:
        # Of CloudWatch's log deliveries, which have no ARN that a policy could name.
        yield _allow("DeliverLogs", [f"logs:{action}" for action in _DELIVERY], "*")


def _job_definitions(deployment: Deployment, place: Place) -> Iterator[str]:
    """They are named by flow and content: every content that this flow will ever have, and no other flow's."""
    names = {f"{each['jobDefinitionName'].rpartition('-')[0]}-{_HASH}" for each in deployment.job_definitions}
    for name in sorted(names):
        yield place.arn("batch", f"job-definition/{name}")
        yield place.arn("batch", f"job-definition/{name}:*")


def _queues(deployment: Deployment, place: Place) -> Iterator[str]:
    for queue in deployment.queues:
        yield queue if queue.startswith("arn:") else place.arn("batch", f"job-queue/{queue}")


def _states(machine: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    pending = [machine]
    while pending:
        for state in pending.pop()["States"].values():
            yield state
            pending += [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def _is_distributed(state: Mapping[str, Any]) -> bool:
    return bool(state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def _allow(
    name: str, actions: str | Sequence[str], resources: str | Sequence[str], condition: dict[str, Any] | None = None
) -> Statement:
    statement: Statement = {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement


def _policy(statements: Iterator[Statement] | list[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _trust(service: str, place: Place, condition: dict[str, Any]) -> dict[str, Any]:
    """Only the service, and only on behalf of this account: otherwise anybody's use of the service would do."""
    conditions = dict(condition)
    if place.account != "*":
        conditions["StringEquals"] = {"aws:SourceAccount": place.account}
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": conditions}
    return _policy([statement])


def _known(role: str) -> str | None:
    return None if role == _UNKNOWN_ROLE else role
