"""`@schedule`: written for EventBridge Scheduler, deployed, changed and taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from penstock.backends.step_functions.executions import execution_input
from penstock.backends.step_functions.names import schedule_name
from penstock.backends.step_functions.schedules import cron_text
from penstock.compiler.cron import read_cron
from penstock.runtime_shim.paths import parse_pathspec

FLOW = """
from penstock import FlowSpec, Parameter, schedule, step

@schedule(cron="30 6 ? * MON-FRI *", timezone="Europe/Berlin")
class NightFlow(FlowSpec):
    times = Parameter("times", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print(self.times)

if __name__ == "__main__":
    NightFlow()
"""
ROLE = "arn:aws:iam::123456789012:role/penstock-events"

Command = Callable[..., Any]
Aws = Callable[[str], Any]


@pytest.fixture
def flow(flow_file: Callable[[str, str], Path]) -> Path:
    return flow_file(FLOW, "flow.py")


@pytest.fixture
def create(command: Command) -> Command:
    """Runs ``step-functions create``, and gives what it says of state machine and schedule."""

    def run(*arguments: str, **extra: str) -> list[str]:
        done = command(
            "flow.py", "step-functions", *(arguments or ("create",)), METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE=ROLE, **extra
        )
        assert done.returncode == 0, done.stderr
        lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
        return [line for line in lines if line.startswith(("state machine", "schedule"))]

    return run


def machines(aws: Aws) -> dict[str, str]:
    """ARNs of state machines by name."""
    listed = aws("stepfunctions").list_state_machines()["stateMachines"]
    return {machine["name"]: machine["stateMachineArn"] for machine in listed}


def tags(aws: Aws, arn: str) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in aws("stepfunctions").list_tags_for_resource(resourceArn=arn)["tags"]}


# The text


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        ("0 * * * ? *", "0 * * * ? *"),
        ("*/15 6,18 L jan ? *", "0/15 6,18 L 1 ? *"),
        ("5/10 8-17/2 15w 2-4 ? 2026/2", "5/10 8-17/2 15W 2-4 ? 2026/2"),
        ("10-50/20 0/23 1,15-20 */2 ? 2026-2030", "10-50/20 0/23 1,15-20 1/2 ? 2026-2030"),
        ("59/15 0 * * ? *", "59 0 * * ? *"),
        ("0 6 ? * 2-6 *", "0 6 ? * MON-FRI *"),
        ("0 6 ? * SUN,4,sat *", "0 6 ? * SUN,WED,SAT *"),
        ("0 6 ? * * *", "0 6 ? * * *"),
        ("0 6 ? * L *", "0 6 ? * SAT *"),
        ("0 6 ? * FRIL *", "0 6 ? * 6L *"),
        ("0 6 ? * mon#1 *", "0 6 ? * 2#1 *"),
    ],
)
def test_a_schedule_is_written_in_the_dialect_of_aws(cron: str, text: str) -> None:
    schedule = read_cron(cron)
    assert cron_text(schedule) == text
    assert read_cron(text) == schedule


@pytest.mark.parametrize(
    "machine", ["n" * 64, "n" * 65, "n" * 80, "team_Night+(1)=@!", "team_Night+(2)=@!", "a.b-c_d", "!" * 80]
)
def test_a_schedule_has_a_name_that_aws_takes(machine: str) -> None:
    name = schedule_name(machine)
    assert re.fullmatch(r"[0-9a-zA-Z_.-]{1,64}", name)
    assert name == machine or re.fullmatch(r".*-[0-9a-f]{8}", name)


def test_names_that_are_alike_get_different_schedules() -> None:
    names = ["Night+", "Night=", "Night_", "n" * 79 + "a", "n" * 79 + "b"]
    assert len({schedule_name(name) for name in names}) == len(names)


# Compiling


def test_the_bundle_holds_what_create_schedule_takes(flow: Path, create: Command, tmp_path: Path) -> None:
    create("create", "-o", "bundle", "--name", "nightly")
    document = json.loads((tmp_path / "bundle" / "schedule.json").read_text())
    assert document["Name"] == json.loads((tmp_path / "bundle" / "manifest.json").read_text())["schedule"] == "nightly"
    assert document["Target"]["Arn"] == "${StateMachineArn}"
    model = botocore.session.get_session().get_service_model("scheduler").operation_model("CreateSchedule")
    assert ParamValidator().validate(document, model.input_shape).generate_report() == ""
    assert document["Target"]["Input"] == execution_input({}), "a scheduled run is one without parameters"


def test_a_schedule_needs_a_role(flow: Path, command: Command) -> None:
    done = command("flow.py", "step-functions", "create", "--only-json")
    assert done.returncode == 1
    assert done.stderr == (
        "error[P530]: METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE is not set: the role with which the schedule starts the state"
        " machine\n"
        " --> flow.py:4:2\n"
        "  |\n"
        '4 | @schedule(cron="30 6 ? * MON-FRI *", timezone="Europe/Berlin")\n'
        "  |  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  = help: set it as the environment variable METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE, or under that key in"
        " ~/.metaflowconfig/config.json\n"
    )
    done = command("flow.py", "step-functions", "create", "--only-json", METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE="events")
    assert done.stderr.startswith(
        "error[P531]: METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE is 'events', which is not a role's ARN\n"
    )


def test_only_json_tells_of_the_schedule(flow: Path, command: Command) -> None:
    done = command("flow.py", "step-functions", "create", "--only-json", METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE=ROLE)
    said = "Started by the schedule NightFlow: cron(30 6 ? * MON-FRI *) in Europe/Berlin"
    assert done.stderr.splitlines()[-1] == said


def test_check_says_what_a_scheduled_run_lacks(flow: Path, command: Command) -> None:
    flow.write_text(FLOW.replace("default=1", "required=True, type=int"))
    done = command("flow.py", "check", "--target", "step-functions")
    assert done.returncode == 1
    assert "error[P304]: a scheduled run has no value for the required parameter `times`" in done.stderr
    assert command("flow.py", "check", "--target", "local").returncode == 0
    assert "    a scheduled run has no value for" in command("flow.py", "show").stdout


# Deploying


def test_a_schedule_starts_the_state_machine(flow: Path, create: Command, aws: Aws) -> None:
    """Nothing fires here: the target is read back, and started as the Scheduler would."""
    assert create() == ["state machine NightFlow created", "schedule NightFlow created"]
    found = aws("scheduler").get_schedule(Name="NightFlow")
    assert found["ScheduleExpression"] == "cron(30 6 ? * MON-FRI *)"
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert (found["State"], found["FlexibleTimeWindow"]) == ("ENABLED", {"Mode": "OFF"})
    target = found["Target"]
    assert target["RoleArn"] == ROLE
    name = "5c7e6a3b-3f0c-4f0e-9d3e-0a1b2c3d4e5f_6d7e8f90-1a2b-3c4d-5e6f-708192a3b4c5"  # as the Scheduler makes them
    aws("stepfunctions").start_execution(stateMachineArn=target["Arn"], name=name, input=target["Input"])
    (listed,) = aws("stepfunctions").list_executions(stateMachineArn=target["Arn"])["executions"]
    assert listed["name"] == name
    assert parse_pathspec(f"sfn-{name}/start/t").run == f"sfn-{name}"


def test_the_same_schedule_is_left_as_it_is(flow: Path, create: Command, aws: Aws) -> None:
    create()
    before = aws("scheduler").get_schedule(Name="NightFlow")
    assert create() == ["state machine NightFlow unchanged", "schedule NightFlow unchanged"]
    assert aws("scheduler").get_schedule(Name="NightFlow")["LastModificationDate"] == before["LastModificationDate"]


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        ("30 6", "45 7", "ScheduleExpression", "cron(45 7 ? * MON-FRI *)"),
        ("Europe/Berlin", "Asia/Tokyo", "ScheduleExpressionTimezone", "Asia/Tokyo"),
    ],
)
def test_another_schedule_takes_its_place(
    flow: Path, create: Command, aws: Aws, old: str, new: str, key: str, value: str
) -> None:
    create()
    flow.write_text(FLOW.replace(old, new))
    assert create()[-1] == "schedule NightFlow updated"
    assert aws("scheduler").get_schedule(Name="NightFlow")[key] == value
    assert create()[-1] == "schedule NightFlow unchanged"


def test_a_schedule_that_somebody_has_disabled_stays_so(flow: Path, create: Command, aws: Aws) -> None:
    create()
    found = aws("scheduler").get_schedule(Name="NightFlow")
    kept = ("Name", "Description", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
    aws("scheduler").update_schedule(**{key: found[key] for key in kept}, State="DISABLED")
    assert create()[-1] == "schedule NightFlow unchanged, disabled"
    flow.write_text(FLOW.replace("30 6", "45 7"))
    assert create()[-1] == "schedule NightFlow updated, disabled"
    assert aws("scheduler").get_schedule(Name="NightFlow")["State"] == "DISABLED"


@pytest.mark.parametrize("said", ["", "@schedule(daily=False)"])
def test_a_flow_without_a_schedule_any_more_takes_it_away(flow: Path, create: Command, aws: Aws, said: str) -> None:
    create()
    (arn,) = machines(aws).values()
    assert tags(aws, arn)["penstock:schedule"] == "NightFlow"
    flow.write_text(re.sub("@schedule.*", said, FLOW))
    assert create() == ["state machine NightFlow updated", "schedule NightFlow deleted"]
    assert aws("scheduler").list_schedules()["Schedules"] == []
    assert tags(aws, arn) == {"penstock:flow": "NightFlow"}
    assert create() == ["state machine NightFlow unchanged"]


def test_a_flow_that_never_had_a_schedule_asks_nobody_about_one(flow: Path, create: Command, aws: Aws) -> None:
    """Nor does its deployer need the permission."""
    flow.write_text(FLOW.replace("@schedule", "@schedule(daily=False) #"))
    nobody = {"AWS_ENDPOINT_URL_SCHEDULER": "http://127.0.0.1:9"}
    assert create("create", **nobody) == ["state machine NightFlow created"]
    assert create("create", **nobody) == ["state machine NightFlow unchanged"]
    assert create("delete", **nobody) == ["state machine NightFlow deleted"]


def test_a_schedule_of_somebody_else_is_left_alone(flow: Path, command: Command, aws: Aws) -> None:
    target = {"Arn": "arn:aws:states:eu-west-1:123456789012:stateMachine:other", "RoleArn": ROLE}
    window = {"Mode": "OFF"}
    aws("scheduler").create_schedule(
        Name="NightFlow", ScheduleExpression="rate(1 day)", FlexibleTimeWindow=window, Target=target
    )
    done = command("flow.py", "step-functions", "create", METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE=ROLE)
    assert done.returncode == 1
    assert done.stderr == (
        "error[P541]: the schedule NightFlow exists and was not made for NightFlow: it is left alone\n"
        "  = help: choose another name with --name or --name-prefix\n"
    )
    assert machines(aws) == {}
    assert "Contents" not in aws("s3").list_objects_v2(Bucket="penstock-tests")
    assert aws("scheduler").get_schedule(Name="NightFlow")["ScheduleExpression"] == "rate(1 day)"


def test_a_schedule_that_somebody_has_taken_over_survives_the_flow(flow: Path, create: Command, aws: Aws) -> None:
    create()
    found = aws("scheduler").get_schedule(Name="NightFlow")
    kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    aws("scheduler").update_schedule(**{key: found[key] for key in kept}, Description="Ours now.")
    assert create("delete") == [
        "schedule NightFlow left alone: it was not made for this flow",
        "state machine NightFlow deleted",
    ]
    assert aws("scheduler").get_schedule(Name="NightFlow")["Description"] == "Ours now."


def test_deleting_takes_the_schedule_first(flow: Path, create: Command, aws: Aws) -> None:
    create()
    assert create("delete") == ["schedule NightFlow deleted", "state machine NightFlow deleted"]
    assert aws("scheduler").list_schedules()["Schedules"] == []
    assert machines(aws) == {}


def test_a_schedule_that_is_gone_already_is_no_obstacle(flow: Path, create: Command, aws: Aws) -> None:
    create()
    aws("scheduler").delete_schedule(Name="NightFlow")
    assert create() == ["state machine NightFlow unchanged", "schedule NightFlow created"]
    aws("scheduler").delete_schedule(Name="NightFlow")
    assert create("delete") == ["schedule NightFlow gone already", "state machine NightFlow deleted"]


def test_each_name_has_a_schedule_of_its_own(flow: Path, create: Command, aws: Aws) -> None:
    create("create", "--name-prefix", "team")
    create("create", "--name", "other", "--name-prefix", "team")
    found = {each["Name"]: each["Target"]["Arn"] for each in aws("scheduler").list_schedules()["Schedules"]}
    assert found == machines(aws)
    assert set(found) == {"team_NightFlow", "team_other"}
    create("delete", "--name-prefix", "team")
    assert [each["Name"] for each in aws("scheduler").list_schedules()["Schedules"]] == ["team_other"]


def test_a_bundle_is_deployed_with_its_schedule(flow: Path, create: Command, aws: Aws) -> None:
    create("create", "-o", "bundle")
    flow.write_text(FLOW.replace("@schedule", "@schedule(daily=False) #"))  # what is deployed is what was written
    assert create("deploy", "bundle") == ["state machine NightFlow created", "schedule NightFlow created"]
    assert aws("scheduler").get_schedule(Name="NightFlow")["ScheduleExpressionTimezone"] == "Europe/Berlin"
