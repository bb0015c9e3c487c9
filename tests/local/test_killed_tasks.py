"""Tasks killed at each of their writes and at any moment: the retry succeeds, and nobody sees what was half done."""

from __future__ import annotations

import pytest
from command_line import Shell

from penstock.runtime_shim.client import Run
from penstock.runtime_shim.datastore.tasks import TaskStore

pytestmark = pytest.mark.slow

KILLED = """
import os, random, signal, sys, threading, time
from penstock import FlowSpec, Parameter, current, retry, step

WRITES = 40


def counted(write):
    def call(*arguments, **options):
        call.seen += 1
        # Split N of `each_write` is killed before its write N, when it is tried for the first time.
        if f"--split-path=/{call.seen}" in sys.argv and "each_write" in sys.argv and "--retry-count=0" in sys.argv:
            os.kill(os.getpid(), signal.SIGKILL)
        return write(*arguments, **options)

    call.seen = 0
    return call


shared = counted(lambda write, *arguments, **options: write(*arguments, **options))


def wrapped(write):
    return lambda *arguments, **options: shared(write, *arguments, **options)


os.replace, os.link = wrapped(os.replace), wrapped(os.link)


class KilledFlow(FlowSpec):
    @step
    def start(self):
        self.xs = list(range(WRITES))
        self.next(self.each_write, foreach="xs")

    @retry(times=3, minutes_between_retries=0)
    @step
    def each_write(self):
        self.y = self.input * 2
        self.text = "x" * 1000 + str(self.input)
        self.tried = current.retry_count
        self.go = "big" if self.input > 5 else "small"
        self.next({"big": self.big, "small": self.meet}, condition="go")

    @step
    def big(self):
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.ys = [one.y for one in inputs]
        self.tries = [one.tried for one in inputs]
        self.next(self.open)

    @step
    def open(self):
        self.zs = list(range(20))
        self.next(self.any_moment, foreach="zs")

    @retry(times=4, minutes_between_retries=0)
    @step
    def any_moment(self):
        self.w = self.input + 1
        self.again = current.retry_count
        self.next(self.close)

    @step
    def close(self, inputs):
        self.merge_artifacts(inputs, include=["ys", "tries"])
        self.ws = [one.w for one in inputs]
        self.killed = sum(one.again for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


def after_fork():
    # The first try of every split of `any_moment` dies at some moment, before, in or after its writes.
    def soon():
        time.sleep(random.Random(os.getpid()).random() * 0.02)
        if "any_moment" in sys.argv and "--retry-count=0" in sys.argv:
            os.kill(os.getpid(), signal.SIGKILL)

    signal.signal(signal.SIGALRM, lambda *_: threading.Thread(target=soon, daemon=True).start())
    signal.setitimer(signal.ITIMER_REAL, 0.001)


os.register_at_fork(after_in_child=after_fork)

if __name__ == "__main__":
    KilledFlow()
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(tmp_path_factory.mktemp("killed"))
    (shell.folder / "killed.py").write_text(KILLED)
    done = shell.run("killed.py", "run", "--max-workers=4", timeout=300)
    assert done.code == 0, done.out[-3000:] + done.err
    return shell


def test_a_task_killed_at_any_write_is_right_at_its_next_try(ran: Shell) -> None:
    end = ran.task("KilledFlow", "end").load_many(["ys", "tries"])
    assert end["ys"] == [2 * x for x in range(40)]
    writes = sum(end["tries"])
    assert writes > 15, "as many splits were killed as a task makes writes"
    # Split 0 has no write 0, and the last ones have more numbers than writes.
    assert end["tries"] == [0] + [1] * writes + [0] * (39 - writes)


def test_a_task_killed_at_any_moment_is_right_in_the_end(ran: Shell) -> None:
    end = ran.task("KilledFlow", "end")
    assert end.load("ws") == list(range(1, 21))
    assert end.load("killed") > 0


def test_attempts_that_were_killed_are_not_marked_done(ran: Shell) -> None:
    run = ran.latest("KilledFlow")
    killed = 0
    for task in Run(f"KilledFlow/{run}", store=ran.store, _namespace=None)["each_write"]:
        names = ran.store.children(f"KilledFlow/{run}/each_write/{task.id}/")
        last = TaskStore(ran.store, "KilledFlow").finished(run, "each_write", task.id).attempt
        assert {f"{last}.DONE.lock"} == {name for name in names if name.endswith(".DONE.lock")}
        assert task.successful
        killed += last
    assert killed > 10
