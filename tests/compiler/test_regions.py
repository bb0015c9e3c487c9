"""The nested shape of a flow: what stands in which branch or foreach, and what every join closes."""

from __future__ import annotations

import random

import pytest
from compiler_flows import graph_from

from penstock.compiler.drawing import text
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.program import Branches, Choice, Each, Join, Loop, Mesh, Program, Region, Run, walk
from penstock.compiler.regions import program_of
from penstock.compiler.steps import Foreach, Goto, Split, Switch, Transition


def compiled(graph: FlowGraph) -> Program:
    program, faults = program_of(graph)
    assert faults == ()
    assert program is not None
    return program


NESTED: dict[str, Transition] = {
    "start": Split(("a", "b")),
    "a": Foreach("body", "xs"),
    "body": Split(("p", "q")),
    "p": Goto("pq"),
    "q": Goto("pq"),
    "pq": Goto("bodies"),
    "bodies": Goto("join"),
    "b": Goto("more"),
    "more": Goto("join"),
    "join": Goto("end"),
}
JOINS = frozenset({"pq", "bodies", "join"})


def test_constructs_nest_as_they_are_written() -> None:
    assert text(compiled(graph_from(NESTED, JOINS))) == (
        "start\n├─ a  foreach xs\n│  ╘═ body\n│     ├─ p\n│     └─ q\n│     pq\n│  bodies\n└─ b\n   more\njoin\nend\n"
    )


def test_the_order_of_definitions_does_not_matter() -> None:
    expected = text(compiled(graph_from(NESTED, JOINS)))
    for seed in range(20):
        shuffled = list(NESTED.items())
        random.Random(seed).shuffle(shuffled)
        assert text(compiled(graph_from(dict(shuffled), JOINS))) == expected


def test_branches_stand_in_the_order_of_the_split() -> None:
    transitions = {"b": Goto("join"), "a": Goto("join"), "start": Split(("b", "a")), "join": Goto("end")}
    assert text(compiled(graph_from(transitions, frozenset({"join"})))) == "start\n├─ b\n└─ a\njoin\nend\n"


def test_a_join_may_close_several_nested_splits_at_once() -> None:
    transitions: dict[str, Transition] = {
        "start": Split(("a", "fork")),
        "a": Goto("join"),
        "fork": Split(("b", "deeper")),
        "b": Goto("join"),
        "deeper": Split(("c", "d")),
        "c": Goto("join"),
        "d": Goto("join"),
        "join": Goto("end"),
    }
    program = compiled(graph_from(transitions, frozenset({"join"})))
    joins = {item.split: item.join for item in walk(program.root) if isinstance(item, Branches)}
    assert joins == {"start": "join", "fork": None, "deeper": None}
    assert text(program) == (
        "start\n"
        "├─ a\n"
        "└─ fork\n"
        "   ├─ b\n"
        "   └─ deeper\n"
        "      ├─ c\n"
        "      └─ d\n"
        "join\n"
        "end\n"
    )  # fmt: skip


def test_a_join_inside_a_foreach_closes_the_split_and_leaves_the_foreach_open() -> None:
    transitions: dict[str, Transition] = {
        "start": Foreach("body", "xs"),
        "body": Split(("p", "q")),
        "p": Goto("pq"),
        "q": Goto("pq"),
        "pq": Goto("bodies"),
        "bodies": Goto("end"),
    }
    program = compiled(graph_from(transitions, frozenset({"pq", "bodies"})))
    (each,) = (item for item in walk(program.root) if isinstance(item, Each))
    assert (each.opener, each.join) == ("start", "bodies")
    assert [item.step for item in each.body.items if isinstance(item, Run)] == ["body", "pq"]


def test_directly_nested_foreaches_are_closed_one_by_one() -> None:
    transitions: dict[str, Transition] = {
        "start": Foreach("inner", "xs"),
        "inner": Foreach("body", "ys"),
        "body": Goto("ys_joined"),
        "ys_joined": Goto("xs_joined"),
        "xs_joined": Goto("end"),
    }
    program = compiled(graph_from(transitions, frozenset({"ys_joined", "xs_joined"})))
    assert {item.opener: item.join for item in walk(program.root) if isinstance(item, Each)} == {
        "start": "xs_joined",
        "inner": "ys_joined",
    }


