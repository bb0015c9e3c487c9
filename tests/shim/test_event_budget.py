"""Foreaches and turns of one execution spend its history together: the step that would pass the budget refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from record_walk import Walk

from penstock import FlowSpec, step

WalkOf = Callable[[type[FlowSpec]], Walk]
HELP = "  = help: compile with --distributed-map, or split the work into fewer, larger items\n"


class RowFlow(FlowSpec):
    """A foreach after a foreach, and two side by side."""

    @step
    def start(self):
        self.xs = range(30)
        self.next(self.one, foreach="xs")

    @step
    def one(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.fork)

    @step
    def fork(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.xs = range(10)
        self.next(self.two, foreach="xs")

    @step
    def two(self):
        self.next(self.left_done)

    @step
    def left_done(self, inputs):
        self.next(self.join)

    @step
    def right(self):
        self.xs = range(11)
        self.next(self.three, foreach="xs")

    @step
    def three(self):
        self.next(self.right_done)

    @step
    def right_done(self, inputs):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


def at_the_fork(walk: Walk) -> Walk:
    done = [("start", ""), *(("one", f"/{index}") for index in range(30)), ("gather", ""), ("fork", "")]
    assert [walk.step(*task).err for task in done] == [""] * len(done)
    return walk


@pytest.fixture(autouse=True)
def _prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "400")


def test_foreaches_after_and_beside_each_other_add_up(walk_of: WalkOf) -> None:
    walk = at_the_fork(walk_of(RowFlow))
    assert walk.step("left").code == 0, "12,000 and 4,000 events"
    outcome = walk.step("right")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R131]: RowFlow/1/right/t: step `right` opens a foreach of 11 splits, 4400 events more than the 16000"
        " that the rest of this execution costs, and one execution has room for 20000\n" + HELP
    )


def test_what_the_execution_costs_anyway_counts(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = at_the_fork(walk_of(RowFlow))
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "400+4001")
    outcome = walk.step("left")
    assert outcome.code == 202
    assert "4000 events more than the 16001 that the rest" in outcome.err
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "400+4000")
    assert walk.step("left").code == 0, "what a refused attempt of its own has noted does not count twice"


def test_what_an_earlier_attempt_would_have_opened_counts_where_it_was_more(walk_of: WalkOf) -> None:
    walk = at_the_fork(walk_of(RowFlow))
    walk.store.put("RowFlow/1/_events/run/right@t@8000", b"")
    walk.store.put("RowFlow/1/_events/run/right@t@400", b"")
    assert "4000 events more than the 20000 that the rest" in walk.step("left").err


def test_nothing_is_noted_where_no_history_is_limited(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_EVENTS_PER_SPLIT")
    walk = at_the_fork(walk_of(RowFlow))
    assert list(walk.store.keys("RowFlow/1/_events/")) == []


class NestedFlow(FlowSpec):
    """A foreach in a foreach."""

    @step
    def start(self):
        self.xs = range(3)
        self.next(self.outer, foreach="xs")

    @step
    def outer(self):
        self.ys = range(20)
        self.next(self.inner, foreach="ys")

    @step
    def inner(self):
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


def test_executions_of_their_own_spend_histories_of_their_own(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = walk_of(NestedFlow)
    assert walk.step("start").code == 0
    monkeypatch.setenv("PENSTOCK_OWN_HISTORY", "1")
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "999")
    assert [walk.step("outer", f"/{index}").code for index in range(2)] == [0, 0]
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "20001")
    # The outermost foreach is distributed already: to compile with --distributed-map would not help.
    assert walk.step("outer", "/2").err.splitlines()[-1] == "  = help: split the work into fewer, larger items"


class TurnsFlow(FlowSpec):
    """A loop around a foreach."""

    @step
    def start(self):
        self.next(self.head)

    @step
    def head(self):
        self.xs = range(10)
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.judge)

    @step
    def judge(self):
        self.verdict = "again"
        self.next({"again": self.head, "done": self.end}, condition="verdict")

    @step
    def end(self):
        pass


def test_turns_and_splits_add_up(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_TURN", "6100")
    walk = walk_of(TurnsFlow)
    for turn in range(2):
        done = [("head", f"/t{turn}"), *(("body", f"/t{turn}/{index}") for index in range(10)), ("join", f"/t{turn}")]
        done = [("start", ""), *done] if turn == 0 else done
        assert [walk.step(*task).err for task in done] == [""] * len(done)
        outcome = walk.step("judge", f"/t{turn}")
        assert outcome.code == (0 if turn == 0 else 202), outcome.err
    assert outcome.err == (
        "error[R131]: TurnsFlow/1/judge/t.t1: step `judge` goes to turn 3 of a loop, 6100 events more than the 14100"
        " that the rest of this execution costs, and one execution has room for 20000\n"
        "  = help: compile with --distributed-map, or let the code of one step do several turns\n"
    )
