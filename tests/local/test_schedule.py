"""Which tasks become ready, decided without a process or a store."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence

import pytest

from penstock.backends.local.schedule import Schedule, Task, TooManySplits
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.plan import Plan, PlannedStep
from penstock.runtime_shim.records import Record

FOREACH = Plan.of(
    "F",
    [
        PlannedStep("start", "foreach", ("body",), over="xs"),
        PlannedStep("body", "goto", ("join",), parents=("start",), nest=("each:start",)),
        PlannedStep("join", "goto", ("end",), parents=("body",), closes="foreach", opener="start"),
        PlannedStep("end", "stop", parents=("join",)),
    ],
)
SPLIT = Plan.of(
    "S",
    [
        PlannedStep("start", "split", ("a", "b")),
        PlannedStep("a", "split", ("c", "d"), parents=("start",)),
        PlannedStep("c", "goto", ("join",), parents=("a",)),
        PlannedStep("d", "goto", ("join",), parents=("a",)),
        PlannedStep("b", "goto", ("join",), parents=("start",)),
        PlannedStep("join", "goto", ("end",), parents=("c", "d", "b"), closes="split", opener="start"),
        PlannedStep("end", "stop", parents=("join",)),
    ],
)


def record(*following: str, path: str = "", splits: int | None = None) -> Record:
    return Record("1", Path.parse(path), tuple(following), splits, ())


def ended(schedule: Schedule, task: str, given: Record) -> list[str]:
    """The tasks that are ready after ``task`` (``body/0``), in the same spelling."""
    step, *frames = task.split("/")
    ready = schedule.ended(Task(step, Path.parse("".join(f"/{frame}" for frame in frames))), given)
    return [f"{task.step}{task.path}" for task in ready]


def test_a_run_begins_with_the_plan_s_first_step() -> None:
    assert Schedule(FOREACH, 100).first() == Task("start", Path())


def test_an_opener_makes_a_task_for_every_split_in_order() -> None:
    assert ended(Schedule(FOREACH, 100), "start", record("body", splits=3)) == ["body/0", "body/1", "body/2"]


def test_a_foreach_join_is_ready_after_its_last_split_whatever_the_order() -> None:
    schedule = Schedule(FOREACH, 100)
    ended(schedule, "start", record("body", splits=3))
    assert ended(schedule, "body/2", record("join")) == []
    assert ended(schedule, "body/0", record("join")) == []
    assert ended(schedule, "body/1", record("join")) == ["join"]


def test_the_join_of_an_empty_foreach_follows_its_opener() -> None:
    assert ended(Schedule(FOREACH, 100), "start", record("body", splits=0)) == ["join"]


def test_a_join_that_closes_two_splits_waits_for_all_their_ends() -> None:
    schedule = Schedule(SPLIT, 100)
    assert ended(schedule, "start", record("a", "b")) == ["a", "b"]
    assert ended(schedule, "b", record("join")) == []
    assert ended(schedule, "a", record("c", "d")) == ["c", "d"]
    assert ended(schedule, "d", record("join")) == []
    assert ended(schedule, "c", record("join")) == ["join"]


def test_joins_at_different_places_are_counted_apart() -> None:
    inner = Plan.of(
        "N",
        [
            PlannedStep("start", "foreach", ("open",), over="xs"),
            PlannedStep("open", "foreach", ("body",), over="ys", parents=("start",), nest=("each:start",)),
            PlannedStep("body", "goto", ("near",), parents=("open",), nest=("each:start", "each:open")),
            PlannedStep(
                "near", "goto", ("far",), parents=("body",), closes="foreach", opener="open", nest=("each:start",)
            ),
            PlannedStep("far", "goto", ("end",), parents=("near",), closes="foreach", opener="start"),
            PlannedStep("end", "stop", parents=("far",)),
        ],
    )
    schedule = Schedule(inner, 100)
    ended(schedule, "start", record("open", splits=2))
    assert ended(schedule, "open/0", record("body", path="/0", splits=1)) == ["body/0/0"]
    assert ended(schedule, "open/1", record("body", path="/1", splits=2)) == ["body/1/0", "body/1/1"]
    assert ended(schedule, "body/1/0", record("near", path="/1")) == []
    assert ended(schedule, "body/0/0", record("near", path="/0")) == ["near/0"]
    assert ended(schedule, "near/0", record("far")) == []
    assert ended(schedule, "body/1/1", record("near", path="/1")) == ["near/1"]
    assert ended(schedule, "near/1", record("far")) == ["far"]


def test_the_end_is_followed_by_nothing() -> None:
    assert ended(Schedule(FOREACH, 100), "end", record()) == []


def test_more_splits_than_allowed_are_refused_naming_the_option() -> None:
    with pytest.raises(TooManySplits) as refused:
        ended(Schedule(FOREACH, 100), "start", record("body", splits=48120))
    assert str(refused.value) == (
        "error[R170]: the foreach in step `start` has 48,120 splits; this run allows 100\n"
        "  = help: raise the maximum with `--max-num-splits 48120` if that many tasks are meant"
    )


def test_what_is_left_counts_the_tasks_that_are_known() -> None:
    schedule = Schedule(FOREACH, 100)
    schedule.first()
    assert schedule.left() == ["start (1 of 1)", "body", "join", "end"]
    ended(schedule, "start", record("body", splits=3))
    ended(schedule, "body/1", record("join"))
    assert schedule.left() == ["body (2 of 3)", "join", "end"]


def seconds_for(splits: int) -> float:
    """Seconds of this process's own work, the collector of cycles apart."""
    schedule = Schedule(FOREACH, splits)
    gc.disable()
    begin = time.process_time()
    try:
        bodies: Sequence[Task] = list(schedule.ended(schedule.first(), record("body", splits=splits)))
        for body in bodies:
            list(schedule.ended(body, record("join")))
        return time.process_time() - begin
    finally:
        gc.enable()


def test_ten_times_the_splits_cost_far_less_than_a_hundred_times_the_time() -> None:
    few, many = min(seconds_for(10_000) for _ in range(3)), min(seconds_for(100_000) for _ in range(3))
    assert many < 40 * few, f"{few:.3f} s for 10,000 splits, {many:.3f} s for 100,000"
