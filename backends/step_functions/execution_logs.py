"""Where the history of executions goes, besides Step Functions itself: a log group of CloudWatch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.compiler.diagnostics import Diagnostic

LOG_GROUP = "METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN"
OFF = "OFF"
_ARN = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:[\w./#-]{1,512}(:\*)?\Z", re.ASCII)


def logging_configuration(level: str, group: str) -> dict[str, Any]:
    """The ``loggingConfiguration`` of a state machine; inputs and outputs of states are logged with its events."""
    if level == OFF:
        return {"level": OFF}
    return {
        "level": level,
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
    }


def logs_alike(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two configurations log the same: none, and whatever has the level OFF, log nothing."""
    return _essence(one) == _essence(other)


def _essence(configuration: Mapping[str, Any] | None) -> tuple[object, ...]:
    if not configuration or configuration.get("level", OFF) == OFF:
        return (OFF,)
    groups = [each.get("cloudWatchLogsLogGroup", {}).get("logGroupArn") for each in configuration["destinations"]]
    return (configuration["level"], bool(configuration.get("includeExecutionData")), groups)


def log_problems(level: str, group: str) -> Iterator[Diagnostic]:
    """What is wrong with where an execution's history should go."""
    if level == OFF:
        return
    if not group:
        message = f"{LOG_GROUP} is not set: the log group for the history of executions"
        where = "~/.metaflowconfig/config.json, or leave out --log-execution-history"
        help_text = f"set it as the environment variable {LOG_GROUP}, or under that key in {where}"
        yield Diagnostic("P530", message, help=help_text)
        return
    found = _ARN.match(group)
    if found is None or not found[1]:
        reason = "does not end in `:*`" if found else "is not a log group's ARN"
        message = f"{LOG_GROUP} is {group!r}, which {reason}"
        help_text = (
            f"write {group}:*" if found else "it looks like arn:aws:logs:eu-west-1:123456789012:log-group:name:*"
        )
        yield Diagnostic("P531", message, help=help_text)
