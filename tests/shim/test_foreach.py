"""Foreach, splits and joins: items, indices, stacks, and what crosses a join."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from record_walk import Walk

from penstock import FlowSpec, Parameter, step
from penstock.runtime_shim.frames import ForeachFrame
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.records import Record, splits_key

WalkOf = Callable[[type[FlowSpec]], Walk]


class NestedFlow(FlowSpec):
    LIMIT = 7
    alpha = Parameter("alpha", default=3)

    @step
    def start(self):
        self.xs = {"one": 1, "two": 2}
        self.next(self.outer, foreach="xs")

    @step
    def outer(self):
        self.word = self.input
        self.xs = [10, 20, 30]
        self.next(self.left, self.right)

    @step
    def left(self):
        self.side = "left"
        self.next(self.meet)

    @step
    def right(self):
        self.side = "right"
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.sides = [inputs.left.side, inputs.right.side]
        self.at_join = (self.input, self.index, self.foreach_stack(), hasattr(self, "word"))
        self.next(self.again)

    @step
    def again(self):
        self.xs = (n for n in [10, 20, 30])
        self.next(self.inner, foreach="xs")

    @step
    def inner(self):
        self.xs = "reassigned"
        self.facts = (self.input, self.index, self.foreach_stack())
        self.next(self.deeper)

    @step
    def deeper(self):
        self.later = (self.input, self.index, self.foreach_stack())
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.facts = [one.facts for one in inputs]
        self.later = [one.later for one in inputs]
        self.sliced = ([one.index for one in inputs[1:]], inputs[-1].index, len(inputs), bool(inputs))
        self.stack_here = self.foreach_stack()
        self.next(self.outer_join)

    @step
    def outer_join(self, inputs):
        self.all = [one.facts for one in inputs]
        self.stack_here = (self.foreach_stack(), self.index, self.input, self.LIMIT, self.alpha)
        self.next(self.end)

    @step
    def end(self):
        pass


def test_items_indices_and_stacks_survive_reassignment_and_inner_joins(walk_of: WalkOf) -> None:
    walk = walk_of(NestedFlow)
    assert [(name, path, outcome.err) for name, path, outcome in walk.all() if outcome.err] == []
    stack = [(1, 2, "two"), (2, 3, 30)]
    assert walk.task("meet", "/1").load("at_join") == ("two", 1, [(1, 2, "two")], False)
    assert walk.task("inner", "/1/2").load("facts") == (30, 2, stack)
    assert walk.task("deeper", "/1/2").load("later") == (30, 2, stack)
    assert walk.task("inner_join", "/1").load("sliced") == ([1, 2], 2, 3, True)
    assert walk.task("inner_join", "/1").load("stack_here") == [(1, 2, "two")]
    assert walk.task("outer_join").load("stack_here") == ([], None, None, 7, 3)
    assert [len(facts) for facts in walk.task("outer_join").load("all")] == [3, 3]


def test_the_users_artifact_keeps_its_type_and_a_generator_becomes_a_list(walk_of: WalkOf) -> None:
    walk = walk_of(NestedFlow)
    walk.all()
    assert walk.task("start").load("xs") == {"one": 1, "two": 2}
    assert walk.task("start").load("_foreach_items") == ["one", "two"]
    assert walk.task("again", "/0").load("xs") == [10, 20, 30]
    assert "_foreach_items" not in walk.task("outer", "/0").objects


def test_frames_are_stored_with_metaflows_four_fields(walk_of: WalkOf) -> None:
    walk = walk_of(NestedFlow)
    walk.all()
    assert walk.task("deeper", "/1/2").load("_foreach_stack") == [
        ForeachFrame("outer", "xs", 2, 1),
        ForeachFrame("inner", "xs", 3, 2),
    ]


def test_records_name_parents_in_the_order_of_inputs(walk_of: WalkOf) -> None:
    walk = walk_of(NestedFlow)
    walk.all()
    path = Path.parse("/1")
    assert walk.record("meet", "/1") == Record("1", path, ("again",), None, ("left/t.1", "right/t.1"))
    assert walk.record("again", "/1") == Record("1", path, ("inner",), 3, ("meet/t.1",))
    assert walk.record("inner_join", "/1").parents == ("deeper/t.1.0", "deeper/t.1.1", "deeper/t.1.2")
    assert walk.record("start").to_json() == {
        "r": "1", "p": "", "next": ["outer"], "n": 2, "splits": [0, 1], "parents": ["_parameters/t"]
    }  # fmt: skip


class EmptyFlow(FlowSpec):
    alpha = Parameter("alpha", default="a")

    @step
    def start(self):
        self.xs = []
        self.next(self.work, foreach="xs")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs)
        self.merge_artifacts(inputs, include=["anything"])
        self.facts = (inputs == [], len(inputs), list(inputs), self.alpha, self.foreach_stack())
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_foreach_over_nothing_skips_its_body(walk_of: WalkOf) -> None:
    walk = walk_of(EmptyFlow)
    assert [name for name, _, outcome in walk.all() if outcome.code == 0] == ["start", "join", "end"]
    assert walk.task("join").load("facts") == (True, 0, [], "a", [])
    assert walk.record("start").splits == 0


def test_the_manual_form_of_an_empty_foreach_gives_its_join_the_opener(walk_of: WalkOf) -> None:
    walk = walk_of(EmptyFlow)
    walk.command("init", "--run-id", "1", "--task-id", "0")
    opener = walk.command("step", "start", "--run-id", "1", "--task-id", "1", "--input-paths", "1/_parameters/0")
    assert opener.out == "foreach-numsplits:  0\n"
    assert walk.command("step", "join", "--run-id", "1", "--task-id", "2", "--input-paths", "1/start/1").code == 0
    assert walk.tasks.finished("1", "join", "2").load("facts") == (True, 0, [], "a", [])


def test_a_split_that_was_not_opened_is_refused(walk_of: WalkOf) -> None:
    walk = walk_of(NestedFlow)
    walk.step("start")
    outcome = walk.step("outer", "/2")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R127]: NestedFlow/1/outer/t.2: there is no split 2: NestedFlow/1/start/t opened 2\n"
        "  = help: splits count from 0; the opener may have run again with fewer items\n"
    )


def test_a_body_whose_opener_is_not_done_waits_for_it(walk_of: WalkOf) -> None:
    outcome = walk_of(NestedFlow).step("outer", "/0")
    assert outcome.code == 203
    assert outcome.err.startswith("error[R160]: NestedFlow/1/outer/t.0: task NestedFlow/1/start/t has not been started")


@pytest.mark.parametrize(("step_name", "path"), [("start", "/0"), ("inner", "/0"), ("end", "/0/0")])
def test_a_path_of_another_depth_is_refused(walk_of: WalkOf, step_name: str, path: str) -> None:
    outcome = walk_of(NestedFlow).step(step_name, path)
    assert outcome.code == 202
    assert f"error[R126]: NestedFlow/1/{step_name}/t{path.replace('/', '.')}: `{path}` can't be the path" in outcome.err


class BudgetFlow(FlowSpec):
    @step
    def start(self):
        self.xs = range(50)
        self.next(self.outer, foreach="xs")

    @step
    def outer(self):
        self.ys = range(41)
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


def test_an_opener_counts_the_events_of_all_widths_around_it(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = walk_of(BudgetFlow)
    assert walk.step("start").code == 0
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "10")
    outcome = walk.step("outer", "/3")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R131]: BudgetFlow/1/outer/t.3: step `outer` opens a foreach of 41 splits × 50 of the foreach over `xs`,"
        " 10 events each: 20500 events, and one execution has room for 20000\n"
        "  = help: compile with --distributed-map, or split the work into fewer, larger items\n"
    )
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "9")
    assert walk.step("outer", "/3").code == 0


def test_what_just_fills_the_budget_is_within_it(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = walk_of(BudgetFlow)
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "401")
    assert walk.step("start").code == 202
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "400")
    assert walk.step("start").code == 0, "20,000 events"


def test_widths_outside_of_an_execution_of_its_own_do_not_count(
    walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = walk_of(BudgetFlow)
    assert walk.step("start").code == 0
    monkeypatch.setenv("PENSTOCK_OWN_HISTORY", "1")
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "488")
    outcome = walk.step("outer", "/3")
    assert outcome.code == 202
    assert "opens a foreach of 41 splits, 488 events each: 20008 events" in outcome.err
    monkeypatch.setenv("PENSTOCK_EVENTS_PER_SPLIT", "487")
    assert walk.step("outer", "/3").code == 0


def test_splits_are_an_object_of_their_own_where_that_is_asked_for(
    walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = walk_of(BudgetFlow)
    assert walk.step("start").code == 0
    assert list(walk.store.keys("BudgetFlow/1/_record/")) == ["BudgetFlow/1/_record/start.json"]
    monkeypatch.setenv("PENSTOCK_SPLITS_OBJECT", "1")
    assert walk.step("start").code == 0, "done already: what may have been lost is written again"
    splits = walk.store.get(splits_key("BudgetFlow", "1", "start", Path.parse("")))
    assert json.loads(splits) == list(range(50))
