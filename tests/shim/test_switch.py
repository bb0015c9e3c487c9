"""One of several steps: by a dict, by `if`; and how the paths come together again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from record_walk import Walk

from penstock import FlowSpec, Parameter, step
from penstock.runtime_shim.records import Record, pointer_key

WalkOf = Callable[[type[FlowSpec]], Walk]


class ChoiceFlow(FlowSpec):
    mode = Parameter("mode", default="fast")

    @step
    def start(self):
        self.chosen = self.mode
        self.next({"fast": self.quick, "careful": self.thorough, "skip": self.merge}, condition="chosen")

    @step
    def quick(self):
        self.by = "quick"
        self.next(self.merge)

    @step
    def thorough(self):
        self.by = "thorough"
        self.next(self.merge)

    @step
    def merge(self):
        self.seen = getattr(self, "by", "nobody")
        self.next(self.end)

    @step
    def end(self):
        pass


@pytest.mark.parametrize(
    ("mode", "steps", "seen"),
    [
        ("fast", ["start", "quick", "merge", "end"], "quick"),
        ("careful", ["start", "thorough", "merge", "end"], "thorough"),
        ("skip", ["start", "merge", "end"], "nobody"),
    ],
)
def test_the_case_that_equals_the_artifact_is_taken(mode: str, steps: list[str], seen: str, walk_of: WalkOf) -> None:
    walk = walk_of(ChoiceFlow)
    walk.give({"mode": mode})
    assert [(name, outcome.err) for name, _, outcome in walk.all()] == [(name, "") for name in steps]
    assert walk.task("end").load("seen") == seen
    assert walk.record("start").next == (steps[1],)
    assert walk.task("start").load("_transition") == ([steps[1]], None)


def test_a_value_without_a_case_is_told_with_the_cases(walk_of: WalkOf) -> None:
    walk = walk_of(ChoiceFlow)
    walk.give({"mode": "slow"})
    outcome = walk.step("start")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R133]: ChoiceFlow/1/start/t: step `start` chooses by `self.chosen`, which is 'slow': there is no such"
        " case\n  = help: the cases are 'fast', 'careful', 'skip'\n"
    )


class NumberFlow(FlowSpec):
    change = Parameter("change", default=0)

    @step
    def start(self):
        self.next({-1: self.down, 0: self.end, 1.0: self.up}, condition="change")

    @step
    def down(self):
        self.next(self.end)

    @step
    def up(self):
        self.next(self.end)

    @step
    def end(self):
        pass


@pytest.mark.parametrize(("change", "step_taken"), [(-1, "down"), (0, "end"), (1, "up")])
def test_a_case_may_be_any_number_below_zero_too(change: int, step_taken: str, walk_of: WalkOf) -> None:
    walk = walk_of(NumberFlow)
    walk.give({"change": change})
    outcome = walk.step("start")
    assert (outcome.code, outcome.err) == (0, "")
    assert walk.record("start").next == (step_taken,)


class MissingFlow(FlowSpec):
    @step
    def start(self):
        self.values = ["a"]
        self.next(self.choose)

    @step
    def choose(self):
        self.next({"a": self.end, "b": self.other}, condition="values")

    @step
    def other(self):
        self.next({"a": self.end, "b": self.start_over}, condition="nothing")

    @step
    def start_over(self):
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_value_that_no_case_can_equal_has_none(walk_of: WalkOf) -> None:
    walk = walk_of(MissingFlow)
    walk.step("start")
    assert walk.step("choose").err == (
        "error[R133]: MissingFlow/1/choose/t: step `choose` chooses by `self.values`, which is ['a']: there is no such"
        " case\n  = help: the cases are 'a', 'b'\n"
    )


class NoneFlow(FlowSpec):
    @step
    def start(self):
        self.next({"a": self.end, "b": self.other}, condition="nothing")

    @step
    def other(self):
        self.next(self.end)

    @step
    def end(self):
        pass


def test_an_artifact_that_does_not_exist_is_named(walk_of: WalkOf) -> None:
    assert walk_of(NoneFlow).step("start").err == (
        "error[R133]: NoneFlow/1/start/t: step `start` chooses by `self.nothing`, which does not exist\n"
    )


class ChangedFlow(FlowSpec):
    @step
    def start(self):
        self.x = "a"
        self.next({"a": self.end, "b": self.other}, condition="x")

    @step
    def other(self):
        self.next(self.end)

    @step
    def end(self):
        pass


@pytest.mark.parametrize(
    ("takes", "shown"),
    [
        (lambda self: self.next({"a": self.end}, condition="x"), "self.next({'a': self.end}, condition='x')"),
        (
            lambda self: self.next({"a": self.end, "b": self.other}, condition="y"),
            "self.next({'a': self.end, 'b': self.other}, condition='y')",
        ),
        (lambda self: self.next(self.end), "self.next(self.end)"),
    ],
)
def test_other_cases_than_the_compiled_ones_are_refused(
    takes: Callable[[FlowSpec], None], shown: str, walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = walk_of(ChangedFlow)
    assert walk.command("init", "--run-id", walk.run).code == 0  # stores the plan of the flow as it stands here

    def start(self: FlowSpec) -> None:
        takes(self)

    start.is_step = True  # type: ignore[attr-defined]  # what @step notes
    monkeypatch.setattr(ChangedFlow, "start", start)
    outcome = walk.step("start")
    assert outcome.code == 202
    assert outcome.err.splitlines()[0] == (
        f"error[R122]: ChangedFlow/1/start/t: step `start` takes the transition {shown}, but the flow was compiled with"
        " self.next({'a': self.end, 'b': self.other}, condition='x')"
    )


class ArmsFlow(FlowSpec):
    n = Parameter("n", default=1)

    @step
    def start(self):
        self.xs = [0, 1, 2]
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        if self.input == 0:
            self.next(self.zero)
        elif self.input == self.n:
            self.next(self.join)
        else:
            self.next(self.other)

    @step
    def zero(self):
        self.was = "zero"
        self.next(self.join)

    @step
    def other(self):
        self.was = "other"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.were = [getattr(one, "was", None) for one in inputs]
        self.from_steps = [vars(one)["_penstock_scope"].step for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


def test_arms_of_an_if_end_in_the_slots_of_a_join_in_order(walk_of: WalkOf) -> None:
    walk = walk_of(ArmsFlow)
    assert [outcome.err for *_, outcome in walk.all() if outcome.err] == []
    assert walk.task("join").load("were") == ["zero", None, "other"]
    assert walk.task("join").load("from_steps") == ["zero", "body", "other"]


def test_a_merge_without_a_finished_parent_may_be_tried_again(walk_of: WalkOf) -> None:
    walk = walk_of(ChoiceFlow)
    walk.step("start")
    outcome = walk.step("merge")
    assert outcome.code == 203
    assert outcome.err == (
        "error[R134]: no task has ended that goes to ChoiceFlow/1/merge/t\n"
        "  = help: `start` or `quick` or `thorough` must have ended first;"
        f" {walk.root}/ChoiceFlow/1/_from/merge/t is missing\n"
    )


def test_a_pointer_of_a_task_that_went_elsewhere_is_not_believed(walk_of: WalkOf) -> None:
    walk = walk_of(ChoiceFlow)
    walk.step("start")
    walk.step("quick")
    walk.store.put(pointer_key("ChoiceFlow", "1", "merge", "t"), b"start/t")  # as a killed attempt would have left it
    outcome = walk.step("merge")
    assert outcome.code == 203
    assert outcome.err.splitlines()[0] == (
        "error[R134]: ChoiceFlow/1/merge/t: ChoiceFlow/1/start/t did not go to merge/t, although a pointer says so"
    )


def test_a_task_that_is_done_names_itself_again(walk_of: WalkOf) -> None:
    walk = walk_of(ChoiceFlow)
    walk.step("start")
    walk.step("quick")
    pointer = walk.root / "ChoiceFlow" / "1" / "_from" / "merge" / "t"
    pointer.unlink()
    assert walk.step("quick").code == 0
    assert pointer.read_text() == "quick/t"
    assert walk.step("merge").code == 0


def test_only_a_step_that_may_have_several_parents_is_pointed_at(walk_of: WalkOf) -> None:
    walk = walk_of(ChoiceFlow)
    walk.all()
    folder = walk.root / "ChoiceFlow" / "1" / "_from"
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()) == ["merge/t"]


def test_records_of_a_switch_hold_step_names_and_no_values(walk_of: WalkOf) -> None:
    walk = walk_of(ChoiceFlow)
    walk.step("start")
    assert walk.record("start") == Record("1", walk.record("start").path, ("quick",), None, ("_parameters/t",))
