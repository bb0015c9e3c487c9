"""Switches, loops and crossing branches as states: where each leads, where records are read, what turns cost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from compiler_flows import graph_from
from lowered_programs import SETTINGS, all_states, machine
from statelint.linter import Linter  # type: ignore[import-untyped]  # it ships no types

from penstock.backends.step_functions.lowering import STATE_MACHINE, lower
from penstock.backends.step_functions.validation import problems
from penstock.compiler.program import Program
from penstock.compiler.regions import program_of
from penstock.compiler.steps import Foreach, Goto, Split, Switch, Transition


def of(transitions: Mapping[str, Transition], *joins: str) -> Program:
    """The program of a flow with these transitions; `end` is added."""
    program, faults = program_of(graph_from(transitions, frozenset(joins)))
    assert program is not None, faults
    return program


def switch(*targets: str) -> Switch:
    return Switch(tuple((f"to {target}", target) for target in targets), "where")


def edges(document: Mapping[str, Any]) -> dict[str, Any]:
    """Where each state at any depth goes on: a name, names for a choice, None at an end."""
    found: dict[str, Any] = {}
    for name, state, _ in all_states(dict(document)):
        rules = state.get("Choices")
        found[name] = {rule["StringEquals"]: rule["Next"] for rule in rules} if rules else state.get("Next")
    return found


def variables(program: Program, name: str) -> dict[str, str]:
    """By step, the value of a variable that only some have."""
    return dict(_variables(machine(program), name))


def _variables(document: dict[str, Any], wanted: str) -> Iterator[tuple[str, str]]:
    for name, state, _ in all_states(document):
        for entry in state.get("Parameters", {}).get("ContainerOverrides", {}).get("Environment", ()):
            if entry["Name"] == wanted:
                yield name, entry["Value"]


SWITCH = of({"start": switch("a", "b", "end"), "a": Goto("end"), "b": Goto("end")})
LOOP = of({"start": Goto("fit"), "fit": switch("again", "end"), "again": Goto("fit")})
SELF = of({"start": Goto("fit"), "fit": switch("fit", "end")})
SWITCH_IN_FOREACH = of(
    {"start": Foreach("pick", "xs"), "pick": switch("a", "join"), "a": Goto("join"), "join": Goto("end")}, "join"
)
NESTED_LOOPS = of({
    "start": Goto("outer"), "outer": Goto("inner"), "inner": Foreach("body", "xs"), "body": Goto("collect"),
    "collect": Goto("judge"), "judge": switch("inner", "outer", "left", "early"), "left": Goto("last"),
    "early": Goto("last"), "last": Goto("end"),
}, "collect")  # fmt: skip
MESH = of({
    "start": Split(("a", "b")), "a": Split(("a1", "a2")), "b": Split(("b1", "b2")), "a1": Goto("a1b1"),
    "a2": Goto("a2b2"), "b1": Goto("a1b1"), "b2": Goto("a2b2"), "a1b1": Goto("join"), "a2b2": Goto("join"),
    "join": Goto("end"),
}, "a1b1", "a2b2", "join")  # fmt: skip
ALL = {
    "switch": SWITCH,
    "loop": LOOP,
    "self": SELF,
    "in foreach": SWITCH_IN_FOREACH,
    "loops": NESTED_LOOPS,
    "mesh": MESH,
}


@pytest.mark.parametrize("program", ALL.values(), ids=ALL)
def test_the_document_is_one_that_aws_takes_with_a_job_for_each_step(program: Program) -> None:
    text = lower(program, SETTINGS).files[STATE_MACHINE]
    assert [str(problem) for problem in problems(text)] == []
    assert Linter.validate(json.loads(text)) == []
    jobs = [name for name, state, _ in all_states(json.loads(text)) if "submitJob" in state.get("Resource", "")]
    assert sorted(jobs) == sorted(program.graph.steps)


def test_a_switch_reads_its_record_and_goes_where_that_says() -> None:
    assert edges(machine(SWITCH)) == {
        "put input": "start", "start": "start record", "start record": "start choice",
        "start choice": {"a": "a", "b": "b", "end": "end"}, "a": "end", "b": "end", "end": None,
    }  # fmt: skip
    states = machine(SWITCH)["States"]
    assert states["start choice"]["Choices"][0] == {"Variable": "$.next[0]", "StringEquals": "a", "Next": "a"}
    assert "Default" not in states["start choice"]
    assert states["start record"]["OutputPath"] == "$.s"


def test_a_loop_points_back_and_reads_the_record_where_the_path_changes() -> None:
    """On the way in, for the next turn, and, since a choice has read it already, not once more on the way out."""
    assert edges(machine(LOOP)) == {
        "put input": "start", "start": "start record", "start record": "fit", "fit": "fit record",
        "fit record": "fit choice", "fit choice": {"again": "again", "end": "end"}, "again": "again record",
        "again record": "fit", "end": None,
    }  # fmt: skip
    assert edges(machine(SELF))["fit choice"] == {"fit": "fit", "end": "end"}


def test_a_choice_of_the_join_ends_the_iteration() -> None:
    mapped = machine(SWITCH_IN_FOREACH)["States"]["start foreach"]
    assert edges(mapped["ItemProcessor"]) == {
        "pick": "pick record", "pick record": "pick choice", "pick choice": {"a": "a", "join": "pick done"},
        "pick done": None, "a": None,
    }  # fmt: skip
    assert mapped["ItemProcessor"]["States"]["pick done"] == {"Type": "Succeed"}
    assert mapped["Next"] == "join"


def test_loops_inside_each_other_with_several_ways_out() -> None:
    found = edges(machine(NESTED_LOOPS))
    assert found["judge choice"] == {"inner": "inner", "outer": "outer", "left": "left", "early": "early"}
    assert (found["start record"], found["outer record"]) == ("outer", "inner")
    assert (found["inner foreach"], found["collect"], found["left"], found["early"]) == (
        "collect", "judge", "last", "last",
    )  # fmt: skip


def test_crossing_branches_run_level_by_level() -> None:
    document = machine(MESH)
    levels = [name for name in document["States"] if name.endswith(" level")]
    assert document["States"]["start"]["Next"] == levels[0]
    assert [document["States"][name]["Next"] for name in levels] == [*levels[1:], "join"]
    assert [[list(branch["States"]) for branch in document["States"][name]["Branches"]] for name in levels] == [
        [["a"], ["b"]], [["a1"], ["a2"], ["b1"], ["b2"]], [["a1b1"], ["a2b2"]],
    ]  # fmt: skip


def test_who_turns_and_who_opens_know_what_that_costs_and_everything_else() -> None:
    """6 a job, 5 a read, 2 a choice, 4 a Map, 2 an iteration; of the arms of a choice the dearest counts.  Everything
    else is 7 for the execution and its input, loops with one turn, and foreaches without a split.
    """
    turn = (6 + 5 + 2) + (6 + 5)
    assert variables(LOOP, "PENSTOCK_EVENTS_PER_TURN") == {"again": f"{turn}+{7 + (6 + 5) + turn + 6}"}
    assert variables(SELF, "PENSTOCK_EVENTS_PER_TURN") == {"fit": f"{6 + 5 + 2}+{7 + (6 + 5) + (6 + 5 + 2) + 6}"}
    assert variables(SWITCH, "PENSTOCK_EVENTS_PER_TURN") == {}
    split = 2 + (6 + 5 + 2 + 2) + 6
    assert variables(SWITCH_IN_FOREACH, "PENSTOCK_EVENTS_PER_SPLIT") == {"start": f"{split}+{7 + 6 + (5 + 4) + 6 + 6}"}
    inner = 6 + (5 + 4) + 6 + (6 + 5 + 2)
    fixed = 7 + (6 + 5) + (6 + 5) + inner + 6 + 6 + 6  # of the two ways out one, the last, the end
    assert variables(NESTED_LOOPS, "PENSTOCK_EVENTS_PER_TURN") == {"judge": f"{(6 + 5) + inner}+{fixed}"}
    assert variables(NESTED_LOOPS, "PENSTOCK_EVENTS_PER_SPLIT") == {"inner": f"{2 + 6}+{fixed}"}
