"""Random flows: well-formed ones compile to the shape they were made from, others are refused or make sense."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

from compiler_flows import graph_from
from hypothesis import given, settings
from hypothesis import strategies as st
from named_flows import make
from plan_runs import makes_sense, resolutions, run
from random_flows import Block, any_blocks, blocks, braided, whole

from penstock.compiler.diagnostics import has_errors
from penstock.compiler.drawing import dot, text
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.lint import lint_graph
from penstock.compiler.planning import plan_of
from penstock.compiler.program import Each, Program, Run, walk
from penstock.compiler.regions import program_of
from penstock.compiler.render import render_json, render_text
from penstock.compiler.steps import Foreach, Goto, Split, Switch, Transition
from penstock.runtime_shim.plan import Plan, PlannedStep


def consistent(graph: FlowGraph, program: Program) -> None:
    """What holds for every program, however it came about."""
    assert Counter(item.step for item in walk(program.root) if isinstance(item, Run)) == Counter(list(graph.steps))
    plan = Plan.from_json(plan_of(program).to_json())
    assert set(plan.names) == set(graph.steps)
    for name in plan.names:
        step = plan[name]
        assert step.is_join == graph[name].is_join
        assert all(name in plan[following].parents for following in step.next)
        assert all(name in plan[parent].next for parent in step.parents)
    bodies = {item.opener for item in walk(program.root) if isinstance(item, Each)}
    assert bodies == {name for name in plan.names if plan[name].kind == "foreach"}
    runs(graph, plan)


def runs(graph: FlowGraph, plan: Plan) -> None:
    """Run a plan under every resolution of its switches, of loops under random choices that get out in the end."""
    if next(graph.cycles(), None) is None:
        for chosen in islice(resolutions(graph), 48):
            run(plan, lambda step, _, chosen=chosen: chosen[step.name])  # type: ignore[misc]  # a default is no argument
        return
    distance = {"end": 0}
    queue = ["end"]
    for name in queue:
        for before in graph.predecessors(name):
            if before not in distance:
                distance[before] = distance[name] + 1
                queue.append(before)
    for seed in range(6):
        random = Random(seed)

        def choose(step: PlannedStep, ran: int, random: Random = random) -> str:
            return min(step.next, key=distance.__getitem__) if ran > 60 else random.choice(step.next)

        run(plan, choose)


@given(blocks | any_blocks, st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_a_well_formed_flow_compiles_to_the_shape_it_was_made_from(block: Block, merged: bool, random: Random) -> None:
    made = make(block, merged=merged)
    order = list(made.transitions.items())
    random.shuffle(order)
    graph = graph_from(dict(order), frozenset(made.joins))
    assert lint_graph(graph) == []
    program, faults = program_of(graph)
    assert faults == ()
    assert program is not None
    if made.drawing:
        assert text(program).splitlines() == made.drawing
    consistent(graph, program)


@st.composite
def damaged(draw: st.DrawFn) -> FlowGraph:
    """A well-formed flow with some damage: other transitions, joins that are none, branches that end elsewhere.

    The last is the damage that only the matching of splits and joins can see, so it is the most frequent.
    """
    made = make(draw(blocks), merged=draw(st.booleans()))
    names = [*made.transitions, "end"]
    for kind in draw(
        st.lists(st.sampled_from(["end elsewhere", "end elsewhere", "join", "any"]), min_size=1, max_size=3)
    ):
        if kind == "end elsewhere":
            ends = [n for n, t in made.transitions.items() if isinstance(t, Goto) and t.target in made.joins]
            if ends:
                made.transitions[draw(st.sampled_from(ends))] = Goto(
                    draw(st.sampled_from([*sorted(made.joins), "end"]))
                )
        elif kind == "join":
            made.joins ^= {draw(st.sampled_from(names[1:]))}
        else:
            made.transitions[draw(st.sampled_from(names[:-1]))] = draw(any_transition(names))
    return whole(made.transitions, made.joins)


def any_transition(names: list[str]) -> st.SearchStrategy[Transition]:
    """Every kind of transition to any steps."""
    name = st.sampled_from(names)
    return st.one_of(
        name.map(Goto),
        st.lists(name, min_size=2, max_size=3, unique=True).map(lambda targets: Split(tuple(targets))),
        name.map(lambda target: Foreach(target, "items")),
        st.tuples(name, name).map(lambda pair: Switch((("a", pair[0]), ("b", pair[1])), "c")),
    )


@given(st.one_of(damaged(), braided()))
@settings(max_examples=400, deadline=None)
def test_any_other_flow_is_refused_or_makes_sense(graph: FlowGraph) -> None:
    assert dot(graph)
    said = lint_graph(graph)
    if any(step.is_join and not isinstance(step.transition, Goto) for step in graph.steps.values()):
        return  # a rule about the source refuses those before there is a graph
    program = None
    if not has_errors(said):
        program, faults = program_of(graph)
        assert (program is None) == bool(faults)
        if faults:
            refused_with_reason(graph, {fault.code for fault in faults})
        said += faults
    assert render_text(said) == "" or said
    assert render_json(said)
    if program is not None:
        assert text(program)
        consistent(graph, program)


def refused_with_reason(graph: FlowGraph, codes: set[str]) -> None:
    """Held against a count of arrivals, where that tells all; joins that collect alternatives (P216) count the same."""
    plain = not any(isinstance(step.transition, Foreach) for step in graph.steps.values())
    if plain and next(graph.cycles(), None) is None and "P216" not in codes:
        assert not makes_sense(graph)
