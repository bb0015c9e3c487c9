"""The pipelines of programs: where ways meet, what a loop's pipeline holds, and what its turns are."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from compiler_flows import graph_from
from corpus_flows import load
from hypothesis import given, settings
from hypothesis import strategies as st
from named_flows import make
from random_flows import Block, any_blocks

from penstock.backends.conformance import FlowCase
from penstock.compiler.convergence import convergence
from penstock.compiler.dags import ARM, CHOICE, LOOP, ROOT, STEP, TURN, Dags, Named
from penstock.compiler.pipeline import demand_program
from penstock.compiler.program import Program
from penstock.compiler.regions import program_of


def of_corpus(name: str) -> Program:
    flow = load(name)
    return demand_program(FlowCase(flow.name, flow.file, flow.flow).load())


def steps(*names: str) -> set[Named]:
    return {(STEP, name) for name in names}


def test_all_ways_out_of_a_loop_meet_in_one_place() -> None:
    meets = convergence(of_corpus("loop_exits"))
    assert meets.of_loop == {"attempt": "tidy"}
    assert meets.turns == {("repair", "attempt")}
    assert {step: meets.of_step[step] for step in ("attempt", "judge", "repair", "celebrate", "tidy")} == {
        "attempt": "tidy", "judge": "tidy", "repair": "tidy", "celebrate": "tidy", "tidy": "end"
    }  # fmt: skip
    assert meets.of_step["end"] is None


def test_the_way_back_of_an_outer_loop_leaves_the_inner_one() -> None:
    meets = convergence(of_corpus("nested_loops"))
    assert meets.of_loop == {"outer": "end", "inner": "round_done"}
    assert meets.turns == {("inner", "inner"), ("round_done", "outer")}


def test_a_loop_s_pipeline_is_one_turn() -> None:
    dags = Dags(of_corpus("loop"))
    assert dags.all.keys() == {ROOT, (LOOP, "fit")}
    assert dags.all[ROOT].tasks == {
        (STEP, "start"): (), (LOOP, "fit"): ((STEP, "start"),), (STEP, "end"): ((LOOP, "fit"),)
    }  # fmt: skip
    assert dags.all[LOOP, "fit"].tasks == {
        (STEP, "fit"): (), (STEP, "score"): ((STEP, "fit"),), (CHOICE, "score"): ((STEP, "score"),)
    }  # fmt: skip
    assert dags.arms["score"] == ("end", {"fit": (LOOP, "fit")})


def test_what_one_way_out_leads_to_runs_inside_of_the_last_turn() -> None:
    dags = Dags(of_corpus("loop_exits"))
    assert dags.arms["judge"].pipelines == {
        "repair": (ARM, "judge repair"), "celebrate": (ARM, "judge celebrate"), "give_up": (ARM, "judge give_up")
    }  # fmt: skip
    assert dags.all[ARM, "judge celebrate"].tasks == {(STEP, "celebrate"): ()}
    assert dags.all[ARM, "judge repair"].tasks == {(STEP, "repair"): (), (TURN, "repair"): ((STEP, "repair"),)}
    assert dags.turns == {"repair": (LOOP, "attempt")}
    assert dags.all[ROOT].tasks[STEP, "tidy"] == ((LOOP, "attempt"),)


def test_a_loop_that_ends_a_body_is_followed_by_nothing_there() -> None:
    dags = Dags(of_corpus("loop_in_foreach"))
    assert dags.all["foreach", "start"].tasks == {(LOOP, "halve"): ()}
    assert dags.all["foreach", "start"].in_foreach
    assert dags.all[LOOP, "halve"].in_foreach


@pytest.mark.parametrize("name", ["loop", "loop_exits", "nested_loops", "loop_in_foreach", "foreach_in_loop"])
def test_no_pipeline_waits_in_a_circle(name: str) -> None:
    for dag in Dags(of_corpus(name)).all.values():
        ended: set[Named] = set()
        left = dict(dag.tasks)
        while left:
            ready = {named for named, after in left.items() if ended.issuperset(after)}
            assert ready, left
            ended |= ready
            left = {named: after for named, after in left.items() if named not in ready}


def ways_without_turns(program: Program, turns: frozenset[tuple[str, str]]) -> Mapping[str, list[str]]:
    """Where each step goes if every way back goes to all that its loop is left to instead: what the module's text
    says, written as it is said.
    """
    graph = program.graph
    loops = {header: graph.reachable(header) & _leading_to(program, header, turns) for _, header in turns}
    left: dict[str, list[str]] = {}

    def onward(step: str) -> list[str]:
        found: list[str] = []
        for target in graph.successors(step):
            found += out(target) if (step, target) in turns else [target]
        return list(dict.fromkeys(found))

    def out(header: str) -> list[str]:
        if header not in left:
            left[header] = []
            for step in sorted(loops[header]):
                for target in graph.successors(step):
                    if target in loops[header]:
                        continue
                    left[header] += out(target) if (step, target) in turns else [target]
        return left[header]

    return {step: onward(step) for step in graph.steps}


def _leading_to(program: Program, header: str, turns: frozenset[tuple[str, str]]) -> frozenset[str]:
    """The steps from which a way leads back to the header and does not pass it before: with the header, its loop."""
    found = {header}
    pending = [step for step, target in turns if target == header]
    while pending:
        step = pending.pop()
        if step not in found:
            found.add(step)
            pending += program.graph.predecessors(step)
    return frozenset(found)


@settings(max_examples=60)
@given(any_blocks, st.booleans())
def test_meetings_are_what_every_way_passes(block: Block, merged: bool) -> None:
    made = make(block, merged=merged)
    program = program_of(graph_from(made.transitions, frozenset(made.joins)))[0]
    assert program is not None
    meets = convergence(program)
    ways = ways_without_turns(program, meets.turns)

    def passes_all(step: str, wanted: str) -> bool:
        """Whether no way from behind ``step`` to the end avoids ``wanted``."""
        seen: set[str] = set()
        pending = list(ways[step])
        while pending:
            here = pending.pop()
            if here == "end" and wanted != "end":
                return False
            if here != wanted and here not in seen:
                seen.add(here)
                pending += ways[here]
        return True

    for step, meeting in meets.of_step.items():
        if meeting is None:
            assert step == "end"
            continue
        assert passes_all(step, meeting)
        before = {each for each in program.graph.steps if each not in (step, meeting) and passes_all(step, each)}
        assert all(passes_all(meeting, each) for each in before), "nothing that all ways pass comes earlier"
