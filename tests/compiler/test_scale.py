"""Long, wide and deep flows: nothing recurses, and the work grows with the size.

No clock here: recursion is tested with a stack that has room for no more than a few calls, growth by counting calls.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import currentframe
from typing import TypeVar

import pytest
from compiler_flows import graph_from
from generated_flows import linear

from penstock.compiler.capabilities import Capabilities, Feature, Level, Support, check
from penstock.compiler.drawing import dot, text
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.lint import lint_graph
from penstock.compiler.pipeline import compile_flow
from penstock.compiler.planning import plan_of
from penstock.compiler.program import Program, Run, walk
from penstock.compiler.regions import program_of
from penstock.compiler.render import render_text
from penstock.compiler.steps import Foreach, Goto, Split, Switch, Transition
from penstock.runtime_shim.flowspec import FlowSpec

T = TypeVar("T")
ABLE = Capabilities({feature: Support(Level.NATIVE, "It can.") for feature in Feature})


def line(size: int) -> FlowGraph:
    return graph_from({f"s{n}" if n else "start": Goto(f"s{n + 1}" if n + 1 < size else "end") for n in range(size)})


def chained_diamonds(size: int) -> FlowGraph:
    made: dict[str, Transition] = {"start": Goto("fork0")}
    for n in range(size):
        made |= {f"fork{n}": Split((f"a{n}", f"b{n}")), f"a{n}": Goto(f"join{n}"), f"b{n}": Goto(f"join{n}")}
        made[f"join{n}"] = Goto(f"fork{n + 1}" if n + 1 < size else "end")
    return graph_from(made, frozenset(f"join{n}" for n in range(size)))


def nested_foreaches(size: int) -> FlowGraph:
    made: dict[str, Transition] = {"start": Goto("open0")}
    for n in range(size):
        made[f"open{n}"] = Foreach(f"open{n + 1}" if n + 1 < size else "leaf", "xs")
        made[f"close{n}"] = Goto(f"close{n - 1}" if n else "end")
    made["leaf"] = Goto(f"close{size - 1}")
    return graph_from(made, frozenset(f"close{n}" for n in range(size)))


def nested_splits_closed_at_once(size: int) -> FlowGraph:
    made: dict[str, Transition] = {"start": Goto("fork0"), "last": Goto("join"), "join": Goto("end")}
    for n in range(size):
        made[f"fork{n}"] = Split((f"a{n}", f"fork{n + 1}" if n + 1 < size else "last"))
        made[f"a{n}"] = Goto("join")
    return graph_from(made, frozenset({"join"}))


def wide_split(size: int) -> FlowGraph:
    made: dict[str, Transition] = {f"a{n}": Goto("join") for n in range(size)}
    made |= {"start": Split(tuple(made)), "join": Goto("end")}
    return graph_from(made, frozenset({"join"}))


def chained_switches(size: int) -> FlowGraph:
    made: dict[str, Transition] = {"start": Goto("choose0")}
    for n in range(size):
        made[f"choose{n}"] = Switch((("a", f"a{n}"), ("b", f"b{n}"), ("c", f"meet{n}")), "kind")
        made |= {f"a{n}": Goto(f"meet{n}"), f"b{n}": Goto(f"meet{n}")}
        made[f"meet{n}"] = Goto(f"choose{n + 1}" if n + 1 < size else "end")
    return graph_from(made)


def nested_switches(size: int) -> FlowGraph:
    """Every arm but one goes on to a step that all share, and one further out."""
    made: dict[str, Transition] = {"start": Goto("choose0"), "last": Goto("meet"), "meet": Goto("end")}
    for n in range(size):
        inner = f"choose{n + 1}" if n + 1 < size else "last"
        made[f"choose{n}"] = Switch((("in", inner), ("out", f"tail{n}")), "kind")
        made[f"tail{n}"] = Goto(f"tail{n - 1}" if n else "meet")
    return graph_from(made)


def nested_loops(size: int) -> FlowGraph:
    made: dict[str, Transition] = {"start": Goto("head0"), "leaf": Goto(f"back{size - 1}")}
    for n in range(size):
        made[f"head{n}"] = Goto(f"head{n + 1}" if n + 1 < size else "leaf")
        made[f"back{n}"] = Switch((("again", f"head{n}"), ("out", f"back{n - 1}" if n else "end")), "verdict")
    return graph_from(made)


def chained_loops(size: int) -> FlowGraph:
    made: dict[str, Transition] = {"start": Goto("turn0")}
    for n in range(size):
        made[f"turn{n}"] = Switch(
            (("again", f"turn{n}"), ("out", f"turn{n + 1}" if n + 1 < size else "end")), "verdict"
        )
    return graph_from(made)


def braid(size: int) -> FlowGraph:
    """Two strands that exchange a branch at every join."""
    made: dict[str, Transition] = {"start": Split(("left0", "right0")), "last": Goto("end")}
    for n in range(size):
        following = (f"left{n + 1}", f"right{n + 1}") if n + 1 < size else ("last", "last")
        made[f"left{n}"] = Split((f"a{n}", f"b{n}"))
        made[f"right{n}"] = Split((f"c{n}", f"d{n}"))
        made |= {f"a{n}": Goto(f"ac{n}"), f"c{n}": Goto(f"ac{n}"), f"b{n}": Goto(f"bd{n}"), f"d{n}": Goto(f"bd{n}")}
        made |= {f"ac{n}": Goto(following[0]), f"bd{n}": Goto(following[1])}
    return graph_from(made, frozenset({"last"} | {f"{name}{n}" for name in ("ac", "bd") for n in range(size)}))


def crossing_far_inside(size: int) -> FlowGraph:
    """Splits in each other that all end in one join; only the branches of the innermost three cross."""
    made: dict[str, Transition] = {"start": Goto("fork0"), "pair": Goto("join"), "join": Goto("end")}
    for n in range(size):
        made[f"fork{n}"] = Split((f"a{n}", f"fork{n + 1}") if n + 1 < size else ("x", "y", "z"))
        if n + 1 < size:
            made[f"a{n}"] = Goto("join")
    made |= {"x": Goto("pair"), "y": Goto("pair"), "z": Goto("join")}
    return graph_from(made, frozenset({"pair", "join"}))


SHAPES = (
    line, chained_diamonds, nested_foreaches, nested_splits_closed_at_once, wide_split, chained_switches,
    nested_switches, nested_loops, chained_loops, braid, crossing_far_inside,
)  # fmt: skip


def whole_compiler(graph: FlowGraph) -> Program:
    """Everything that is done with a graph, to its end."""
    assert lint_graph(graph) == []
    program, faults = program_of(graph)
    assert faults == ()
    assert program is not None
    assert sum(1 for item in walk(program.root) if isinstance(item, Run)) == len(graph)
    assert len(plan_of(program).names) == len(graph)
    assert text(program).count("\n") >= len(graph)
    assert dot(graph)
    assert check(program, "Able", ABLE) == ()
    assert repr(program.root)
    assert program == program
    assert hash(program)
    return program


@contextmanager
def little_stack(calls: int = 60) -> Iterator[None]:
    """Room for a few nested calls only."""
    depth, frame = 0, currentframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + calls)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def calls_of(action: Callable[[], T]) -> int:
    """How many calls, of Python and of C, ``action`` makes: a clock that no other process can disturb."""
    count = 0

    def counting(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_no_depth_is_too_deep(shape: Callable[[int], FlowGraph]) -> None:
    graph = shape(500)
    whole_compiler(shape(2))  # what is imported late is imported now
    with little_stack():
        whole_compiler(graph)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_twice_the_steps_take_twice_the_work(shape: Callable[[int], FlowGraph]) -> None:
    small, large = shape(400), shape(1600)
    assert calls_of(lambda: whole_compiler(large)) < 4.2 * calls_of(lambda: whole_compiler(small))


def test_faults_of_a_large_flow_take_no_more_than_its_size() -> None:
    def broken(size: int) -> FlowGraph:
        """A diamond without a join in each of many branches."""
        made: dict[str, Transition] = {"start": Split(tuple(f"fork{n}" for n in range(size))), "join": Goto("end")}
        for n in range(size):
            made |= {f"fork{n}": Split((f"a{n}", f"b{n}")), f"a{n}": Goto(f"meet{n}"), f"b{n}": Goto(f"meet{n}")}
            made[f"meet{n}"] = Goto("join")
        return graph_from(made, frozenset({"join"}))

    def tell(graph: FlowGraph) -> None:
        program, faults = program_of(graph)
        assert program is None
        assert render_text(faults, sources={"flow.py": "x\n" * 8000}).count("error[P212]") == len(faults) > 99

    small, large = broken(100), broken(400)
    assert calls_of(lambda: tell(large)) < 4.2 * calls_of(lambda: tell(small))


def test_ten_thousand_steps_in_a_line_compile_from_source(flow_from: Callable[..., type[FlowSpec]]) -> None:
    flow = flow_from(linear(10_000))
    with little_stack(100):
        compiled = compile_flow(flow)
    assert compiled.diagnostics == ()
    assert compiled.program is not None
    assert len(plan_of(compiled.program).names) == 10_000


def test_reading_grows_with_the_source(flow_from: Callable[..., type[FlowSpec]]) -> None:
    small, large = flow_from(linear(400), "<small>"), flow_from(linear(1600), "<large>")
    compile_flow(small)
    assert calls_of(lambda: compile_flow(large)) < 4.2 * calls_of(lambda: compile_flow(small))
