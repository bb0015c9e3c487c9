"""Random flows: well-formed ones compile to the shape they were made from, others are refused or make sense."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count, islice, pairwise
from random import Random

from compiler_flows import graph_from
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_runs import makes_sense, resolutions, run

from penstock.compiler.diagnostics import has_errors
from penstock.compiler.drawing import dot, text
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.lint import lint_graph
from penstock.compiler.planning import plan_of
from penstock.compiler.program import Each, Program, Run, walk
from penstock.compiler.regions import program_of
from penstock.compiler.render import render_json, render_text
from penstock.compiler.steps import Foreach, Goto, Split, Switch, Transition, targets
from penstock.runtime_shim.plan import Plan, PlannedStep


@dataclass(frozen=True)
class Parts:
    """A split into branches, a switch of arms, the body of a foreach or of a loop."""

    kind: str
    blocks: tuple[Block, ...]


Block = tuple[Parts | None, ...]
"""Pieces that follow each other: None is a step."""


def parts(kind: str, inner: st.SearchStrategy[Block], least: int, most: int) -> st.SearchStrategy[Parts]:
    return st.lists(inner, min_size=least, max_size=most).map(lambda blocks: Parts(kind, tuple(blocks)))


def inside(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    """Blocks of steps, and of pieces made of inner blocks."""
    pieces = st.one_of(
        st.none(),
        parts("split", inner, 2, 4),
        parts("switch", inner, 2, 3),
        parts("foreach", inner, 1, 1),
        parts("loop", inner, 1, 1),
    )
    return st.lists(pieces, min_size=1, max_size=3).map(tuple)


steps_in_a_line: st.SearchStrategy[Block] = st.lists(st.none(), min_size=1, max_size=3).map(tuple)
blocks: st.SearchStrategy[Block] = st.recursive(steps_in_a_line, inside, max_leaves=12)


@dataclass
class Made:
    """A flow made from a block: its transitions and joins, and the drawing that it has to have."""

    transitions: dict[str, Transition]
    joins: set[str]
    drawing: list[str]


class Maker:
    """Makes the flow of a block; with ``merged`` a split that ends a branch is closed by the join of the split around
    it.
    """

    def __init__(self, block: Block, merged: bool) -> None:
        self.made = Made({"start": Goto("s")}, set(), ["start"])
        self._merged = merged
        self._numbers = count()
        self._build(block, "s", "end", "", "", in_branch=False)
        self.made.drawing.append("end")

    def _name(self, kind: str = "s") -> str:
        return f"{kind}{next(self._numbers)}"

    def _build(self, block: Block, entry: str, after: str, first: str, rest: str, *, in_branch: bool) -> None:
        """Steps from ``entry`` on; the last one goes on to ``after``.  ``first`` and ``rest`` draw them."""
        current = entry
        self.made.drawing.append(first + current)
        for place, piece in enumerate(block):
            last = place == len(block) - 1
            following = after if last else self._name()
            if piece is None:
                self.made.transitions[current] = Goto(following)
            elif piece.kind == "switch":
                self._switch(piece, current, following, rest)
            elif piece.kind == "loop":
                self._loop(piece, current, following, rest)
            elif self._merged and last and in_branch and piece.kind == "split":
                self._open(piece, current, after, rest)
            else:
                join = self._name("j")
                self._open(piece, current, join, rest)
                self.made.joins.add(join)
                self.made.drawing.append(rest + join)
                self.made.transitions[join] = Goto(following)
            if last:
                return
            current = following
            self.made.drawing.append(rest + current)

    def _open(self, piece: Parts, current: str, join: str, rest: str) -> None:
        entries = tuple(self._name() for _ in piece.blocks)
        if piece.kind == "split":
            self.made.transitions[current] = Split(entries)
            for number, (inner, name) in enumerate(zip(piece.blocks, entries, strict=True)):
                marks = ("└─ ", "   ") if number == len(entries) - 1 else ("├─ ", "│  ")
                self._build(inner, name, join, rest + marks[0], rest + marks[1], in_branch=True)
        else:
            self.made.transitions[current] = Foreach(entries[0], "xs")
            self.made.drawing[-1] += "  foreach xs"
            self._build(piece.blocks[0], entries[0], join, rest + "╘═ ", rest + "   ", in_branch=False)

    def _switch(self, piece: Parts, current: str, following: str, rest: str) -> None:
        entries = tuple(self._name() for _ in piece.blocks)
        self.made.transitions[current] = Switch(tuple((name, name) for name in entries), "c")
        self.made.drawing[-1] += "  switch c"
        for number, (inner, name) in enumerate(zip(piece.blocks, entries, strict=True)):
            marks = ("└◇ ", "   ") if number == len(entries) - 1 else ("├◇ ", "│  ")
            self._build(inner, name, following, rest + marks[0], rest + marks[1], in_branch=False)

    def _loop(self, piece: Parts, current: str, following: str, rest: str) -> None:
        entry, back = self._name(), self._name()
        self.made.transitions[current] = Goto(entry)
        self.made.drawing[-1] = self.made.drawing[-1].removesuffix(current) + "↻─ " + current
        self._build(piece.blocks[0], entry, back, rest + "┊  ", rest + "┊  ", in_branch=False)
        self.made.transitions[back] = Switch((("again", current), ("out", following)), "c")
        self.made.drawing += [
            f"{rest}┊  {line}" for line in (f"{back}  switch c", f"├◇ → {current}", f"└◇ → {following}")
        ]


def make(block: Block, merged: bool) -> Made:
    """The flow of a block."""
    return Maker(block, merged).made


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


@given(blocks, st.booleans(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_well_formed_flow_compiles_to_the_shape_it_was_made_from(block: Block, merged: bool, random: Random) -> None:
    made = make(block, merged)
    order = list(made.transitions.items())
    random.shuffle(order)
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
    return whole(made.transitions, made.joins)


@st.composite
def braided(draw: st.DrawFn) -> FlowGraph:
    """Layers of steps, each leading to some of the next: branches cross, arms share, joins collect what comes."""
    layers = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    names = [["start"], *([f"s{n}_{i}" for i in range(size)] for n, size in enumerate(layers)), ["end"]]
    transitions: dict[str, Transition] = {}
    for here, following in pairwise(names):
        for name in here:
            some = draw(st.lists(st.sampled_from(following), min_size=1, max_size=3, unique=True))
            pairs = tuple((target, target) for target in some)
            transitions[name] = (
                Goto(some[0]) if len(some) == 1 else draw(st.sampled_from([Split(tuple(some)), Switch(pairs, "c")]))
            )
    led = Counter(target for transition in transitions.values() for target in targets(transition))
    joins = {name for name, times in led.items() if times > 1 and draw(st.integers(0, 3))}
    return whole(transitions, joins)


def whole(transitions: dict[str, Transition], joins: set[str]) -> FlowGraph:
    """The graph of what can be reached."""
    reached = graph_from(transitions).reachable("start")
    kept = {name: transition for name, transition in transitions.items() if name in reached}
    return graph_from(kept, frozenset(joins - {"start", "end"}) & reached)


def any_transition(names: list[str]) -> st.SearchStrategy[Transition]:
    """Every kind of transition to any steps."""
    name = st.sampled_from(names)
    return st.one_of(
        name.map(Goto),
        st.lists(name, min_size=2, max_size=3, unique=True).map(lambda targets: Split(tuple(targets))),
        name.map(lambda target: Foreach(target, "xs")),
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
