"""Jobs are run as AWS Batch runs them: environment, attempts, time-outs, the end of everything they started."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from machine_rig import Rig, wait_until_gone

from penstock.backends.step_functions.rehearsal.engine import QUEUE

pytestmark = pytest.mark.slow

FAIL = "import os, sys; print('attempt', os.environ['AWS_BATCH_JOB_ATTEMPT']); sys.exit(int(os.environ.get('CODE', 1)))"


def overrides(**variables: str) -> dict[str, Any]:
    return {"ContainerOverrides": {"Environment": [{"Name": name, "Value": text} for name, text in variables.items()]}}


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"JobName": name, **more}


def test_a_job_sees_its_environment_and_nothing_of_this_machine(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    script = "import json, os; print(json.dumps([dict(os.environ), os.getcwd(), os.listdir()]))"
    rig.run_job(
        rig.job_definition(script), named("environment", **overrides(MINE="$(touch x) \n 'q' 🌊", FROM="override"))
    )
    (ended,) = rig.attempts("environment")
    seen, folder, content = json.loads(rig.log(ended))
    assert seen["MINE"] == "$(touch x) \n 'q' 🌊"
    assert seen["FROM"] == "override"
    assert (content, Path(folder).exists()) == ([], False)
    given = {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"}
    given |= {"AWS_EC2_METADATA_DISABLED", "MANAGED_BY_AWS", "MINE", "FROM", "LC_CTYPE"}
    assert {name for name in seen if not name.startswith("AWS_BATCH_")} <= given
    assert {name: seen[name] for name in seen if name.startswith("AWS_BATCH_")} == {
        "AWS_BATCH_JOB_ID": ended.job,
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JQ_NAME": QUEUE,
        "AWS_BATCH_CE_NAME": QUEUE,
    }


def test_attempts_are_counted_and_the_last_one_decides(rig: Rig) -> None:
    script = "import os, sys; sys.exit(0 if os.environ['AWS_BATCH_JOB_ATTEMPT'] == '3' else 7)"
    ended = rig.run_job(rig.job_definition(script), named("thrice", RetryStrategy={"Attempts": 3}))
    assert ended.status == "SUCCEEDED"
    assert [(each.attempt, each.exit_code, each.retried) for each in rig.attempts("thrice")] == [
        (1, 7, True),
        (2, 7, True),
        (3, 0, False),
    ]
    assert len(ended.output["Attempts"]) == 3


def test_the_strategy_of_the_job_definition_counts_where_the_submission_has_none(rig: Rig) -> None:
    definition = rig.job_definition(FAIL, retryStrategy={"attempts": 2})
    assert rig.run_job(definition, named("defined")).error == "States.TaskFailed"
    assert len(rig.attempts("defined")) == 2


@pytest.mark.parametrize(("code", "attempts"), [("1", 3), ("202", 1), ("203", 3)])
def test_exit_conditions_decide_which_attempt_is_the_last(rig: Rig, code: str, attempts: int) -> None:
    conditions = [{"OnExitCode": "202", "Action": "EXIT"}, {"OnStatusReason": "Essential*", "Action": "RETRY"}]
    strategy = {"Attempts": 3, "EvaluateOnExit": conditions}
    name = f"conditions-{code}"
    rig.run_job(rig.job_definition(FAIL), named(name, RetryStrategy=strategy, **overrides(CODE=code)))
    assert len(rig.attempts(name)) == attempts


def test_a_state_may_submit_again_what_batch_gave_up(rig: Rig) -> None:
    retry = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    definition = rig.job_definition("import os, sys; sys.exit(os.environ['AWS_BATCH_JOB_ATTEMPT'] != '9')")
    ended = rig.run_job(definition, named("again"), Retry=retry)
    assert (ended.status, ended.error) == ("FAILED", "States.TaskFailed")
    assert [each.attempt for each in rig.attempts("again")] == [1, 1]
    assert len({each.job for each in rig.attempts("again")}) == 2


def test_an_attempt_that_timed_out_is_the_last_one(rig: Rig) -> None:
    definition = rig.job_definition("import time; time.sleep(60)", timeout={"attemptDurationSeconds": 1})
    ended = rig.run_job(definition, named("slow", RetryStrategy={"Attempts": 3}))
    (attempt,) = rig.attempts("slow")
    assert attempt.reason == "Job attempt duration exceeded timeout"
    assert json.loads(ended.cause or "")["StatusReason"] == "Job attempt duration exceeded timeout"


def test_a_job_killed_by_a_signal_reports_it_as_a_container_does(rig: Rig) -> None:
    definition = rig.job_definition("import os; os.kill(os.getpid(), 9)")
    rig.run_job(definition, named("killed", RetryStrategy={"Attempts": 2}))
    assert [each.exit_code for each in rig.attempts("killed")] == [137, 137]


def test_stopping_an_execution_terminates_its_job_and_lets_it_finish(rig: Rig) -> None:
    script = (
        "import signal, sys, time\n"
        "def end(*_): print('uploading', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True); time.sleep(60)"
    )
    state = rig.task(rig.job_definition(script), named("stopped"), End=True)
    arn = rig.start({"StartAt": "job", "States": {"job": state}})
    started = rig.started("stopped")
    while "ready" not in rig.log(started):
        time.sleep(0.02)
    rig.engine.client("stepfunctions").stop_execution(executionArn=arn)
    assert rig.ended(arn).status == "ABORTED"
    attempt = rig.wait_for(lambda each: getattr(each, "name", "") == "stopped" and hasattr(each, "exit_code"))
    assert rig.log(attempt).splitlines() == ["ready", "uploading"]
    assert wait_until_gone(started.pid)


def test_a_state_that_times_out_ends_its_job(rig: Rig) -> None:
    definition = rig.job_definition("import time; time.sleep(60)")
    ended = rig.run_job(definition, named("overdue"), TimeoutSeconds=1)
    assert ended.error == "States.Timeout"
    assert wait_until_gone(rig.started("overdue").pid)


def test_a_failing_branch_ends_the_jobs_beside_it(rig: Rig) -> None:
    sleeper = rig.task(rig.job_definition("import time; time.sleep(60)"), named("beside"), End=True)
    failing = rig.task(rig.job_definition("import time; time.sleep(1); raise SystemExit(1)"), named("bad"), End=True)
    branches = [{"StartAt": name, "States": {name: state}} for name, state in (("a", sleeper), ("b", failing))]
    ended = rig.run_states({"both": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert ended.error == "States.TaskFailed"
    assert wait_until_gone(rig.started("beside").pid)


def test_what_a_job_leaves_running_ends_with_it(rig: Rig) -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"
    rig.run_job(rig.job_definition(script), named("parent"))
    (attempt,) = rig.attempts("parent")
    assert wait_until_gone(int(rig.log(attempt)))


def test_overrides_above_8192_characters_fail_before_anything_runs(rig: Rig) -> None:
    definition = rig.job_definition("print('ran')")
    assert rig.run_job(definition, named("fits", **overrides(X="y" * 8_000))).status == "SUCCEEDED"
    ended = rig.run_job(definition, named("big", **overrides(X="y" * 8_150)))
    assert json.loads(ended.cause or "")["StatusReason"] == "Container Overrides length must be at most 8192"
    assert rig.attempts("big") == []


@pytest.mark.parametrize("name", ["x", "0", "a" * 128, "a_b-c"])
def test_job_names_that_aws_takes_are_taken(rig: Rig, name: str) -> None:
    assert rig.run_job(rig.job_definition("pass"), named(name)).status == "SUCCEEDED"


@pytest.mark.parametrize("name", ["-a", "a b", "a" * 129, "ü"])
def test_job_names_that_aws_refuses_fail_the_state(rig: Rig, name: str) -> None:
    assert rig.run_job(rig.job_definition("pass"), named(name)).error == "Batch.ClientException"


def test_a_job_of_an_unknown_definition_fails_the_state(rig: Rig) -> None:
    assert rig.run_job("no-such-definition").error == "Batch.ClientException"


def test_a_command_that_does_not_exist_says_so_in_the_log(rig: Rig) -> None:
    rig.run_job(rig.command(["no-such-program"]), named("missing"))
    (attempt,) = rig.attempts("missing")
    assert attempt.exit_code == 127
    assert "no-such-program" in rig.log(attempt)


def test_python_is_the_interpreter_that_compiled(rig: Rig) -> None:
    import sys

    rig.run_job(rig.job_definition("import sys, boto3; print(sys.executable)"), named("python"))
    assert os.path.realpath(rig.log(rig.attempts("python")[0]).strip()) == os.path.realpath(sys.executable)


def test_a_job_cannot_be_submitted_without_the_secret(rig: Rig) -> None:
    import boto3

    stranger = boto3.client(
        "batch",
        endpoint_url=rig.engine.endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIASOMEBODYELSE",
        aws_secret_access_key="x",
    )
    definition = rig.job_definition("print('ran')")
    with pytest.raises(ClientError, match="403"):
        stranger.submit_job(jobName="stranger", jobQueue=QUEUE, jobDefinition=definition)
