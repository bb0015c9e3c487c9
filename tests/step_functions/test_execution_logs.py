"""The history of executions in a log group: asked for, checked, deployed, compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.backends.step_functions.execution_logs import log_problems, logging_configuration, logs_alike

GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/states/penstock:*"
FLOW = """
from penstock import FlowSpec, step

class LoggedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

Command = Callable[..., Any]
Aws = Callable[[str], Any]


@pytest.mark.parametrize("group", [GROUP, GROUP.replace("aws:", "aws-cn:", 1), GROUP.replace("/aws", "Team#1.a_b-c/")])
def test_a_log_group_is_taken(group: str) -> None:
    assert list(log_problems("ALL", group)) == []


@pytest.mark.parametrize("group", ["", "penstock"])
def test_without_logs_no_group_is_looked_at(group: str) -> None:
    assert list(log_problems("OFF", group)) == []
    assert logging_configuration("OFF", group) == {"level": "OFF"}


@pytest.mark.parametrize(
    ("group", "reason", "advice"),
    [
        (GROUP.removesuffix(":*"), "does not end in `:*`", f"write {GROUP}"),
        (
            "/aws/vendedlogs/states/penstock",
            "is not a log group's ARN",
            "it looks like arn:aws:logs:eu-west-1:123456789012:log-group:name:*",
        ),
        (
            GROUP.replace("log-group:", "log-group:a b"),
            "is not a log group's ARN",
            "it looks like arn:aws:logs:eu-west-1:123456789012:log-group:name:*",
        ),
    ],
)
def test_what_is_no_log_group_is_told(group: str, reason: str, advice: str) -> None:
    (problem,) = log_problems("ALL", group)
    assert (problem.code, problem.message, problem.help) == (
        "P531",
        f"METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN is {group!r}, which {reason}",
        advice,
    )


@pytest.mark.parametrize(
    ("found", "alike"),
    [
        (None, False),
        ({"level": "OFF", "includeExecutionData": False}, False),
        (logging_configuration("ERROR", GROUP), False),
        (logging_configuration("ALL", GROUP.replace("penstock", "other")), False),
        ({**logging_configuration("ALL", GROUP), "includeExecutionData": False}, False),
        (logging_configuration("ALL", GROUP), True),
    ],
)
def test_configurations_are_compared_by_what_they_log(found: dict[str, Any] | None, alike: bool) -> None:
    assert logs_alike(found, logging_configuration("ALL", GROUP)) is alike
    assert logs_alike(found, {"level": "OFF"}) is (found is None or found["level"] == "OFF")


def test_the_history_goes_where_the_configuration_says(
    flow_file: Callable[[str, str], Path], command: Command, aws: Aws
) -> None:
    flow_file(FLOW, "flow.py")

    def create(*arguments: str) -> str:
        done = command("flow.py", "step-functions", "create", *arguments, METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN=GROUP)
        assert done.returncode == 0, done.stderr
        return str(done.stdout.split()[-1])

    def logging() -> dict[str, Any]:
        (machine,) = aws("stepfunctions").list_state_machines()["stateMachines"]
        found = aws("stepfunctions").describe_state_machine(stateMachineArn=machine["stateMachineArn"])
        return dict(found["loggingConfiguration"])

    assert create() == "created"
    assert logging() == {"level": "OFF"}
    assert create("--log-execution-history") == "updated"
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP}}]
    assert logging() == {"level": "ALL", "includeExecutionData": True, "destinations": destinations}
    assert create("--log-execution-history") == "unchanged"
    assert create("--log-execution-history", "--log-level", "error") == "updated"
    assert logging()["level"] == "ERROR"
    assert create("--no-log-execution-history") == "updated"
    assert logging() == {"level": "OFF"}
    assert create() == "unchanged"


def test_a_level_of_logs_that_are_not_asked_for_is_a_mistake(
    flow_file: Callable[[str, str], Path], command: Command
) -> None:
    flow_file(FLOW, "flow.py")
    done = command("flow.py", "step-functions", "create", "--only-json", "--log-level", "error")
    assert done.returncode == 2
    assert "--log-level needs --log-execution-history" in done.stderr


def test_logs_without_a_group_are_told(flow_file: Callable[[str, str], Path], command: Command) -> None:
    flow_file(FLOW, "flow.py")
    done = command("flow.py", "step-functions", "create", "--only-json", "--log-execution-history")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error[P530]: METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN is not set: the log group for the history of executions\n"
        "  = help: set it as the environment variable METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN, or under that key in"
        " ~/.metaflowconfig/config.json, or leave out --log-execution-history\n"
    )
