"""`@schedule`: written for EventBridge Scheduler, deployed, changed and taken away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    """Runs ``step-functions create``, and gives what it said of each thing but the package and the job definition."""

    def run(*arguments: str, **extra: str) -> list[str]:
        done = command("flow.py", "step-functions", "create", *arguments, METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE=ROLE)
        assert done.returncode == 0, done.stderr
        return [" ".join(line.split()) for line in done.stdout.splitlines()[2:]]

    return run


def test_a_schedule_is_created_with_its_time_zone(flow: Path, create: Command, aws: Aws) -> None:
    assert create() == ["state machine NightFlow created", "schedule NightFlow created"]
    found = aws("scheduler").get_schedule(Name="NightFlow")
    (machine,) = aws("stepfunctions").list_state_machines()["stateMachines"]
    assert found["ScheduleExpression"] == "cron(30 6 ? * MON-FRI *)"
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert found["Target"]["Arn"] == machine["stateMachineArn"]
    assert found["Target"]["RoleArn"] == ROLE
    assert json.loads(found["Target"]["Input"]) == {}
