"""Jobs killed in the middle of their writes: Batch starts them again, and the run is as if nothing had been."""

from __future__ import annotations

from pathlib import Path

import pytest
from rehearsals import compiled, rehearsed, with_attempts

from penstock.backends.step_functions.rehearsal.engine import Engine

pytestmark = pytest.mark.slow

KILLED = '''
import itertools, os, signal
from penstock import FlowSpec, step

WHO = {"step": lambda: os.kill(os.getpid(), signal.SIGKILL), "container": lambda: os.killpg(0, signal.SIGKILL)}


def die_at_write(number, who):
    """From here on the write with this number is the last thing that happens; -1 for right after the last one."""
    from penstock.runtime_shim.datastore.s3 import S3Datastore

    put, numbers = S3Datastore.put, itertools.count()

    def counted(self, key, data, attributes=None):
        if next(numbers) == number:
            WHO[who]()
        put(self, key, data, attributes)
        if number == -1 and key.endswith(".DONE.lock"):
            WHO[who]()

    S3Datastore.put = counted


class KilledFlow(FlowSpec):
    @step
    def start(self):
        self.deaths = [(number, who) for who in WHO for number in (0, 1, 2, 3, -1)]
        self.next(self.work, foreach="deaths")

    @step
    def work(self):
        self.value = f"{self.input}" * 100
        self.attempt = os.environ["AWS_BATCH_JOB_ATTEMPT"]
        if self.attempt == "1":
            die_at_write(*self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.same = [task.value == f"{death}" * 100 for task, death in zip(inputs, inputs[0].deaths)]
        self.attempts = [task.attempt for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    KilledFlow()
'''


def test_a_job_killed_at_any_of_its_writes_is_done_again(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "killed.py"
    file.write_text(KILLED)
    run = rehearsed(with_attempts(compiled(file), 2), engine, tmp_path)
    assert run.done.status == "SUCCEEDED", "".join(run.lines)
    assert sum("Task failed (exit code 137): it is tried again." in line for line in run.lines) == 10
    end = run.task("end")
    assert end.load("same") == [True] * 10
    # What was complete when the job was killed is not done a second time.
    assert end.load("attempts") == ["2", "2", "2", "2", "1"] * 2
    assert [run.task("work", f"t.{index}").attempt for index in range(10)] == [1, 1, 1, 1, 0] * 2


def test_without_a_further_attempt_the_run_fails_and_says_where(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "killed.py"
    file.write_text(KILLED.replace("(0, 1, 2, 3, -1)", "(1,)").replace("for who in WHO", 'for who in ["container"]'))
    run = rehearsed(compiled(file), engine, tmp_path)
    assert run.done.status == "FAILED"
    assert run.done.failure is not None
    assert run.done.failure.message == f"task {run.done.run}/work/t.0 failed: exit code 137"
