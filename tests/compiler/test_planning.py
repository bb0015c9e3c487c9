"""The plan: what the container knows about every step."""

from __future__ import annotations

import json

from compiler_flows import graph_from

from penstock.compiler.planning import plan_of
from penstock.compiler.program import Program
from penstock.compiler.regions import program_of
from penstock.compiler.steps import Foreach, Goto, Split, Switch, Transition
from penstock.runtime_shim.plan import Plan


def compiled(transitions: dict[str, Transition], *joins: str) -> Program:
    program, faults = program_of(graph_from(transitions, frozenset(joins)))
    assert faults == ()
    assert program is not None
    return program


def nested() -> Plan:
    return plan_of(
        compiled(
            {
                "late": Goto("join"),
                "start": Split(("b", "a")),
                "a": Foreach("body", "xs"),
                "body": Foreach("leaf", "ys"),
                "leaf": Goto("leaves"),
                "leaves": Goto("bodies"),
                "bodies": Goto("join"),
                "b": Split(("late", "c")),
                "c": Goto("join"),
                "join": Goto("end"),
            },
            "leaves",
            "bodies",
            "join",
        )
    )


def test_steps_stand_in_the_order_in_which_they_run() -> None:
    assert nested().names == ("start", "b", "late", "c", "a", "body", "leaf", "leaves", "bodies", "join", "end")


def test_a_join_has_its_parents_in_the_order_of_the_branches() -> None:
    assert nested()["join"].parents == ("late", "c", "bodies")


def test_a_join_knows_what_it_closes() -> None:
    plan = nested()
    assert {name: (plan[name].closes, plan[name].opener) for name in plan.names if plan[name].is_join} == {
        "leaves": ("foreach", "body"),
        "bodies": ("foreach", "a"),
        "join": ("split", "start"),
    }


def test_a_step_knows_the_foreaches_around_it() -> None:
    plan = nested()
    assert {name: plan[name].stack for name in plan.names if plan[name].stack} == {
        "body": ("a",),
        "leaf": ("a", "body"),
        "leaves": ("a",),
    }


def test_a_step_knows_how_it_ends_and_who_leads_to_it() -> None:
    plan = nested()
    assert [(plan[name].kind, plan[name].next, plan[name].over) for name in ("start", "a", "leaf", "end")] == [
        ("split", ("b", "a"), None),
        ("foreach", ("body",), "xs"),
        ("goto", ("leaves",), None),
        ("stop", (), None),
    ]
    assert [plan[name].parents for name in ("start", "b", "body", "leaves", "end")] == [
        (),
        ("start",),
        ("a",),
        ("leaf",),
        ("join",),
    ]


def test_equal_programs_give_equal_bytes_that_read_back() -> None:
    transitions: dict[str, Transition] = {"start": Goto("end")}
    data = plan_of(compiled(transitions), {"rate": 0.5}).to_json()
    assert data == plan_of(compiled(transitions), {"rate": 0.5}).to_json()
    assert Plan.from_json(data).defaults == {"rate": 0.5}
    assert json.loads(data)["steps"] == {
        "start": {"kind": "goto", "next": ["end"]},
        "end": {"kind": "stop", "parents": ["start"]},
    }


def turning() -> Plan:
    return plan_of(
        compiled(
            {
                "start": Foreach("head", "xs"),
                "head": Split(("left", "right")),
                "left": Switch((("again", "left"), ("out", "join")), "kind"),
                "right": Goto("join"),
                "join": Goto("judge"),
                "judge": Switch((("again", "head"), ("out", "leave"), ("stop", "all")), None),
                "leave": Goto("all"),
                "all": Goto("end"),
            },
            "join",
            "all",
        )
    )


def test_a_step_knows_foreaches_and_loops_around_it_outermost_first() -> None:
    plan = turning()
    assert {name: plan[name].nest for name in plan.names if plan[name].nest} == {
        "head": ("each:start", "loop:head"),
        "left": ("each:start", "loop:head", "loop:left"),
        "right": ("each:start", "loop:head"),
        "join": ("each:start", "loop:head"),
        "judge": ("each:start", "loop:head"),
        "leave": ("each:start",),
    }
    assert (plan["left"].stack, plan["left"].loops) == (("start",), ("head", "left"))


def test_a_step_whose_parent_the_plan_cannot_tell_merges() -> None:
    """Headers, what follows a loop, joins with several steps for an input or one out of a loop."""
    plan = turning()
    assert [name for name in plan.names if plan[name].merges] == ["head", "left", "join", "leave", "all"]
    assert (plan["join"].slots, plan["all"].slots) == ((("left",), ("right",)), (("judge", "leave"),))


def test_an_if_is_a_switch_without_cases() -> None:
    plan = turning()
    assert (plan["judge"].kind, plan["judge"].condition, dict(plan["judge"].cases)) == ("switch", None, {})
    assert (plan["left"].condition, dict(plan["left"].cases)) == ("kind", {"again": "left", "out": "join"})


def deep(levels: int) -> Plan:
    """Foreaches inside of loops, ``levels`` times."""
    made: dict[str, Transition] = {"start": Goto("head0")}
    for n in range(levels):
        made[f"head{n}"] = Foreach(f"head{n + 1}" if n + 1 < levels else "leaf", "xs")
        made[f"join{n}"] = Goto(f"judge{n}")
        made[f"judge{n}"] = Switch((("a", f"head{n}"), ("b", f"join{n - 1}" if n else "end")), "verdict")
    made["leaf"] = Goto(f"join{levels - 1}")
    return plan_of(compiled(made, *(f"join{n}" for n in range(levels))))


def test_a_plan_names_the_innermost_level_and_every_step_knows_all() -> None:
    plan = Plan.from_json(deep(2).to_json())
    assert {name: plan[name].nest for name in plan.names} == {
        "start": (),
        "head0": ("loop:head0",),
        "head1": ("loop:head0", "each:head0", "loop:head1"),
        "leaf": ("loop:head0", "each:head0", "loop:head1", "each:head1"),
        "join1": ("loop:head0", "each:head0", "loop:head1"),
        "judge1": ("loop:head0", "each:head0", "loop:head1"),
        "join0": ("loop:head0",),
        "judge0": ("loop:head0",),
        "end": (),
    }
    assert json.loads(plan.to_json())["steps"]["head1"] == {
        "kind": "foreach",
        "next": ["leaf"],
        "over": "xs",
        "parents": ["head0", "judge1"],
        "merges": True,
        "level": "loop:head1",
        "around": "each:head0",
    }


def test_the_plan_of_a_deep_flow_is_as_large_as_that_of_a_long_one() -> None:
    hundred, thousand = (len(deep(levels).to_json()) for levels in (100, 1000))
    assert thousand < 11 * hundred
    plan = Plan.from_json(deep(1000).to_json())
    assert len(plan["leaf"].nest) == 2000
