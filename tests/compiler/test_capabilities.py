"""What a flow demands, and the gaps of a target: decided once, with the user's lines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compiler_flows import graph_from

from penstock.compiler.capabilities import Capabilities, Feature, Level, Limits, Support, check, demands
from penstock.compiler.diagnostics import Severity
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.program import Program
from penstock.compiler.regions import program_of
from penstock.compiler.render import render_text
from penstock.compiler.spans import Span
from penstock.compiler.steps import Decorator, Foreach, Goto, ParameterInfo, Split, Transition

ABLE = Capabilities({feature: Support(Level.NATIVE, "It can.") for feature in Feature})
SOURCE = {"flow.py": "start\na\nbody\ninner\nleaf\nleaves\nbodies\nb\njoin\nend\n"}


def without(feature: Feature, level: Level, limits: Limits | None = None) -> Capabilities:
    return Capabilities({**ABLE.support, feature: Support(level, "It has no word for it.")}, limits or Limits())


def program(transitions: dict[str, Transition], *joins: str, parameters: tuple[ParameterInfo, ...] = ()) -> Program:
    graph = graph_from(transitions, frozenset(joins))
    graph = FlowGraph(graph.name, graph.steps.values(), parameters, span=graph.span)
    made, faults = program_of(graph)
    assert faults == ()
    assert made is not None
    return made


def nested() -> Program:
    return program(
        {
            "start": Split(("a", "b")),
            "a": Foreach("body", "xs"),
            "body": Goto("inner"),
            "inner": Foreach("leaf", "ys"),
            "leaf": Goto("leaves"),
            "leaves": Goto("bodies"),
            "bodies": Goto("join"),
            "b": Goto("join"),
            "join": Goto("end"),
        },
        "leaves",
        "bodies",
        "join",
    )


def line(number: int) -> Span:
    return Span("flow.py", number, 1, number, 2)


def test_a_line_demands_nothing_else() -> None:
    assert list(demands(program({"start": Goto("end")}))) == [(Feature.LINEAR, line(1))]


def test_every_construct_is_demanded_where_it_stands() -> None:
    assert list(demands(nested())) == [
        (Feature.LINEAR, line(1)),
        (Feature.BRANCHES, line(1)),
        (Feature.FOREACH, line(2)),
        (Feature.EMPTY_FOREACH, line(2)),
        (Feature.FOREACH_IN_BRANCH, line(2)),
        (Feature.FOREACH, line(4)),
        (Feature.EMPTY_FOREACH, line(4)),
        (Feature.NESTED_FOREACH, line(4)),
        (Feature.FOREACH_IN_BRANCH, line(4)),
    ]


def test_branches_in_a_foreach_and_parameters_are_demanded() -> None:
    parameter = ParameterInfo("rate", "float", required=False, span=line(7))
    made = program(
        {"start": Foreach("fork", "xs"), "fork": Split(("p", "q")), "p": Goto("pq"), "q": Goto("pq"),
         "pq": Goto("all"), "all": Goto("end")},
        "pq", "all", parameters=(parameter, replace(parameter, span=None)),
    )  # fmt: skip
    assert list(demands(made))[1:] == [
        (Feature.PARAMETERS, line(7)),
        (Feature.PARAMETERS, line(1)),
        (Feature.FOREACH, line(1)),
        (Feature.EMPTY_FOREACH, line(1)),
        (Feature.BRANCHES, line(2)),
        (Feature.BRANCH_IN_FOREACH, line(2)),
    ]


def test_a_target_that_can_do_everything_has_no_gaps() -> None:
    assert check(nested(), "Able", ABLE) == ()


def test_what_a_target_never_can_names_those_that_can() -> None:
    lame = without(Feature.NESTED_FOREACH, Level.NEVER)
    gaps = check(nested(), "Lame Scheduler", lame, {"able": ABLE, "better": ABLE, "lame": lame})
    assert render_text(gaps, sources=SOURCE) == (
        "error[P301]: Lame Scheduler cannot run foreach inside foreach\n"
        " --> flow.py:4:1\n"
        "  |\n"
        "4 | inner\n"
        "  | ^ It has no word for it.\n"
        "  = help: compile with `able` or `better`\n"
    )


def test_what_a_target_cannot_yet_shows_every_place() -> None:
    young = without(Feature.FOREACH, Level.NOT_YET)
    assert render_text(check(nested(), "Young Scheduler", young, {"young": young}), sources=SOURCE) == (
        "error[P302]: Young Scheduler cannot run foreach yet\n"
        " --> flow.py:2:1\n"
        "  |\n"
        "2 | a\n"
        "  | ^ It has no word for it.\n"
        "3 | body\n"
        "4 | inner\n"
        "  | -\n"
        "  = help: no target can run it so far\n"
    )


def test_of_very_many_places_some_are_counted() -> None:
    transitions: dict[str, Transition] = {}
    for number in range(9):
        transitions[f"f{number}" if number else "start"] = Foreach(f"b{number}", "xs")
        transitions[f"b{number}"] = Goto(f"j{number}")
        transitions[f"j{number}"] = Goto(f"f{number + 1}" if number < 8 else "end")
    joins = [f"j{number}" for number in range(9)]
    (gap,) = check(program(transitions, *joins), "Young", without(Feature.FOREACH, Level.NOT_YET))
    assert [label.text for label in gap.others] == ["", "", "", "and 4 more"]


def test_a_foreach_that_may_be_empty_is_worth_a_warning() -> None:
    (gap,) = check(nested(), "Full", without(Feature.EMPTY_FOREACH, Level.NEVER))
    assert (gap.code, gap.severity) == ("P301", Severity.WARNING)


def test_who_knows_no_other_targets_is_told_where_to_look() -> None:
    (gap,) = check(nested(), "Lame", without(Feature.NESTED_FOREACH, Level.NEVER))
    assert gap.help == "the command `show` lists which targets can"


def test_emulation_is_no_gap() -> None:
    assert check(nested(), "Actor", without(Feature.FOREACH, Level.EMULATED)) == ()


def test_a_name_that_is_too_long_is_shown_with_the_number() -> None:
    gaps = check(nested(), "Terse Scheduler", replace(ABLE, limits=Limits(name_length=5)))
    assert render_text(gaps, sources=SOURCE) == (
        "error[P401]: the name of this step has 6 characters, Terse Scheduler takes at most 5\n"
        " --> flow.py:6:1\n"
        "  |\n"
        "6 | leaves\n"
        "  | ^\n"
        "  = help: choose a shorter name\n"
        "\n"
        "error[P401]: the name of this step has 6 characters, Terse Scheduler takes at most 5\n"
        " --> flow.py:7:1\n"
        "  |\n"
        "7 | bodies\n"
        "  | ^\n"
        "  = help: choose a shorter name\n"
    )


def test_too_deep_a_foreach_is_shown_with_the_number() -> None:
    assert check(nested(), "Flat", replace(ABLE, limits=Limits(nesting=2))) == ()
    gaps = check(nested(), "Flat Scheduler", replace(ABLE, limits=Limits(nesting=1)))
    assert render_text(gaps, sources=SOURCE) == (
        "error[P402]: foreach number 2 inside each other, Flat Scheduler takes at most 1\n"
        " --> flow.py:4:1\n"
        "  |\n"
        "4 | inner\n"
        "  | ^\n"
        "  = help: loop over the inner items inside of one step\n"
    )


def test_all_gaps_are_told_at_once_from_top_to_bottom() -> None:
    poor = Capabilities({feature: Support(Level.NEVER, "No.") for feature in Feature}, Limits(name_length=5, nesting=1))
    gaps = check(nested(), "Poor", poor)
    assert [(gap.code, gap.label.span.line if gap.label else 0) for gap in gaps] == [
        ("P301", 1), ("P301", 1), ("P301", 2), ("P301", 2), ("P301", 2), ("P301", 4), ("P402", 4), ("P401", 6),
        ("P401", 7),
    ]  # fmt: skip


def decorated(*decorators: Decorator, flow: tuple[Decorator, ...] = ()) -> Program:
    """`start` with these decorators, `end` without."""
    graph = graph_from({"start": Goto("end")}, frozenset())
    steps = [replace(graph["start"], decorators=decorators), graph["end"]]
    made, _ = program_of(FlowGraph(graph.name, steps, span=graph.span, decorators=flow))
    assert made is not None
    return made


def test_decorators_are_demanded_where_they_stand_or_else_at_their_step() -> None:
    names = ("retry", "catch", "timeout", "environment", "resources", "batch")
    of_steps = tuple(Decorator(name, {}, line(number)) for number, name in enumerate(names, 3))
    of_flow = (Decorator("schedule", {}, line(9)), Decorator("global_environment"))
    assert list(demands(decorated(*of_steps, Decorator("retry"), flow=of_flow)))[1:] == [
        (Feature.SCHEDULE, line(9)),
        (Feature.ENVIRONMENT, line(1)),
        (Feature.RETRY, line(3)),
        (Feature.CATCH, line(4)),
        (Feature.TIMEOUT, line(5)),
        (Feature.ENVIRONMENT, line(6)),
        (Feature.RESOURCES, line(7)),
        (Feature.RETRY, line(1)),
    ]


def test_a_decorator_that_says_no_demands_nothing() -> None:
    never = (Decorator("schedule", {"daily": False}),)
    assert list(demands(decorated(Decorator("retry", {"times": "0"}), flow=never))) == [(Feature.LINEAR, line(1))]


def test_a_decorator_that_a_target_cannot_follow_is_a_gap() -> None:
    gaps = check(decorated(Decorator("timeout", {}, line(2))), "Lame", without(Feature.TIMEOUT, Level.NEVER))
    assert render_text(gaps, sources=SOURCE) == (
        "error[P301]: Lame cannot run @timeout\n"
        " --> flow.py:2:1\n"
        "  |\n"
        "2 | a\n"
        "  | ^ It has no word for it.\n"
        "  = help: the command `show` lists which targets can\n"
    )


def test_a_decorator_that_a_target_ignores_is_a_warning_at_every_place() -> None:
    other = replace(ABLE, ignored={"batch": "Its jobs run elsewhere."})
    batches = [Decorator("batch", {}, line(number)) for number in range(2, 9)]
    gaps = check(decorated(*batches), "Other Scheduler", other)
    assert render_text(gaps, sources=SOURCE) == (
        "warning[P303]: Other Scheduler does nothing with `@batch`\n"
        " --> flow.py:2:1\n"
        "  |\n"
        "2 | a\n"
        "  | ^ Its jobs run elsewhere.\n"
        "3 | body\n"
        "  | -\n"
        "4 | inner\n"
        "  | -\n"
        "5 | leaf\n"
        "  | -\n"
        "6 | leaves\n"
        "  | - and 2 more\n"
        "  = help: leave it where the flow is for other targets too\n"
    )


def test_a_target_ignores_decorators_that_there_are() -> None:
    with pytest.raises(ValueError, match="there is no decorator bach"):
        replace(ABLE, ignored={"bach": "It is no composer."})


def test_capabilities_answer_for_every_feature() -> None:
    with pytest.raises(ValueError, match="no answer for SWITCH"):
        Capabilities({feature: support for feature, support in ABLE.support.items() if feature is not Feature.SWITCH})