def test_one_join_does_not_close_two_foreaches() -> None:
    transitions: dict[str, Transition] = {
        "start": Foreach("inner", "xs"),
        "inner": Foreach("body", "ys"),
        "body": Goto("join"),
        "join": Goto("end"),
    }
    program, (fault,) = program_of(graph_from(transitions, frozenset({"join"})))
    assert program is None
    assert (fault.code, fault.message) == ("P210", "the foreach at `start` is never joined")


def test_what_comes_behind_a_fault_is_not_accused_too() -> None:
    transitions: dict[str, Transition] = {
        "start": Split(("a", "b")),
        "a": Goto("merge"),
        "b": Goto("merge"),
        "merge": Goto("late"),
        "late": Split(("c", "d")),
        "c": Goto("join"),
        "d": Goto("join"),
        "join": Goto("end"),
    }
    _, faults = program_of(graph_from(transitions, frozenset({"join"})))
    assert [fault.code for fault in faults] == ["P212"]


def test_independent_faults_are_told_together() -> None:
    transitions: dict[str, Transition] = {
        "start": Split(("left", "right")),
        "left": Split(("a", "b")),
        "a": Goto("ab"),
        "b": Goto("ab"),
        "ab": Goto("join"),
        "right": Split(("c", "d", "e")),
        "c": Goto("alone"),
        "d": Goto("join"),
        "e": Goto("join"),
        "alone": Goto("join"),
        "join": Goto("end"),
    }
    _, faults = program_of(graph_from(transitions, frozenset({"alone", "join"})))
    assert [fault.code for fault in faults] == ["P212", "P213"]


def test_a_foreach_beside_another_stack_is_named_with_both_paths() -> None:
    transitions: dict[str, Transition] = {
        "start": Split(("each", "b")),
        "each": Foreach("body", "xs"),
        "body": Goto("meet"),
        "b": Goto("meet"),
        "meet": Goto("end"),
    }
    _, (fault,) = program_of(graph_from(transitions))
    assert fault.code == "P212"
    assert [label.text for label in fault.others] == ["along `start → each → body → meet`", "along `start → b → meet`"]


def switch(**cases: str) -> Switch:
    return Switch(tuple(cases.items()), "kind")


def test_arms_are_what_only_one_case_leads_to() -> None:
    transitions: dict[str, Transition] = {
        "start": switch(one="a", two="b", three="b", none="meet"),
        "a": Goto("meet"),
        "b": Goto("more"),
        "more": Goto("meet"),
        "meet": Goto("end"),
    }
    program = compiled(graph_from(transitions))
    (choice,) = (item for item in walk(program.root) if isinstance(item, Choice))
    assert (choice.step, choice.merge) == ("start", "meet")
    assert [(arm.target, arm.region is not None) for arm in choice.arms] == [("a", True), ("b", True), ("meet", False)]
    assert text(program) == "start  switch kind\n├◇ a\n├◇ b\n│  more\n└◇ → meet\nmeet\nend\n"


def test_a_switch_with_one_target_is_no_choice() -> None:
    program = compiled(graph_from({"start": switch(a="x", b="x"), "x": Goto("end")}))
    assert not [item for item in walk(program.root) if isinstance(item, Choice)]


def test_a_loop_that_is_left_to_several_places_is_followed_by_the_choice_of_them() -> None:
    transitions: dict[str, Transition] = {
        "start": Goto("fit"),
        "fit": Goto("score"),
        "score": switch(again="tune", good="keep", bad="drop"),
        "tune": Goto("fit"),
        "keep": Goto("meet"),
        "drop": Goto("meet"),
        "meet": Goto("end"),
    }
    program = compiled(graph_from(transitions))
    _, loop, choice, _, _ = program.root.items
    assert isinstance(loop, Loop)
    assert isinstance(choice, Choice)
    assert (loop.header, choice.step, choice.merge) == ("fit", "fit", "meet")
    assert [(arm.target, arm.region is not None) for arm in choice.arms] == [("keep", True), ("drop", True)]
    assert repr(choice) == "<Choice of fit, 2 to meet>"
    assert repr(loop) == "<Loop of fit>"
    assert repr(choice.arms[0]) == "<Arm to keep>"


