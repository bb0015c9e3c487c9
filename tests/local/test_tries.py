"""Tasks that are tried again, caught and ended in time, as a user sees them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from command_line import Shell

from penstock.runtime_shim.client import Task
from penstock.runtime_shim.execution import FailureHandledByCatch

pytestmark = pytest.mark.slow

TRIED = """
import ctypes, os, signal, subprocess, time
from metaflow import FlowSpec, Parameter, batch, catch, current, environment, resources, retry, step, timeout


class TriedFlow(FlowSpec):
    fail = Parameter("fail", default="")

    @retry(times=2, minutes_between_retries=0.01)
    @step
    def start(self):
        print("try", current.retry_count)
        if self.fail == "always" or current.retry_count == 0:
            raise ValueError("not yet")
        if current.retry_count == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        self.tries = current.retry_count
        self.next(self.killed)

    @catch(var="error")
    @retry(times=1, minutes_between_retries=0)
    @step
    def killed(self):
        os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.once)

    @retry(times=3, minutes_between_retries=0, on="platform")
    @batch(cpu=2)
    @resources(memory=100)
    @step
    def once(self):
        if self.fail == "once":
            raise ValueError("mine")
        if current.retry_count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.slow)

    @catch(var="late")
    @timeout(seconds=1)
    @step
    def slow(self):
        self.before = "kept"
        child = subprocess.Popen(["sleep", "600"])
        shell = subprocess.run(["sh", "-c", "setsid sleep 600 > /dev/null 2>&1 & echo $!"], stdout=-1, check=True)
        with open("pids", "w") as file:
            file.write(f"{child.pid} {int(shell.stdout)}")
        time.sleep(600)
        self.next(self.end)

    @environment(vars={"GREETING": "hello"})
    @step
    def end(self):
        self.greeting = os.environ["GREETING"]


if __name__ == "__main__":
    TriedFlow()
"""
DEAF = """
import subprocess
from penstock import FlowSpec, retry, step, timeout


class DeafFlow(FlowSpec):
    @timeout(seconds=1)
    @step
    def start(self):
        child = subprocess.Popen(["sleep", "600"])
        while True:
            try:
                while True:
                    pass
            except Exception:
                with open("pids", "w") as file:
                    file.write(str(subprocess.Popen(["sleep", "600"]).pid))

        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DeafFlow()
"""


def runs(pid: str) -> bool:
    """Whether the process is there and has not ended."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def tried(shell: Shell) -> Shell:
    (shell.folder / "tried.py").write_text(TRIED)
    return shell


def of(lines: list[str], step: str) -> list[str]:
    """What is said about a step's task."""
    start = f"[RUN/{step}/t (pid PID)] "
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


def test_tasks_are_tried_again_caught_and_ended_in_time(tried: Shell) -> None:
    done = tried.run("-m", "penstock", "tried.py", "run")
    assert done.code == 0, done.err + done.out
    assert of(done.lines, "start") == [
        "Task is starting.",
        "try 0",
        *_traceback("start", 'raise ValueError("not yet")', "ValueError: not yet"),
        "Task failed.",
        "Retry 1 of 2 in 0.6 seconds.",
        "Task is starting (retry).",
        "try 1",
        "Task failed.",
        "Retry 2 of 2 in 0.6 seconds.",
        "Task is starting (retry).",
        "try 2",
        "Task finished successfully.",
    ]
    assert of(done.lines, "killed") == [
        "Task is starting.",
        "Task failed.",
        "Task is starting (retry).",
        "Task failed.",
        "Task fallback is starting to handle the failure.",
        "@catch caught an exception from <flow TriedFlow step killed>",
        f">  penstock.runtime_shim.execution.FailureHandledByCatch: {FailureHandledByCatch()}",
        "Task finished successfully.",
    ]
    assert of(done.lines, "once") == [
        "Task is starting.", "Task failed.", "Task is starting (retry).", "Task finished successfully.",
    ]  # fmt: skip
    assert tried.task("TriedFlow", "start").load("tries") == 2
    assert tried.task("TriedFlow", "end").load_many(["greeting", "before"]) == {"greeting": "hello", "before": "kept"}
    late = tried.task("TriedFlow", "end").load("late")
    assert late.exception == "step `slow` ran longer than the 1 s that its @timeout allows"
    assert "time.sleep(600)" in late.stacktrace
    assert [pid for pid in (tried.folder / "pids").read_text().split() if runs(pid)] == []
    _logs_are_those_of_their_attempts(tried)


