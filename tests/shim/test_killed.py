"""A task that is killed, before or after any of its writes, leaves nothing a reader trusts, and runs again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from record_walk import Walk

from penstock import FlowSpec, Parameter, step
from penstock.runtime_shim.datastore.finished import NotFinished


class KilledFlow(FlowSpec):
    alpha = Parameter("alpha", default=3)

    @step
    def start(self):
        self.xs = ["a", "b"]
        self.next(self.work, foreach="xs")

    @step
    def work(self):
        self.y = self.input * self.alpha
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ys = [one.y for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


TASKS = [("start", ""), ("work", "/0"), ("work", "/1"), ("join", ""), ("end", "")]
EXPECTED = {("start", ""): ("xs", ["a", "b"]), ("join", ""): ("ys", ["aaa", "bbb"])}


def in_a_child(work: Callable[[], None]) -> int:
    """Do it in a forked process; the status it ended with."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def at_each_write(act: Callable[[int], None]) -> None:
    """From here on, call ``act`` with the number of each write just before it becomes visible."""
    seen = 0

    def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal seen
            seen += 1
            act(seen)
            return original(*arguments, **options)

        return call

    os.replace = wrapped(os.replace)  # type: ignore[assignment]  # in a child that ends soon
    os.link = wrapped(os.link)  # type: ignore[assignment]  # as above


def die_before_write(number: int) -> None:
    """SIGKILL this process when it is about to make write ``number``; a kill after the write before leaves the same."""
    at_each_write(lambda seen: os.kill(os.getpid(), signal.SIGKILL) if seen == number else None)


def writes_of(walk: Walk, name: str, path: str, tmp_path: Path) -> int:
    """How many writes the task makes."""
    counted = tmp_path / "counted"

    def work() -> None:
        at_each_write(lambda seen: counted.open("a").write(".") and None)
        walk.step(name, path)

    in_a_child(work)
    return counted.stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("position", [0, 3], ids=["start", "join"])
def test_a_task_killed_between_any_two_writes_is_not_trusted_and_runs_again(position: int, tmp_path: Path) -> None:
    prepared = Walk(KilledFlow, tmp_path / "prepared")
    for name, path in TASKS[:position]:
        assert prepared.step(name, path).code == 0
    prepared.root.mkdir(exist_ok=True)
    name, path = TASKS[position]
    total = writes_of(Walk(KilledFlow, shutil.copytree(prepared.root, tmp_path / "scratch")), name, path, tmp_path)
    assert total > 10
    artifact, value = EXPECTED[name, path]
    for number in range(1, total + 1):
        walk = Walk(KilledFlow, shutil.copytree(prepared.root, tmp_path / f"killed-{number}"))

        def work(walk: Walk = walk, number: int = number) -> None:
            die_before_write(number)
            walk.step(name, path)

        assert in_a_child(work) == -signal.SIGKILL
        with pytest.raises(NotFinished):
            walk.task(name, path)
        outcome = walk.step(name, path)
        assert outcome.code == 0, (number, outcome.err)
        assert walk.task(name, path).load(artifact) == value
    for rest, rest_path in TASKS[position + 1 :]:
        assert walk.step(rest, rest_path).code == 0
    assert walk.task("join").load("ys") == ["aaa", "bbb"]


def test_a_task_killed_once_it_is_marked_done_is_done(tmp_path: Path) -> None:
    walk = Walk(KilledFlow, tmp_path / "store")
    total = writes_of(Walk(KilledFlow, tmp_path / "scratch"), "start", "", tmp_path)

    def work() -> None:
        die_before_write(total + 1)
        walk.step("start")
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_child(work) == -signal.SIGKILL
    assert walk.task("start").attempt == 0
    assert walk.step("start").code == 0
    assert walk.task("start").attempt == 0, "it did not run again"
