"""`create --show-policy`: enough for everything that a flow does, and for nothing of its neighbours."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from compiler_flows import load_file
from iam_simulator import Request, allows
from rehearsals import rehearsed
from s3_proxy import S3Proxy, request_of

from penstock.backends.rehearsal.embedded import REGION
from penstock.backends.step_functions.compilation import CompiledFlow, compile_for_step_functions
from penstock.backends.step_functions.policies import Place, role_policies
from penstock.backends.step_functions.rehearsal.engine import ACCOUNT, QUEUE, Engine
from penstock.backends.step_functions.rehearsal.rehearsing import rehearsal_settings
from penstock.backends.step_functions.resolution import Chosen
from penstock.backends.step_functions.settings import StepFunctionsSettings
from penstock.cli.state import CliState

PLACE = Place("aws", REGION, ACCOUNT)
Command = Callable[..., "subprocess.CompletedProcess[str]"]

FLOW = """
from penstock import FlowSpec, Parameter, retry, step

class Allowed(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.items = [1, 2]
        self.big = bytes(bytearray(range(256))) * 100_000  # sent in parts
        self.turns = 0
        self.next(self.fit, foreach="items")

    @step
    def fit(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.merge_artifacts(inputs)
        self.next(self.again)

    @step
    def again(self):
        self.turns += 1
        self.verdict = "more" if self.turns < 2 else "done"
        self.next({"more": self.again, "done": self.end}, condition="verdict")

    @step
    def end(self):
        assert len(self.big) == 25_600_000

if __name__ == "__main__":
    Allowed()
"""


def compiled(file: Path, endpoint: str = "", *, distributed: bool = False) -> CompiledFlow:
    def amend(settings: StepFunctionsSettings) -> StepFunctionsSettings:
        placed = rehearsal_settings(settings)
        config = {**placed.config, "METAFLOW_S3_ENDPOINT_URL": endpoint} if endpoint else placed.config
        return replace(placed, config=MappingProxyType(dict(config)))

    chosen = Chosen(datastore_root="s3://penstock-policies/team/metaflow", distributed_map=distributed)
    return compile_for_step_functions(CliState(load_file(file), (str(file),)), chosen, amend=amend)


def policies_of(flow: CompiledFlow) -> dict[str, Any]:
    return {role.purpose: role.policy for role in role_policies(flow.deployment, flow.settings, PLACE)}


def machine_requests(engine: Engine, flow: str, run: str) -> Iterator[Request]:
    """What the state machine asked of other services, from the history of a run."""
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{flow}:{run.removeprefix('sfn-')}"
    history = engine.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)
    batch = f"arn:aws:batch:{REGION}:{ACCOUNT}"
    for event in history["events"]:
        details = event.get("taskScheduledEventDetails")
        if details is None:
            continue
        given = json.loads(details["parameters"])
        match details["resource"]:
            case "putObject" | "getObject" as action:
                name = f"s3:{action[0].upper()}{action[1:]}"
                yield Request(name, f"arn:aws:s3:::{given['Bucket']}/{given['Key']}")
            case "submitJob.sync":
                yield Request("batch:SubmitJob", f"{batch}:job-definition/{given['JobDefinition']}")
                yield Request("batch:SubmitJob", f"{batch}:job-queue/{given['JobQueue']}")
            case other:
                raise AssertionError(f"the machine uses {other}, which this test does not know")


@pytest.mark.slow
@pytest.mark.parametrize("distributed", [False, True])
def test_every_request_of_a_run_is_allowed(
    engine: Engine, flow_file: Callable[[str], Path], tmp_path: Path, distributed: bool
) -> None:
    with S3Proxy(engine.endpoint) as proxy:
        flow = compiled(flow_file(FLOW), proxy.endpoint, distributed=distributed)
        run = rehearsed(flow, engine, tmp_path)
    assert run.done.status == "SUCCEEDED", "".join(run.lines)
    policies = policies_of(flow)
    assert {request.action for request in proxy.asked} == {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    assert len(proxy.asked) > 40
    assert [request for request in proxy.asked if not allows(policies["job role"], request)] == []
    asked = set(machine_requests(engine, "Allowed", run.done.run))
    assert {request.action for request in asked} == {"s3:PutObject", "s3:GetObject", "batch:SubmitJob"}
    if distributed:  # what a Distributed Map asks for itself stands in no history
        splits = f"team/metaflow/Allowed/{run.done.run}/_record/start.splits.json"
        asked.add(Request("s3:GetObject", f"arn:aws:s3:::penstock-policies/{splits}"))
        asked.add(Request("states:StartExecution", f"{STATES}:stateMachine:Allowed"))
    assert [request for request in asked if not allows(policies["state machine role"], request)] == []


def test_nothing_is_allowed_that_a_run_does_not_do(flow_file: Callable[[str], Path]) -> None:
    """The converse: every action of the policies is one that some state, or the datastore, makes use of."""
    plain = policies_of(compiled(flow_file(FLOW)))
    assert actions(plain["job role"]) == {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket"}
    following = {
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
        "batch:DescribeJobs",
        "batch:TerminateJob",
    }
    submitting = {"s3:PutObject", "s3:GetObject", "batch:SubmitJob"}
    assert actions(plain["state machine role"]) == submitting | following
    distributed = policies_of(compiled(flow_file(FLOW), distributed=True))
    children = {"states:StartExecution", "states:DescribeExecution", "states:StopExecution"}
    assert actions(distributed["state machine role"]) == submitting | following | children
    linear = policies_of(compiled(flow_file(LINEAR)))
    assert actions(linear["state machine role"]) == (submitting - {"s3:GetObject"}) | following


LINEAR = """
from penstock import FlowSpec, step

class Linear(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def actions(policy: dict[str, Any]) -> set[str]:
    return {
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


S3 = "arn:aws:s3:::penstock-policies"
BATCH = f"arn:aws:batch:{REGION}:{ACCOUNT}"
STATES = f"arn:aws:states:{REGION}:{ACCOUNT}"


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("job role", "s3:GetObject", f"{S3}/team/metaflow/Allowed2/sfn-1/start/t/0.data.json"),
        ("job role", "s3:PutObject", f"{S3}/team/metaflow/AllowedToo"),
        ("job role", "s3:GetObject", f"{S3}/team/other/Allowed/x"),
        ("job role", "s3:GetObject", "arn:aws:s3:::penstock-policies-of-others/team/metaflow/Allowed/x"),
        ("job role", "s3:DeleteObject", f"{S3}/team/metaflow/Allowed/x"),
        ("job role", "s3:PutBucketPolicy", S3),
        ("job role", "batch:SubmitJob", f"{BATCH}:job-queue/{QUEUE}"),
        ("state machine role", "s3:GetObject", f"{S3}/team/metaflow/Allowed/data/ab/abc"),
        ("state machine role", "s3:PutObject", f"{S3}/team/metaflow/Allowed/sfn-1/_record/start.json"),
        ("state machine role", "s3:GetObject", f"{S3}/team/metaflow/Other/sfn-1/_record/start.json"),
        ("state machine role", "batch:SubmitJob", f"{BATCH}:job-queue/somebody-elses"),
        ("state machine role", "batch:SubmitJob", f"{BATCH}:job-definition/penstock-Other-0123456789abcdef:1"),
        ("state machine role", "batch:SubmitJob", f"{BATCH}:job-definition/penstock-AllowedToo-0123456789abcdef"),
        ("state machine role", "batch:RegisterJobDefinition", f"{BATCH}:job-definition/x"),
        ("state machine role", "events:PutRule", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/mine"),
        ("state machine role", "states:StartExecution", f"{STATES}:stateMachine:Allowed"),
        ("state machine role", "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    ],
)
def test_a_neighbours_things_are_refused(
    flow_file: Callable[[str], Path], role: str, action: str, resource: str
) -> None:
    assert not allows(policies_of(compiled(flow_file(FLOW)))[role], Request(action, resource))


def test_only_the_flows_own_keys_are_listed(flow_file: Callable[[str], Path]) -> None:
    policy = policies_of(compiled(flow_file(FLOW)))["job role"]
    assert allows(policy, request_of("GET", "/penstock-policies?list-type=2&prefix=team/metaflow/Allowed/sfn-1/"))
    for prefix in ("?prefix=", "?prefix=team/", "?prefix=team/metaflow/Allowed", "?prefix=team/metaflow/Other/", ""):
        assert not allows(policy, request_of("GET", f"/penstock-policies{prefix}"))


def test_the_next_version_of_a_flow_needs_no_new_policy(flow_file: Callable[[str, str], Path]) -> None:
    one = policies_of(compiled(flow_file(FLOW, "flow.py")))
    other = policies_of(compiled(flow_file(FLOW.replace("[1, 2]", "[1, 2, 3]"), "flow.py")))
    assert one == other


def test_a_distributed_map_may_start_its_own_machine_only(flow_file: Callable[[str], Path]) -> None:
    policy = policies_of(compiled(flow_file(FLOW), distributed=True))["state machine role"]
    assert allows(policy, Request("states:StartExecution", f"{STATES}:stateMachine:Allowed"))
    assert allows(policy, Request("states:DescribeExecution", f"{STATES}:execution:Allowed/start:0b"))
    for other in ("stateMachine:Other", "stateMachine:Allowed2"):
        assert not allows(policy, Request("states:StartExecution", f"{STATES}:{other}"))


@pytest.fixture
def shown(command: Command, flow_file: Callable[[str, str], Path]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``create --show-policy`` of a user who has neither credentials nor roles yet."""

    def run(source: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        flow_file(source, "flow.py")
        nothing = dict.fromkeys(
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "METAFLOW_SFN_IAM_ROLE", "METAFLOW_ECS_S3_ACCESS_IAM_ROLE"),
            "",
        )
        nothing["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
        return command("flow.py", "step-functions", "create", "--show-policy", *arguments, **{**nothing, **environment})

    return run


def test_it_is_one_json_document_before_there_is_any_role(
    shown: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = shown(LINEAR)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert list(document) == ["job role", "state machine role"]
    for role, service in (("job role", "ecs-tasks"), ("state machine role", "states")):
        (statement,) = document[role]["trust"]["Statement"]
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
        assert document[role]["arn"] is None
    (trust,) = document["state machine role"]["trust"]["Statement"]
    assert trust["Condition"] == {"ArnLike": {"aws:SourceArn": "arn:aws:states:eu-west-1:*:stateMachine:Linear"}}
    assert "The account is not known here, and is `*` in the ARNs" in done.stderr
    assert "The region" not in done.stderr


def test_the_account_is_read_off_the_configuration(shown: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    queue = f"arn:aws-cn:batch:cn-north-1:{ACCOUNT}:job-queue/gpu"
    document = json.loads(shown(LINEAR, METAFLOW_BATCH_JOB_QUEUE=queue).stdout)
    (trust,) = document["state machine role"]["trust"]["Statement"]
    assert trust["Condition"] == {
        "ArnLike": {"aws:SourceArn": f"arn:aws-cn:states:cn-north-1:{ACCOUNT}:stateMachine:Linear"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    policy = document["state machine role"]["policy"]
    assert allows(policy, Request("batch:SubmitJob", queue))


def test_a_schedule_and_a_log_group_bring_their_permissions(
    shown: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    source = LINEAR.replace("import FlowSpec, step", "import FlowSpec, schedule, step").replace(
        "class Linear", "@schedule(daily=True)\nclass Linear"
    )
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:runs:*"
    done = shown(source, "--log-execution-history", METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN=group)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert list(document) == ["job role", "state machine role", "schedule role"]
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:Linear"
    assert allows(document["schedule role"]["policy"], Request("states:StartExecution", machine))
    assert not allows(document["schedule role"]["policy"], Request("states:StartExecution", machine + "2"))
    assert allows(document["state machine role"]["policy"], Request("logs:CreateLogDelivery", "*"))


def test_steps_with_roles_of_their_own_are_told_apart(
    shown: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/reader"
    source = LINEAR.replace("import FlowSpec", "import FlowSpec, batch").replace(
        "    @step\n    def end", f'    @batch(iam_role="{role}")\n    @step\n    def end'
    )
    document = json.loads(shown(source).stdout)
    assert list(document) == ["job role", "job role reader", "state machine role"]
    assert document["job role reader"]["arn"] == role


def test_it_excludes_the_other_outputs(shown: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert shown(LINEAR, "--only-json").returncode == 2
