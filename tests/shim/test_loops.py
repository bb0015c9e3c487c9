"""Steps that go back: every turn is a task of its own, named by its turn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from record_walk import Walk

from penstock import FlowSpec, step
from penstock.runtime_shim.client import Run

WalkOf = Callable[[type[FlowSpec]], Walk]


class TurnsFlow(FlowSpec):
    """A loop of several steps with a split and a foreach inside, whose body is a loop of one step."""

    @step
    def start(self):
        self.round = 0
        self.log = []
        self.next(self.again)

    @step
    def again(self):
        self.round += 1
        self.next(self.left, self.right)

    @step
    def left(self):
        self.xs = list(range(self.round))
        self.next(self.count, foreach="xs")

    @step
    def count(self):
        self.n = getattr(self, "n", 0) + 1
        self.more = "yes" if self.n <= self.input else "no"
        self.next({"yes": self.count, "no": self.collect}, condition="more")

    @step
    def collect(self, inputs):
        self.ns = [one.n for one in inputs]
        self.next(self.meet)

    @step
    def right(self):
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.round = inputs.right.round
        self.log = [*inputs.right.log, inputs[0].ns]
        self.next(self.judge)

    @step
    def judge(self):
        if self.round < 3:
            self.next(self.again)
        else:
            self.next(self.end)

    @step
    def end(self):
        pass


@pytest.fixture
def turned(walk_of: WalkOf) -> Walk:
    walk = walk_of(TurnsFlow)
    assert [outcome.err for *_, outcome in walk.all() if outcome.err] == []
    return walk


def test_artifacts_go_round(turned: Walk) -> None:
    assert turned.task("end").load_many(["round", "log"]) == {"round": 3, "log": [[1], [1, 2], [1, 2, 3]]}


def test_every_turn_is_a_task_and_inner_turns_begin_anew(turned: Walk) -> None:
    names = {
        name: [task.id for task in Run("TurnsFlow/1", store=turned.store, _namespace=None)[name]]
        for name in ("again", "left", "count", "end")
    }
    assert names == {
        "again": ["t.t0", "t.t1", "t.t2"],
        "left": ["t.t0", "t.t1", "t.t2"],
        "count": [
            "t.t0.0.t0",
            "t.t1.0.t0", "t.t1.1.t0", "t.t1.1.t1",
            "t.t2.0.t0", "t.t2.1.t0", "t.t2.1.t1", "t.t2.2.t0", "t.t2.2.t1", "t.t2.2.t2",
        ],
        "end": ["t"],
    }  # fmt: skip


def test_the_foreach_stack_is_free_of_turns(turned: Walk) -> None:
    stack = turned.task("count", "/t2/2/t1").load("_foreach_stack")
    assert [tuple(frame) for frame in stack] == [("count", "xs", 3, 2)]
    assert turned.task("judge", "/t1").load("_foreach_stack") == []
    assert Run("TurnsFlow/1", store=turned.store, _namespace=None)["count"]["t.t2.2.t1"].index == 2


def test_parents_are_named_in_records(turned: Walk) -> None:
    assert turned.record("again", "/t0").parents == ("start/t",)
    assert turned.record("again", "/t1").parents == ("judge/t.t0",)
    assert turned.record("count", "/t2/2/t0").parents == ("left/t.t2",)
    assert turned.record("count", "/t2/2/t1").parents == ("count/t.t2.2.t0",)
    assert turned.record("collect", "/t2").parents == ("count/t.t2.0.t0", "count/t.t2.1.t1", "count/t.t2.2.t2")
    assert turned.record("end").parents == ("judge/t.t2",)


def test_the_record_of_a_task_that_was_entered_without_its_turn_stands_in_both_places(turned: Walk) -> None:
    whole = turned.store.get("TurnsFlow/1/_record/count/t2/1/t0.json")
    assert turned.store.get("TurnsFlow/1/_record/count/t2/1.json") == whole


class AloneFlow(FlowSpec):
    """A step that goes back to itself."""

    @step
    def start(self):
        self.n = 0
        self.next(self.again)

    @step
    def again(self):
        self.n += 1
        self.go = "back" if self.n < 3 else "on"
        self.next({"back": self.again, "on": self.end}, condition="go")

    @step
    def end(self):
        pass


def test_a_step_may_go_back_to_itself(walk_of: WalkOf) -> None:
    walk = walk_of(AloneFlow)
    assert [(name, path, outcome.err) for name, path, outcome in walk.all()] == [
        ("start", "", ""),
        ("again", "/t0", ""),
        ("again", "/t1", ""),
        ("again", "/t2", ""),
        ("end", "", ""),
    ]
    assert walk.task("end").load("n") == 3


def test_turns_spend_the_budget_of_events(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_TURN", "10000")
    walk = walk_of(AloneFlow)
    walk.step("start")
    assert walk.step("again", "/t0").code == 0, "two turns are 20,000 events"
    outcome = walk.step("again", "/t1")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R131]: AloneFlow/1/again/t.t1: step `again` goes to turn 3 of a loop, 10000 events each:"
        " 30000 events, and one execution has room for 20000\n"
        "  = help: let the code of one step do several turns\n"
    )


def test_by_hand_a_turn_follows_from_the_parent(walk_of: WalkOf) -> None:
    walk = walk_of(AloneFlow)
    assert walk.command("init", "--run-id", "1", "--task-id", "0").code == 0
    by_hand = [("start", "1", "_parameters/0"), ("again", "2", "start/1"), ("again", "3", "again/2")]
    for name, task, parent in [*by_hand, ("again", "4", "again/3"), ("end", "5", "again/4")]:
        outcome = walk.command("step", name, "--run-id", "1", "--task-id", task, "--input-paths", f"1/{parent}")
        assert outcome.code == 0, outcome.err
    assert str(walk.tasks.finished("1", "again", "4").path) == "/t2"
    assert walk.tasks.finished("1", "end", "5").load("n") == 3