def test_an_inner_loop_may_be_left_by_a_turn_of_the_outer_one() -> None:
    transitions: dict[str, Transition] = {
        "start": Goto("outer"),
        "outer": Goto("inner"),
        "inner": switch(again="inner", next="outer", out="end"),
    }
    assert text(compiled(graph_from(transitions))) == (
        "start\n↻─ outer\n┊  ↻─ inner  switch kind\n┊  ┊  ├◇ → inner\n┊  ┊  ├◇ → outer\n┊  ┊  └◇ → end\n"
        "┊  ├◇ → outer\n┊  └◇ → end\nend\n"
    )


def test_crossing_branches_stand_in_levels_after_all_that_lead_to_them() -> None:
    transitions: dict[str, Transition] = {
        "start": Split(("a", "b", "c", "alone")),
        "a": Goto("ab"),
        "b": Split(("b1", "b2")),
        "b1": Goto("ab"),
        "b2": Goto("bc"),
        "c": Goto("bc"),
        "ab": Goto("join"),
        "bc": Goto("later"),
        "later": Goto("join"),
        "alone": Goto("join"),
        "join": Goto("end"),
    }
    program = compiled(graph_from(transitions, frozenset({"ab", "bc", "join"})))
    (mesh,) = (item for item in walk(program.root) if isinstance(item, Mesh))
    assert (mesh.split, mesh.join) == ("start", None)
    assert text(program) == (
        "start\n├─ ├1 a\n│  ├1 b\n│  ├1 c\n│  ├2 b1\n│  ├2 b2\n│  ├3 ab\n│  └3 bc\n│     later\n└─ alone\njoin\nend\n"
    )
    assert program.joins["ab"].slots == (("a",), ("b1",))
    assert program.joins["join"] == Join("start", False, (("ab",), ("later",), ("alone",)))
    assert repr(mesh) == "<Mesh of start, 3 levels to None>"


def test_only_what_crosses_is_levelled() -> None:
    """A split whose branches all end further out recurses; the crossing is deep inside of it."""
    transitions: dict[str, Transition] = {
        "start": Split(("left", "right")),
        "left": Goto("join"),
        "right": Split(("x", "y", "z")),
        "x": Goto("xy"),
        "y": Goto("xy"),
        "xy": Goto("join"),
        "z": Goto("join"),
        "join": Goto("end"),
    }
    assert text(compiled(graph_from(transitions, frozenset({"xy", "join"})))) == (
        "start\n├─ left\n└─ right\n   ├─ ├1 x\n   │  ├1 y\n   │  └2 xy\n   └─ z\njoin\nend\n"
    )


def test_inputs_come_in_the_order_of_the_branches_a_join_at_the_place_of_its_first() -> None:
    transitions: dict[str, Transition] = {
        "start": Split(("z", "a", "m")),
        "a": Goto("join"),
        "m": Goto("zm"),
        "z": Goto("zm"),
        "zm": Goto("join"),
        "join": Goto("end"),
    }
    program = compiled(graph_from(transitions, frozenset({"zm", "join"})))
    assert program.joins["zm"].slots == (("z",), ("m",))
    assert program.joins["join"].slots == (("zm",), ("a",))


def test_an_input_may_come_from_any_arm_of_its_branch() -> None:
    transitions: dict[str, Transition] = {
        "start": Split(("a", "b")),
        "a": switch(x="x", y="y", none="join"),
        "x": Goto("join"),
        "y": Goto("join"),
        "b": Goto("join"),
        "join": Goto("end"),
    }
    program = compiled(graph_from(transitions, frozenset({"join"})))
    assert program.joins["join"].slots == (("a", "x", "y"), ("b",))


def test_a_region_is_never_empty() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        Region(())


def test_a_loop_is_never_unrolled() -> None:
    with pytest.raises(ValueError, match="loop"):
        graph_from({"start": Goto("a"), "a": Goto("start")}).topological()


def test_items_say_what_they_are_without_what_is_in_them() -> None:
    program = compiled(graph_from(NESTED, JOINS))
    assert repr(program.root) == "<Region of 4 from Run(step='start')>"
    assert repr(list(walk(program.root))[1]) == "<Branches of start, 2 to join>"
    assert repr(list(walk(program.root))[3]) == "<Each of a to bodies>"
