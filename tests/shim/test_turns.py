"""Paths through foreach and loops, decided without a store."""

from __future__ import annotations

import pytest

from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.plan import Plan, PlannedStep
from penstock.runtime_shim.pointers import pointers_of
from penstock.runtime_shim.turns import WrongPlace, full_path, successor_path

# start ⇒ fit (a loop of fit, tune, and inside it a loop of step alone), judged inside a foreach of a loop.
OUTER = ("loop:fit",)
BODY = (*OUTER, "each:fan")
INNER = (*BODY, "loop:work")
PLAN = Plan.of(
    "F",
    [
        PlannedStep("start", "goto", ("fit",)),
        PlannedStep("fit", "goto", ("fan",), parents=("start", "judge"), nest=OUTER, merges=True),
        PlannedStep("fan", "foreach", ("work",), over="xs", parents=("fit",), nest=OUTER),
        PlannedStep("work", "switch", ("work", "join"), parents=("fan", "work"), nest=INNER, merges=True),
        PlannedStep(
            "join",
            "goto",
            ("judge",),
            parents=("work",),
            closes="foreach",
            opener="fan",
            nest=OUTER,
            slots=(("work",),),
        ),
        PlannedStep("judge", "switch", ("fit", "end"), parents=("join",), nest=OUTER),
        PlannedStep("end", "stop", parents=("judge",), merges=True),
    ],
)
EDGES = {
    "a loop is entered at turn 0": ("start", "", "fit", "/t0"),
    "inside a loop the turn stays": ("fit", "/t3", "fan", "/t3"),
    "an opener's record lacks split and first turn": ("fan", "/t3", "work", "/t3"),
    "a step that goes back to itself turns the innermost loop": ("work", "/t3/2/t0", "work", "/t3/2/t1"),
    "a foreach's join drops the split and the loops inside it": ("work", "/t3/2/t4", "join", "/t3"),
    "the back edge increments its own loop": ("judge", "/t3", "fit", "/t4"),
    "leaving a loop drops its turn": ("judge", "/t3", "end", ""),
}


@pytest.mark.parametrize("edge", EDGES)
def test_a_successor_stands_where_both_stand(edge: str) -> None:
    step, path, successor, after = EDGES[edge]
    assert str(successor_path(PLAN, PLAN[step], [successor], Path.parse(path))) == after


@pytest.mark.parametrize(
    ("step", "given", "whole"),
    [
        ("fit", "", "/t0"),
        ("fit", "/t2", "/t2"),
        ("work", "/5", "/t0/5/t0"),
        ("work", "/t1/5", "/t1/5/t0"),
        ("work", "/5/t2", "/t0/5/t2"),
        ("start", "", ""),
    ],
)
def test_a_path_may_leave_out_first_turns(step: str, given: str, whole: str) -> None:
    assert str(full_path(PLAN[step], Path.parse(given))) == whole


@pytest.mark.parametrize(
    ("step", "given", "message"),
    [
        ("start", "/t0", "`/t0` can't be the path of step `start`: it is outside every foreach and loop"),
        ("fit", "/2", "`/2` can't be the path of step `fit`: it has 1 splits, and the step is inside 0 foreach"),
        ("work", "/t0/t1/5", "`/t0/t1/5` can't be the path of step `work`: its paths are like `/t0/0/t0`"),
    ],
)
def test_frames_that_the_step_does_not_stand_in_are_refused(step: str, given: str, message: str) -> None:
    with pytest.raises(WrongPlace) as refused:
        full_path(PLAN[step], Path.parse(given))
    assert str(refused.value) == f"error[R126]: {message}"


POINTERS = {
    "to a header on the way in": ("start", "", ("fit",), [("fit", "t.t0")]),
    "none inside a loop": ("fit", "/t1", ("fan",), []),
    "none to a body, whose opener the plan names": ("fan", "/t1", ("work",), []),
    "to the next turn": ("work", "/t1/2/t0", ("work",), [("work", "t.t1.2.t1")]),
    "to the slot of a join, whose turn the plan does not know": ("work", "/t1/2/t3", ("join",), [("join", "t.t1@2")]),
    "none to the step after a join": ("join", "/t1", ("judge",), []),
    "out of a loop": ("judge", "/t7", ("end",), [("end", "t")]),
}


@pytest.mark.parametrize("edge", POINTERS)
def test_a_task_names_itself_where_the_plan_leaves_the_parent_open(edge: str) -> None:
    step, path, taken, pointers = POINTERS[edge]
    assert list(pointers_of(PLAN, PLAN[step], Path.parse(path), taken)) == pointers