def _logs_are_those_of_their_attempts(shell: Shell) -> None:
    run = shell.latest("TriedFlow")
    tries = [
        Task(f"TriedFlow/{run}/start/t", attempt, store=shell.store, _namespace=None).stdout for attempt in range(3)
    ]
    assert tries == ["try 0\n", "try 1\n", "try 2\n"]


def _traceback(step: str, line: str, last: str) -> list[str]:
    number = next(n for n, text in enumerate(TRIED.splitlines(), 1) if text.strip() == line)
    return [
        f"TriedFlow/RUN/{step}/t failed:",
        "Traceback (most recent call last):",
        f'  File "tried.py", line {number}, in {step}',
        f"    {line}",
        last,
    ]


def test_a_task_that_fails_at_every_try_ends_the_run(tried: Shell) -> None:
    done = tried.run("-m", "penstock", "tried.py", "run", "--fail=always")
    assert done.code == 1
    assert [line for line in of(done.lines, "start") if line.startswith("try")] == ["try 0", "try 1", "try 2"]
    assert "step `start` failed: task" in done.err


def test_what_was_the_user_s_is_not_tried_again_on_platform(tried: Shell) -> None:
    done = tried.run("-m", "penstock", "tried.py", "run", "--fail=once")
    assert done.code == 1
    assert of(done.lines, "once")[-2:] == ["Task failed.", "This failed task will not be retried."]
    assert of(done.lines, "once").count("Task is starting (retry).") == 0


def test_code_that_does_not_listen_is_ended_as_the_user_s_failure(shell: Shell) -> None:
    (shell.folder / "deaf.py").write_text(DEAF)
    begin = time.monotonic()
    done = shell.run("deaf.py", "run")
    assert 11 <= time.monotonic() - begin < 60
    assert done.code == 1
    assert "ended with exit code 1" in done.err
    assert "Timeout (0:00:11)!" in done.out
    assert re.search(r'deaf.py", line 1[34] in start', done.out)
    assert not runs((shell.folder / "pids").read_text())


def test_a_run_ended_while_a_task_waits_does_not_wait_for_it(tried: Shell) -> None:
    source = TRIED.replace("minutes_between_retries=0.01", "minutes_between_retries=10")
    (tried.folder / "tried.py").write_text(source)
    process = tried.start("-m", "penstock", "tried.py", "run")
    assert process.stdout is not None
    for line in process.stdout:
        if line.endswith("Retry 1 of 2 in 10 minutes.\n"):
            break
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Workflow interrupted." in out
    assert "error[R172]" in err


CAUGHT_DEAF = """
import time
from penstock import FlowSpec, catch, retry, step, timeout
from penstock.runtime_shim import timeouts

timeouts.GRACE = 0.5


class DeafFlow(FlowSpec):
    @catch(var="late", print_exception=False)
    @retry(times=2, minutes_between_retries=1, on="platform")
    @timeout(seconds=1)
    @step
    def start(self):
        while True:
            try:
                time.sleep(600)
            except Exception:
                continue
        self.next(self.end)

    @step
    def end(self):
        self.caught = type(self.late).__name__, str(self.late).count("did not heed")


if __name__ == "__main__":
    DeafFlow()
"""


def test_what_had_to_be_torn_away_at_its_deadline_falls_back_at_once(shell: Shell) -> None:
    (shell.folder / "deaf.py").write_text(CAUGHT_DEAF)
    done = shell.run("deaf.py", "run", timeout=60)
    assert done.code == 0, done.err
    said = of(done.lines, "start")
    assert [line for line in said if line.startswith("Task ")] == [
        "Task is starting.",
        "Task failed.",
        "Task fallback is starting to handle the failure.",
        "Task finished successfully.",
    ]
    assert shell.task("DeafFlow", "end").load("caught") == ("MetaflowExceptionWrapper", 1)
