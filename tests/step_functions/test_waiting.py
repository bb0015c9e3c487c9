"""`trigger --wait` on the rehearsal's engine, as a user calls it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.backends.rehearsal.embedded import REGION
from penstock.backends.step_functions.rehearsal.engine import ACCOUNT, QUEUE, Engine
from penstock.backends.step_functions.watching.watch import Watch

pytestmark = pytest.mark.slow

FLOW = """
import time
from penstock import FlowSpec, Parameter, current, retry, step

class WatchedFlow(FlowSpec):
    fails = Parameter("fails", default=False)
    seconds = Parameter("seconds", default=0)

    @step
    def start(self):
        self.items = list(range(7))
        time.sleep(self.seconds)
        self.next(self.fit, foreach="items")

    @retry(times=1)
    @step
    def fit(self):
        if self.input == 3 and current.retry_count == 0:
            raise ValueError("not at the first time")
        self.next(self.join)

    @step
    def join(self, inputs):
        if self.fails:
            raise KeyError("rows")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    WatchedFlow()
"""

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def deployed(engine: Engine, command: Command, flow_file: Callable[[str, str], Path]) -> Command:
    """Runs ``step-functions …`` of the flow, which is deployed to the engine."""
    flow_file(FLOW, "flow.py")
    buckets = engine.client("s3").list_buckets()["Buckets"]
    if "watched" not in {bucket["Name"] for bucket in buckets}:
        engine.client("s3").create_bucket(Bucket="watched")
    role = f"arn:aws:iam::{ACCOUNT}:role/watched"
    environment = {
        "AWS_ENDPOINT_URL": engine.endpoint,
        "AWS_ACCESS_KEY_ID": engine.secret,
        "AWS_SECRET_ACCESS_KEY": engine.secret,
        "AWS_REGION": REGION,
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://watched/metaflow",
        "METAFLOW_BATCH_JOB_QUEUE": QUEUE,
        "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": role,
        "METAFLOW_SFN_IAM_ROLE": role,
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return command("flow.py", "step-functions", *arguments, **environment)

    created = run("create")
    assert created.returncode == 0, created.stderr
    return run


def said(output: str) -> list[str]:
    """Lines of progress without their times, the run's id and jobs' ids."""
    lines = [line[24:] for line in output.splitlines() if re.match(r"\d{4}-", line)]
    return [re.sub(r"\d+\.\d s", "N s", re.sub(r"sfn-[0-9a-f-]+|\(job .*\)", "*", line)) for line in lines]


def test_a_run_is_followed_to_its_good_end(deployed: Command, tmp_path: Path) -> None:
    done = deployed("trigger", "--wait", "--run-id-file", str(tmp_path / "id"))
    assert done.returncode == 0, done.stderr
    lines = said(done.stdout)
    assert lines[:2] == ["[*/start/t] Task is submitted *.", "[*/start/t] Task finished successfully (N s)."]
    assert "[*/fit] 7 of 7 done, 0 under way." in lines
    assert not [line for line in lines if "/fit/t.0]" in line]
    assert lines[-1] == "[*/end/t] Task finished successfully (N s)."
    assert re.search(r"^Done: 10 tasks, in \d+s\.$", done.stdout, re.MULTILINE)
    assert f"Run {(tmp_path / 'id').read_text()} started." in done.stdout


def test_a_run_that_fails_says_which_task_and_what_it_said(deployed: Command) -> None:
    done = deployed("trigger", "--wait", "--fails", "true")
    assert done.returncode == 1
    match = re.search(r"Run (\S+) started", done.stdout)
    assert match is not None
    task = f"{match.group(1)}/join/t"
    assert done.stderr == (
        f"error[R183]: step `join` failed: task {task} ended with exit code 1: KeyError: 'rows'\n"
        f"  = help: `python flow.py --datastore=s3 logs {task}` shows what it wrote\n"
    )


def test_the_watching_ends_and_the_run_goes_on_until_it_is_terminated(
    deployed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = deployed("trigger", "--wait", "--timeout", "0.1", "--seconds", "60")
    assert late.returncode == 1
    match = re.search(r"Run (\S+) started", late.stdout)
    assert match is not None
    run = match.group(1)
    assert late.stderr == (
        f"error[R184]: run {run} is not over after 0s: it goes on\n"
        f"  = help: `python flow.py step-functions terminate {run}` ends it\n"
    )

    def interrupted(self: Watch, seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Watch, "_pause", interrupted)
    stopped = deployed("trigger", "--wait", "--seconds", "60")
    assert stopped.returncode == 1
    second = re.search(r"Run (\S+) started", stopped.stdout)
    assert second is not None
    assert stopped.stderr == (
        f"Stopped watching: run {second.group(1)} goes on. This ends it:\n"
        f"  python flow.py step-functions terminate {second.group(1)}\n"
    )
    for started in (run, second.group(1)):
        assert deployed("terminate", started).stdout == f"Run {started} is terminated.\n"


def test_a_run_that_somebody_ends_is_no_success(deployed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    pause = Watch._pause

    def somebody_ends_it(self: Watch, seconds: float) -> None:
        self._states.stop_execution(executionArn=self._arn, cause="by ada")
        pause(self, seconds)

    monkeypatch.setattr(Watch, "_pause", somebody_ends_it)
    done = deployed("trigger", "--wait", "--seconds", "60")
    assert done.returncode == 1
    assert re.match(r"error\[R183\]: run sfn-\S+ was ended before its time\b", done.stderr)


def test_a_timeout_is_of_the_waiting(deployed: Command) -> None:
    done = deployed("trigger", "--timeout", "5")
    assert done.returncode == 2
    assert "Error: the time limit is one of the waiting: give --wait too" in done.stderr
