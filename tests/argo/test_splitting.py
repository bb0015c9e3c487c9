"""Flows that are too large for one object: cut, spread, and as sound as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argo_lint import lint
from argo_models import model_problems
from argo_target import cut_small, fixed_settings, step_counts
from compiler_flows import load_file
from generated_flows import diamonds, linear
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.backends.argo import splitting
from penstock.backends.argo.cutting import cut
from penstock.backends.argo.documents import as_json
from penstock.backends.argo.graphs import Graph, Task
from penstock.backends.argo.limits import object_problems
from penstock.backends.argo.lowering import objects
from penstock.compiler.pipeline import demand_program
from penstock.compiler.program import Program
from penstock.compiler.render import render_text

Object = dict[str, Any]
Ancestors = dict[str, frozenset[str]]


def wide(branches: int, length: int) -> str:
    """``WideFlow``: branches of so many steps side by side."""
    lines = ["from penstock import *", "class WideFlow(FlowSpec):"]
    firsts = ", ".join(f"self.b{number}_0" for number in range(branches))
    lines += ["    @step", f"    def start(self): self.next({firsts})"]
    for number in range(branches):
        for place in range(length):
            following = f"b{number}_{place + 1}" if place + 1 < length else "join"
            lines += ["    @step", f"    def b{number}_{place}(self): self.next(self.{following})"]
    lines += ["    @step", "    def join(self, inputs): self.next(self.end)", "    @step", "    def end(self): pass"]
    return "\n".join(lines)


EVERYTHING = """
from penstock import *
class ManyFlow(FlowSpec):
    alpha = Parameter("alpha", default=1)
    @step
    def start(self):
        self.xs = [1]
        self.next(self.go, foreach="xs")
    @step
    def go(self): self.next(self.turn)
    @step
    def turn(self):
        self.v = "a"
        self.next({"again": self.turn, "a": self.a, "b": self.b}, condition="v")
    @step
    def a(self): self.next(self.c)
    @step
    def b(self): self.next(self.c)
    @step
    def c(self): self.next(self.d, self.e)
    @step
    def d(self): self.next(self.j)
    @step
    def e(self): self.next(self.j)
    @step
    def j(self, inputs): self.next(self.k)
    @step
    def k(self, inputs): self.next(self.l)
    @step
    def l(self): self.next(self.end)
    @step
    def end(self): pass
"""


def program_of(flow_file: Callable[..., Path], source: str) -> Program:
    return demand_program(load_file(flow_file(source)))


def sound(program: Program, compiled: list[Object]) -> None:
    assert model_problems(compiled) == []
    assert lint(compiled) == []
    assert step_counts(compiled) == dict.fromkeys(program.graph.steps, 1)


def come_before(graphs: dict[str, Graph], name: str = "main", above: frozenset[str] = frozenset()) -> Ancestors:
    """All leaves that run before each leaf, of graphs inside of graphs."""
    found: Ancestors = {}
    ends: dict[str, frozenset[str]] = {}
    for task in graphs[name].tasks:
        before = above.union(*(ends[each] for each in task.after))
        if task.template in graphs:
            inner = come_before(graphs, task.template, before)
            found |= inner
            ends[task.name] = before | set(inner)
        else:
            found[task.name] = before
            ends[task.name] = before | {task.name}
    return found


def test_a_small_flow_is_one_object(flow_file: Callable[..., Path]) -> None:
    program = program_of(flow_file, linear(500))
    assert len(objects(program, fixed_settings(program))) == 1


@pytest.mark.parametrize("source", [linear(800), wide(40, 20), diamonds(200)], ids=["line", "wide", "diamonds"])
def test_a_large_flow_is_several_objects(
    source: str, flow_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = program_of(flow_file, source)
    cut_small(monkeypatch, 60_000, 25_000, above=90_000)
    compiled = objects(program, fixed_settings(program))
    assert len(compiled) >= 2
    assert max(len(as_json(each)) for each in compiled) <= splitting.OBJECT_BYTES
    sound(program, compiled)
    names = [each["metadata"]["name"] for each in compiled]
    version = names[1].split("-")[1]
    assert names[1:] == [f"{names[0]}-{version}-{number}" for number in range(2, len(names) + 1)]
    parts = [each["metadata"]["labels"].get("penstock/part-of") for each in compiled]
    assert parts == [None, *[names[0]] * (len(names) - 1)]


def test_parts_belong_to_one_version_of_a_flow(flow_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Argo reads a part when a run comes to it: one that began with the old version must not find the new one's."""
    cut_small(monkeypatch, 2_000)
    program = program_of(flow_file, EVERYTHING)
    settings = replace(fixed_settings(program), name="x" * 60)
    before, same, after = (
        {each["metadata"]["name"] for each in objects(program, replace(settings, image=image))}
        for image in ("python:3.11", "python:3.11", "python:3.12")
    )
    assert before == same
    assert before & after == {settings.name}
    assert max(map(len, before | after)) == 63


@pytest.mark.parametrize("most", [100, 400, 1_000])
def test_only_what_begins_a_run_stands_under_the_name_that_versions_share(
    most: int, flow_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, most, most)
    program = program_of(flow_file, EVERYTHING)
    main, *parts = objects(program, fixed_settings(program))
    tasks = [
        task for part in parts for each in part["spec"]["templates"] for task in each.get("dag", {}).get("tasks", [])
    ]
    into_main = [task["name"] for task in tasks if task.get("templateRef", {}).get("name") == main["metadata"]["name"]]
    assert set(into_main) <= {"start"}
    assert len(tasks) > 8


