"""Starts executions of a deployed state machine and lists them."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.step_functions.aws import asking
from penstock.backends.step_functions.states import RUN_ID_PREFIX
from penstock.backends.tables import columns, duration, utc
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from penstock.backends.step_functions.machines import Machine

INPUT_BYTES = 262_144
"""Bytes that an execution's input may have."""
_PAGE = 100


class Started(NamedTuple):
    """An execution that was started."""

    run: str
    arn: str


class ListedRun(NamedTuple):
    """One execution; ``seconds`` is how long it took, until ``now`` where it is still running."""

    run: str
    status: str
    started: datetime
    seconds: float


def start(states: SFNClient, machine: Machine, parameters: Mapping[str, object]) -> Started:
    """Start an execution with these parameters, under a name of its own.

    Raises Refused.
    """
    text = execution_input(parameters)
    name = str(uuid.uuid4())
    with asking(f"start an execution of {machine.name}"):
        answer = states.start_execution(stateMachineArn=machine.arn, name=name, input=text)
    return Started(RUN_ID_PREFIX + name, answer["executionArn"])


def execution_input(parameters: Mapping[str, object]) -> str:
    """The parameters as an execution's input.

    Raises Refused where they are too large, or can't be written as JSON.
    """
    try:
        text = json.dumps(
            {name: _finite(value) for name, value in parameters.items()}, ensure_ascii=False, allow_nan=False
        )
        size = len(text.encode())
    except ValueError as error:  # a NaN inside a JSON value; a lone surrogate
        help_text = "use text that can be encoded, and numbers that are finite"
        raise Refused([Diagnostic("P414", f"the parameters can't be sent as JSON: {error}", help=help_text)]) from None
    if size > INPUT_BYTES:
        message = f"the parameters have {size:,} bytes, Step Functions takes {INPUT_BYTES:,} as an execution's input"
        raise Refused([Diagnostic("P413", message, help="store a large value, and pass its key")])
    return text


def _finite(value: object) -> object:
    """JSON has no NaN and no infinity: a float parameter reads them from text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def list_runs(
    states: SFNClient, machine: Machine, most: int, statuses: Sequence[str] = (), now: datetime | None = None
) -> list[ListedRun]:
    """The newest ``most`` executions with one of these statuses (with any, where none is given), newest first.

    Raises Refused.
    """
    now = now or datetime.now(timezone.utc)
    listed: list[Any] = []
    with asking(f"list the executions of {machine.name}"):
        # AWS filters by one status at a time.
        for wanted in [{"statusFilter": status} for status in dict.fromkeys(statuses)] or [{}]:
            request: Any = {"stateMachineArn": machine.arn, **wanted}
            pages = states.get_paginator("list_executions").paginate(
                **request, PaginationConfig={"MaxItems": most, "PageSize": min(most, _PAGE)}
            )
            listed += islice((execution for page in pages for execution in page["executions"]), most)
    if len(statuses) > 1:
        listed.sort(key=lambda execution: execution["startDate"], reverse=True)
    return [
        ListedRun(
            run=RUN_ID_PREFIX + execution["name"],
            status=execution["status"],
            started=execution["startDate"],
            seconds=(execution.get("stopDate", now) - execution["startDate"]).total_seconds(),
        )
        for execution in listed[:most]
    ]


def terminate(states: SFNClient, machine: Machine, run: str) -> bool:
    """End a run; False where it had ended before.

    Raises Refused, also where the machine has no such run.
    """
    arn = f"{machine.arn.replace(':stateMachine:', ':execution:', 1)}:{run.removeprefix(RUN_ID_PREFIX)}"
    with asking(f"terminate {run}"):
        try:
            status = states.describe_execution(executionArn=arn)["status"]
        except (states.exceptions.ExecutionDoesNotExist, states.exceptions.InvalidArn):
            message = f"{machine.name} has no run {run}"
            raise Refused([Diagnostic("P538", message, help="`step-functions list-runs` shows which it has")]) from None
        if status == "RUNNING":
            states.stop_execution(executionArn=arn, cause="terminated with penstock")
    return status == "RUNNING"


def table(runs: list[ListedRun]) -> list[str]:
    """The runs as lines of a table, with a heading; no lines where there are none."""
    if not runs:
        return []
    rows = [("RUN", "STATUS", "STARTED", "DURATION")]
    rows += [(run.run, run.status.lower(), utc(run.started), duration(run.seconds)) for run in runs]
    return columns(rows)
