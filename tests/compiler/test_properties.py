"""Random flows: well-formed ones compile to the shape they were made from, others are refused or make sense."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count

from compiler_flows import graph_from
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.compiler.diagnostics import has_errors
from penstock.compiler.drawing import dot, text
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.lint import lint_graph
from penstock.compiler.planning import plan_of
from penstock.compiler.program import Each, Program, Run, walk
from penstock.compiler.regions import program_of
from penstock.compiler.render import render_json, render_text
from penstock.compiler.steps import Foreach, Goto, Split, Switch, Transition
from penstock.runtime_shim.plan import Plan

Block = list["tuple[Block, ...] | list[Block] | None"]
"""Pieces that follow each other: None is a step, a tuple of blocks a split, a list of one block a foreach."""

blocks: st.SearchStrategy[Block] = st.recursive(
    st.lists(st.none(), min_size=1, max_size=3),
    lambda inner: st.lists(
        st.one_of(
            st.none(),
            st.lists(inner, min_size=2, max_size=4).map(tuple),
            st.lists(inner, min_size=1, max_size=1),
        ),
        min_size=1,
        max_size=3,
    ),
    max_leaves=12,
)


@dataclass
class Made:
    """A flow made from a block: its transitions and joins, and the drawing that it has to have."""

    transitions: dict[str, Transition]
    joins: set[str]
    drawing: list[str]


def make(block: Block, merged: bool) -> Made:
    """The flow of a block; with ``merged`` a split that ends a branch is closed by the join of the split around it."""
    made = Made({}, set(), ["start"])
    numbers = count()

    def build(block: Block, entry: str, after: str, first: str, rest: str, in_branch: bool) -> None:
        """Steps from ``entry`` on; the last one goes on to ``after``.  ``first`` and ``rest`` draw them."""
        current = entry
        made.drawing.append(first + current)
        for place, piece in enumerate(block):
            last = place == len(block) - 1
            following = after if last else f"s{next(numbers)}"
            if piece is None:
                made.transitions[current] = Goto(following)
                if last:
                    return
                current = following
                made.drawing.append(rest + current)
                continue
            entries = tuple(f"s{next(numbers)}" for _ in piece)
            shared = merged and last and in_branch and isinstance(piece, tuple)
            join = after if shared else f"j{next(numbers)}"
            if isinstance(piece, tuple):
                made.transitions[current] = Split(entries)
                for number, (inner, name) in enumerate(zip(piece, entries, strict=True)):
                    ends = number == len(entries) - 1
                    marks = ("└─ ", "   ") if ends else ("├─ ", "│  ")
                    build(inner, name, join, rest + marks[0], rest + marks[1], True)
            else:
                made.transitions[current] = Foreach(entries[0], "xs")
                made.drawing[-1] += "  foreach xs"
                build(piece[0], entries[0], join, rest + "╘═ ", rest + "   ", False)
            if shared:
                return
            made.joins.add(join)
            made.drawing.append(rest + join)
            made.transitions[join] = Goto(following)
            if last:
                return
            current = following
            made.drawing.append(rest + current)

    made.transitions["start"] = Goto("s")
    build(block, "s", "end", "", "", False)
    made.drawing.append("end")
    return made


def run(plan: Plan, width: int = 2) -> Counter[str]:
    """Go through a plan as a scheduler does, every foreach ``width`` wide, and hold every join against its parents."""
    tasks: Counter[str] = Counter()
    arrived: dict[tuple[str, tuple[int, ...]], list[tuple[str, tuple[int, ...]]]] = {}
    ready: list[tuple[str, tuple[int, ...]]] = [("start", ())]
    while ready:
        name, path = ready.pop(0)
        step = plan[name]
        tasks[name] += 1
        assert len(path) == len(step.stack)
        if step.kind == "foreach":
            ready += [(step.next[0], (*path, index)) for index in range(width)]
            continue
        for following in step.next:
            join = plan[following]
            if not join.is_join:
                assert join.parents == (name,)
                ready.append((following, path))
                continue
            inside = path[:-1] if join.closes == "foreach" else path
            inputs = arrived.setdefault((following, inside), [])
            inputs.append((name, path))
            expected = (
                [(join.parents[0], (*inside, index)) for index in range(width)]
                if join.closes == "foreach"
                else [(parent, inside) for parent in join.parents]
            )
            if len(inputs) == len(expected):
                assert sorted(inputs) == sorted(expected)
                del arrived[following, inside]
                ready.append((following, inside))
    assert arrived == {}, "no join waits for ever"
    return tasks


def consistent(graph: FlowGraph, program: Program) -> None:
    """What holds for every program, however it came about."""
    assert Counter(item.step for item in walk(program.root) if isinstance(item, Run)) == Counter(list(graph.steps))
    plan = Plan.from_json(plan_of(program).to_json())
    place = {name: number for number, name in enumerate(plan.names)}
    assert set(place) == set(graph.steps)
    for name in plan.names:
        step = plan[name]
        assert step.is_join == graph[name].is_join
        for following in step.next:
            assert name in plan[following].parents
            assert place[name] < place[following]
        for parent in step.parents:
            assert name in plan[parent].next
    bodies = {item.opener for item in walk(program.root) if isinstance(item, Each)}
    assert bodies == {name for name in plan.names if plan[name].kind == "foreach"}
    assert run(plan) == {name: 2 ** len(plan[name].stack) for name in plan.names}


@given(blocks, st.booleans(), st.randoms(use_true_random=False))
def test_a_well_formed_flow_compiles_to_the_shape_it_was_made_from(block: Block, merged: bool, random: object) -> None:
    made = make(block, merged)
    order = list(made.transitions.items())
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    graph = graph_from(dict(order), frozenset(made.joins))
    assert lint_graph(graph) == []
    program, faults = program_of(graph)
    assert faults == ()
    assert program is not None
    assert text(program).splitlines() == made.drawing
    consistent(graph, program)


@st.composite
def damaged(draw: st.DrawFn) -> FlowGraph:
    """A well-formed flow with some damage: other transitions, joins that are none, branches that end elsewhere.

    The last is the damage that only the matching of splits and joins can see, so it is the most frequent.
    """
    made = make(draw(blocks), draw(st.booleans()))
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
    return graph_from(made.transitions, frozenset(made.joins - {"end"}))


def any_transition(names: list[str]) -> st.SearchStrategy[Transition]:
    """Every kind of transition to any steps."""
    name = st.sampled_from(names)
    return st.one_of(
        name.map(Goto),
        st.lists(name, min_size=2, max_size=3, unique=True).map(lambda targets: Split(tuple(targets))),
        name.map(lambda target: Foreach(target, "xs")),
        st.tuples(name, name).map(lambda pair: Switch((("a", pair[0]), ("b", pair[1])), "c")),
    )


@given(damaged())
@settings(max_examples=300, deadline=None)
def test_a_damaged_flow_is_refused_or_still_makes_sense(graph: FlowGraph) -> None:
    assert dot(graph)
    said = lint_graph(graph)
    program = None
    if not has_errors(said):
        program, faults = program_of(graph)
        said += faults
        assert (program is None) == bool(faults)
    assert render_text(said) == "" or said
    assert render_json(said)
    if program is not None:
        switches = any(isinstance(step.transition, Switch) for step in graph.steps.values())
        splitting_joins = any(s.is_join and not isinstance(s.transition, Goto) for s in graph.steps.values())
        if not splitting_joins and not switches:  # a rule about the source refuses those before there is a graph
            consistent(graph, program)
