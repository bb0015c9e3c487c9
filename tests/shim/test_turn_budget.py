"""Where a turn of a loop runs inside of the one before, the step that would nest too deep refuses."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from record_walk import Walk

from penstock import FlowSpec, step

WalkOf = Callable[[type[FlowSpec]], Walk]
HELP = "  = help: let the code of one step do several turns, or give the flow to another target\n"


class TwoLoopsFlow(FlowSpec):
    """A loop in a loop."""

    @step
    def start(self):
        self.next(self.outer)

    @step
    def outer(self):
        self.next(self.inner)

    @step
    def inner(self):
        self.choice = "again" if self.more else "done"
        self.next({"again": self.inner, "done": self.after}, condition="choice")

    @step
    def after(self):
        self.choice = "again"
        self.next({"again": self.outer, "done": self.end}, condition="choice")

    @step
    def end(self):
        pass


@pytest.fixture(autouse=True)
def _levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_TURNS", json.dumps({"outer": [7, 4], "inner": [6, 2]}))
    monkeypatch.setattr(TwoLoopsFlow, "more", True, raising=False)


def test_the_turn_that_does_not_fit_is_refused(walk_of: WalkOf) -> None:
    walk = walk_of(TwoLoopsFlow)
    for task in [("start", ""), ("outer", "/t0"), *(("inner", f"/t0/t{turn}") for turn in range(3))]:
        assert walk.step(*task).err == ""
    refused = walk.step("inner", "/t0/t3")
    assert refused.code == 202
    assert refused.err == (
        "error[R136]: TwoLoopsFlow/1/inner/t.t0.t3: step `inner` goes to turn 5 of the loop that begins with `inner`,"
        " and Argo Workflows has room for 4: a turn runs inside of the one before, and templates nest 100 deep at"
        " most\n" + HELP
    )


def test_turns_of_the_loops_around_take_room_too(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = walk_of(TwoLoopsFlow)
    monkeypatch.setattr(TwoLoopsFlow, "more", False)
    for task in [("start", ""), ("outer", "/t0"), ("inner", "/t0/t0"), ("after", "/t0"), ("outer", "/t1")]:
        assert walk.step(*task).err == ""
    monkeypatch.setattr(TwoLoopsFlow, "more", True)
    assert walk.step("inner", "/t1/t0").err == ""
    refused = walk.step("inner", "/t1/t1")
    assert "`inner` goes to turn 3 of the loop that begins with `inner` in turn 2 of `outer`, and" in refused.err
    assert "has room for 2:" in refused.err
    monkeypatch.setattr(TwoLoopsFlow, "more", False)
    assert walk.step("inner", "/t1/t1").err == "", "to leave a loop is always possible"
    assert walk.step("after", "/t1").code == 202


def test_where_nothing_nests_a_loop_turns_as_often_as_it_likes(
    walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PENSTOCK_TURNS")
    walk = walk_of(TwoLoopsFlow)
    for task in [("start", ""), ("outer", "/t0"), *(("inner", f"/t0/t{turn}") for turn in range(9))]:
        assert walk.step(*task).err == ""
