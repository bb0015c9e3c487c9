"""What AWS refuses becomes one sentence with advice; moto refuses nothing, so botocore's stubber answers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.stub import Stubber

from penstock.backends.step_functions.aws import AwsClients, asking
from penstock.backends.step_functions.executions import list_runs, start, table
from penstock.backends.step_functions.machines import Machine, find_machine
from penstock.compiler.diagnostics import Refused
from penstock.compiler.render import render_text

MACHINE = Machine(
    "TestFlow",
    "arn:aws:states:eu-west-1:123456789012:stateMachine:TestFlow",
    {"team": "x", "penstock:flow": "TestFlow"},
)
NOW = datetime(2026, 8, 1, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def states() -> Any:
    return botocore.session.get_session().create_client(
        "stepfunctions", region_name="eu-west-1", aws_access_key_id="t", aws_secret_access_key="t"
    )


def said(refused: pytest.ExceptionInfo[Refused]) -> str:
    return render_text(refused.value.diagnostics)


CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`"
NO_SCHEDULER = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role"
NO_LOGS = "The state machine IAM Role is not authorized to access the Log Destination"
NO_TRUST = "Neither the global service principal states.amazonaws.com, nor … is authorized to assume the provided role"


@pytest.mark.parametrize(
    ("code", "message", "reason", "advice"),
    [
        (
            "AccessDeniedException",
            "User: ada is not authorized.",
            "access denied (User: ada is not authorized)",
            "your AWS identity needs the permission for ListStateMachines",
        ),
        (
            "UnrecognizedClientException",
            "The security token is invalid.",
            "AWS doesn't know these credentials (UnrecognizedClientException)",
            CREDENTIALS,
        ),
        (
            "ExpiredTokenException",
            "expired",
            "the AWS credentials have expired (ExpiredTokenException)",
            CREDENTIALS,
        ),
        (
            "StateMachineDeleting",
            "State Machine is being deleted: 'arn:…'",
            "it is being deleted",
            "wait until its last runs have ended, or give another name with --name",
        ),
        (
            "ThrottlingException",
            "Rate exceeded",
            "AWS asks to slow down (ThrottlingException), five times in a row",
            "try again in a minute",
        ),
        (
            "AccessDeniedException",
            NO_TRUST,
            f"Step Functions can't use the role: {NO_TRUST}",
            "correct METAFLOW_SFN_IAM_ROLE, or the role's trust policy",
        ),
        (
            "ValidationException",
            NO_SCHEDULER,
            f"EventBridge Scheduler can't use the role: {NO_SCHEDULER}",
            "correct METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE; its trust policy has to name scheduler.amazonaws.com",
        ),
        (
            "AccessDeniedException",
            NO_LOGS,
            f"Step Functions can't write to the log group: {NO_LOGS}",
            "METAFLOW_SFN_IAM_ROLE needs logs:CreateLogDelivery, logs:DescribeLogGroups and others",
        ),
        ("InvalidToken", "no.", "no (InvalidToken)", "see the AWS documentation of ListStateMachines"),
    ],
)
def test_a_refusal_is_a_sentence(states: Any, code: str, message: str, reason: str, advice: str) -> None:
    with Stubber(states) as stubber:
        stubber.add_client_error("list_state_machines", code, message)
        with pytest.raises(Refused) as refused:
            find_machine(states, "TestFlow")
    assert said(refused) == (
        f"error[P539]: could not look for the state machine TestFlow: {reason}\n  = help: {advice}\n"
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoCredentialsError(), "no AWS credentials found"),
        (PartialCredentialsError(provider="env", cred_var="x"), "no AWS credentials found"),
        (CredentialRetrievalError(provider="sso", error_msg="expired"), "no AWS credentials found"),
        (NoRegionError(), "no AWS region is set"),
        (ProfileNotFound(profile="prod"), "The config profile (prod) could not be found"),
        (
            ConnectTimeoutError(endpoint_url="https://states.example.com/"),
            "https://states.example.com/ can't be reached (ConnectTimeoutError)",
        ),
        (ValueError("Invalid endpoint: x"), "Invalid endpoint: x"),
    ],
)
def test_no_answer_is_a_sentence(error: Exception, reason: str) -> None:
    with pytest.raises(Refused) as refused, asking("ask"):
        raise error
    assert said(refused).startswith(f"error[P539]: could not ask: {reason}\n  = help: ")


def test_no_region_is_told_when_a_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(Refused, match="P539: could not talk to stepfunctions: no AWS region is set"):
        _ = AwsClients().states


def test_our_own_mistakes_are_not_taken_for_aws_s() -> None:
    with pytest.raises(KeyError), asking("ask"):
        raise KeyError("bug")


def test_the_machine_is_found_on_a_later_page(states: Any) -> None:
    def listed(name: str) -> dict[str, Any]:
        arn = f"arn:aws:states:eu-west-1:123456789012:stateMachine:{name}"
        return {"stateMachineArn": arn, "name": name, "type": "STANDARD", "creationDate": NOW}

    with Stubber(states) as stubber:
        first = {"stateMachines": [listed("Other"), listed("TestFlow2")], "nextToken": "more"}
        stubber.add_response("list_state_machines", first, {"maxResults": 1000})
        second = {"stateMachines": [listed("TestFlow")]}
        stubber.add_response("list_state_machines", second, {"maxResults": 1000, "nextToken": "more"})
        tags = {"tags": [{"key": key, "value": value} for key, value in MACHINE.tags.items()]}
        stubber.add_response("list_tags_for_resource", tags, {"resourceArn": MACHINE.arn})
        assert find_machine(states, "TestFlow") == MACHINE
        stubber.assert_no_pending_responses()


def test_an_execution_gets_a_name_of_its_own(states: Any) -> None:
    names = []
    with Stubber(states) as stubber:
        for _ in range(2):
            stubber.add_response(
                "start_execution", {"executionArn": "arn:aws:states:x:1:execution:n:n", "startDate": NOW}
            )
            names.append(start(states, MACHINE, {}).run)
    assert len(set(names)) == 2
    assert all(name.startswith("sfn-") and len(name) <= 80 for name in names)


def test_a_lone_surrogate_in_a_parameter_is_refused(states: Any) -> None:
    with pytest.raises(Refused, match="P414: the parameters can't be sent as JSON: 'utf-8' codec can't encode"):
        start(states, MACHINE, {"who": "\udcff"})


def test_a_nan_inside_a_json_parameter_is_refused(states: Any) -> None:
    with pytest.raises(Refused, match="P414: the parameters can't be sent as JSON: Out of range float values"):
        start(states, MACHINE, {"options": {"a": float("nan")}})


def test_runs_are_listed_with_how_long_they_took(states: Any) -> None:
    def execution(name: str, status: str, minutes: float, stop: float | None) -> dict[str, Any]:
        began = NOW - timedelta(minutes=minutes)
        ended = {} if stop is None else {"stopDate": NOW - timedelta(minutes=stop)}
        arn = f"arn:aws:states:eu-west-1:123456789012:execution:TestFlow:{name}"
        return {
            "executionArn": arn,
            "stateMachineArn": MACHINE.arn,
            "name": name,
            "status": status,
            "startDate": began,
            **ended,
        }

    page = [execution("a", "RUNNING", 0.05, None), execution("b", "SUCCEEDED", 150, 20), execution("c", "FAILED", 9, 7)]
    with Stubber(states) as stubber:
        stubber.add_response(
            "list_executions", {"executions": page}, {"stateMachineArn": MACHINE.arn, "maxResults": 20}
        )
        runs = list_runs(states, MACHINE, 20, now=NOW)
    assert table(runs) == [
        "RUN    STATUS     STARTED              DURATION",
        "sfn-a  running    2026-08-01 11:59:57  3s",
        "sfn-b  succeeded  2026-08-01 09:30:00  2h10m00s",
        "sfn-c  failed     2026-08-01 11:51:00  2m00s",
    ]
    assert table([]) == []