def test_a_copy_of_a_leaf_stands_only_where_it_is_shorter_than_references(
    flow_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, 30_000, 20_000)
    program = program_of(flow_file, linear(200))
    few = objects(program, fixed_settings(program))
    assert len(few) > 1
    with_programs = [sum("container" in each for each in whole["spec"]["templates"]) for whole in few]
    assert with_programs == [0, 1, *[0] * (len(few) - 2)], "the first object has what begins a run alone"
    monkeypatch.setattr(splitting, "_REFERENCE", 10_000)
    many = objects(program, fixed_settings(program))
    assert all("container" in {key for each in whole["spec"]["templates"] for key in each} for whole in many)
    sound(program, few)


@pytest.mark.parametrize("most", [100, 400, 1_000])
def test_every_construct_survives_being_spread(
    most: int, flow_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, most, most)
    program = program_of(flow_file, EVERYTHING)
    compiled = objects(program, replace(fixed_settings(program), name="x" * 60))
    assert len(compiled) > 2
    sound(program, compiled)
    takes = [whole["metadata"]["name"] for whole in compiled if "{{workflow.parameters}}" in str(whole)]
    assert takes == ["x" * 60], "arguments are known where they are declared"


def test_no_part_takes_another_template_s_name() -> None:
    tasks = tuple(Task(f"t{number}", "task", (f"t{number - 1}",) if number else ()) for number in range(10))
    taken = {"main", "main-part-1", "main-part-3"}
    names = [graph.name for graph in cut(Graph("main", tasks), lambda task: 10, 30, taken)]
    assert len(set(names)) == len(names)
    assert not {"main-part-1", "main-part-3"} & set(names)


def graph_of(after: list[set[int]]) -> Graph:
    tasks = [
        Task(f"t{number}", "task", tuple(f"t{each}" for each in sorted(before))) for number, before in enumerate(after)
    ]
    return Graph("main", tuple(tasks), ("path",))


@settings(max_examples=100)
@given(st.data())
def test_whatever_is_cut_runs_after_what_it_waited_for(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 25))
    after = [
        set(data.draw(st.lists(st.integers(0, number - 1), max_size=3))) if number else set() for number in range(count)
    ]
    whole = graph_of(after)
    graphs = {each.name: each for each in cut(whole, lambda task: 10, data.draw(st.integers(10, 100)), {"main"})}
    before, now = come_before({"main": whole}), come_before(graphs)
    assert before.keys() == now.keys()
    assert all(before[name] <= now[name] for name in before)


@pytest.mark.parametrize("most", [20, 50, 120])
def test_lines_and_branches_wait_for_no_more_than_they_did(most: int) -> None:
    line = graph_of([{number - 1} if number else set() for number in range(40)])
    # A task, eight lines of four side by side, a task, and again.
    after: list[set[int]] = [set()]
    for _ in range(2):
        first = len(after) - 1
        ends = set()
        for _ in range(8):
            before = first
            for _ in range(4):
                after.append({before})
                before = len(after) - 1
            ends.add(before)
        after.append(ends)
    for whole in (line, graph_of(after)):
        graphs = {each.name: each for each in cut(whole, lambda task: 10, most, {"main"})}
        assert len(graphs) > 1
        assert come_before(graphs) == come_before({"main": whole})


def test_a_task_stays_with_those_that_are_given_its_outputs() -> None:
    tasks: list[Task] = []
    for number in range(12):
        after = (f"loop{number - 1}",) if number else ()
        tasks += [Task(f"t{number}", "task", after), Task(f"loop{number}", "loop", (f"t{number}",), reads=f"t{number}")]
    for graph in cut(Graph("main", tuple(tasks)), lambda task: 10, 50, {"main"}):
        names = {task.name for task in graph.tasks}
        assert all(task.reads in names for task in graph.tasks if task.reads)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (
            800_000,
            (
                "warning[P430]: the workflow template has 800,000 bytes (3 steps), and a run keeps all of it in one"
                " object, for which Kubernetes has room for 1,400,000"
            ),
        ),
        (
            1_500_000,
            (
                "error[P431]: the workflow template has 1,500,000 bytes (3 steps), and of what a run keeps of it"
                " Kubernetes takes 1,400,000"
            ),
        ),
    ],
)
def test_what_is_too_large_for_a_run_is_told(size: int, said: str, flow_file: Callable[..., Path]) -> None:
    program = program_of(flow_file, linear(3))
    halves = ["x" * (size // 2 - 2)] * 2
    first, *_, last = render_text(object_problems(program, halves)).splitlines()  # type: ignore[arg-type]  # any JSON
    assert first == said
    assert last == "  = help: split the flow in several, or turn steps that are alike into a foreach"
    assert list(object_problems(program, [{"small": True}])) == []


@pytest.mark.scale
@pytest.mark.parametrize(
    ("source", "count"),
    [(linear(10_000), 3), (wide(400, 20), 3), (diamonds(2_500), 4)],
    ids=["line", "wide", "diamonds"],
)
def test_thousands_of_steps_are_several_objects(source: str, count: int, flow_file: Callable[..., Path]) -> None:
    program = program_of(flow_file, source)
    compiled = objects(program, fixed_settings(program))
    assert len(compiled) >= count
    assert max(len(as_json(each)) for each in compiled) <= splitting.OBJECT_BYTES
    assert sum(len(as_json(each)) for each in compiled) <= 140 * len(program.graph)
    sound(program, compiled)
