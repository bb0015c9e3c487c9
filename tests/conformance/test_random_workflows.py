"""Random flows as workflows of Argo: by the interpreter with every pod in memory, and a few with real ones."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from argo_target import cut_small, fixed_settings
from compiler_flows import flow_from_text
from generated_flows import linear
from hypothesis import assume, given
from random_runs import RandomFlow, braids, ended_tasks, examples, flows, in_memory, wrong
from record_walk import Walk
from workflow_rehearsals import rehearsed
from written_flows import NAME

from penstock.backends.argo import BACKEND
from penstock.backends.argo.rehearsal.checks import check
from penstock.backends.argo.rehearsal.dependencies import Phase
from penstock.backends.argo.rehearsal.interpreter import Interpreter, Pod, PodEnd
from penstock.backends.argo.rehearsal.pods import environment_of
from penstock.backends.argo.rehearsal.reading import read_manifests
from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.protocol import gaps
from penstock.backends.rehearsal.object_store import ObjectStore
from penstock.backends.run_comparison import differences
from penstock.compiler.diagnostics import has_errors
from penstock.compiler.pipeline import demand_program
from penstock.compiler.planning import plan_of
from penstock.runtime_shim.datastore.finished import FinishedTask
from penstock.runtime_shim.plan import Plan
from penstock.runtime_shim.platforms.argo import outputs_of


class Walking:
    """Runs a pod as a call of the flow's own command line, in this process, tried as often as its step allows."""

    def __init__(self, walk: Walk, plan: Plan) -> None:
        self._walk = walk
        self._plan = plan

    def launch(self, pod: Pod, ended: Callable[[PodEnd], None]) -> None:
        container = pod.template.container
        assert container is not None
        variables = environment_of(container)
        step, path = variables["PENSTOCK_STEP"], variables["PENSTOCK_PATH"]
        outcome = self._walk.tried(self._plan[step], path)
        assert outcome.code == 0, outcome.err
        given = outputs_of(self._walk.record(step, path))
        ended(PodEnd(Phase.SUCCEEDED, {each.name: given[each.name] for each in pod.template.outputs}))

    def stop(self) -> None:
        pass


def has_room_for(source: str) -> bool:
    """Whether nothing of the flow is beyond Argo, as arms that share too much are."""
    with in_memory(source) as (walk, _):
        return not has_errors(gaps(demand_program(walk.flow_class), BACKEND))


def interpreted(source: str) -> Mapping[str, FinishedTask]:
    """The tasks of the flow, run as its manifests say."""
    with in_memory(source) as (walk, store):
        program = demand_program(walk.flow_class)
        bundle = BACKEND.lower(program, fixed_settings(program))
        templates = read_manifests(bundle.files[bundle.main])
        main = next(iter(templates))
        check(templates, main)
        ended = Interpreter(templates, main, lambda _: Walking(walk, plan_of(program)), "random-x7k2p").run({})
        assert (ended.phase, ended.failures) == (Phase.SUCCEEDED, ())
        return ended_tasks(store, walk.run)


def check_interpreted(flow: RandomFlow) -> None:
    assume(has_room_for(flow.source))
    assert list(wrong(flow.told, interpreted(flow.source))) == []


def check_spread(flow: RandomFlow) -> None:
    """As if it were too large for one object, and its templates for theirs."""
    with pytest.MonkeyPatch.context() as patch:
        cut_small(patch, 1_000, 400)
        check_interpreted(flow)


def check_rehearsed(flow: RandomFlow, store: ObjectStore) -> None:
    assume(has_room_for(flow.source))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flow.py"
        file.write_text(flow.source, encoding="utf-8")
        case = FlowCase("random", file, NAME)
        local = run_locally(case, Path(folder) / "local")
        assert differences(local, rehearsed(case, Path(folder) / "rehearsed", store)) == []


ARM_OF_A_LOOP = """
from penstock import FlowSpec, step

class RandomFlow(FlowSpec):
    @step
    def start(self):
        self.turns = 0
        self.next(self.head)
    @step
    def head(self):
        self.way = "loop"
        self.next({"loop": self.inner, "skip": self.after}, condition="way")
    @step
    def inner(self):
        self.turns += 1
        self.way = "again" if self.turns % 2 else "on"
        self.next({"again": self.inner, "on": self.behind}, condition="way")
    @step
    def behind(self):
        self.next(self.after)
    @step
    def after(self):
        self.way = "again" if self.turns < 4 else "end"
        self.next({"again": self.head, "end": self.end}, condition="way")
    @step
    def end(self):
        pass
"""


def test_what_an_arm_has_behind_a_loop_that_it_begins_with_stands_outside_of_that_loop() -> None:
    assert interpreted(ARM_OF_A_LOOP).keys() == {
        "start/t", "end/t", *(f"{step}/t.t{turn}" for step in ("head", "behind", "after") for turn in range(2)),
        *(f"inner/t.t{turn}.t{again}" for turn in range(2) for again in range(2)),
    }  # fmt: skip


@given(flows())
@examples(25)
def test_a_workflow_runs_as_foretold(flow: RandomFlow) -> None:
    check_interpreted(flow)


@given(flows(least=10))
@examples(15)
def test_a_workflow_of_several_objects_runs_as_foretold(flow: RandomFlow) -> None:
    check_spread(flow)


@given(braids())
@examples(20)
def test_branches_that_cross_in_any_way_run_to_the_end(flow: RandomFlow) -> None:
    assume(has_room_for(flow.source))
    assert "end/t" in interpreted(flow.source)


@pytest.mark.scale
@given(flows(most=200))
@examples(300)
def test_hundreds_run_as_foretold(flow: RandomFlow) -> None:
    check_interpreted(flow)


@pytest.mark.scale
@given(flows(least=10, most=120))
@examples(150)
def test_hundreds_of_several_objects_run_as_foretold(flow: RandomFlow) -> None:
    check_spread(flow)


@pytest.mark.scale
@given(flow=flows(least=6, most=30))
@examples(12)
def test_rehearsed_runs_are_the_local_ones(flow: RandomFlow, store: ObjectStore) -> None:
    check_rehearsed(flow, store)


@pytest.mark.scale
@given(flow=braids())
@examples(6)
def test_rehearsed_crossings_are_the_local_ones(flow: RandomFlow, store: ObjectStore) -> None:
    check_rehearsed(flow, store)


@pytest.mark.scale
@pytest.mark.parametrize("steps", [8_000])
def test_thousands_of_steps_run_from_several_objects_in_their_order(steps: int) -> None:
    program = demand_program(flow_from_text(linear(steps)))
    bundle = BACKEND.lower(program, fixed_settings(program))
    templates = read_manifests(bundle.files[bundle.main])
    assert len(templates) > 1
    main = next(iter(templates))
    check(templates, main)
    ran: list[str] = []

    class Noting(Walking):
        def launch(self, pod: Pod, ended: Callable[[PodEnd], None]) -> None:
            container = pod.template.container
            assert container is not None
            ran.append(environment_of(container)["PENSTOCK_STEP"])
            ended(PodEnd(Phase.SUCCEEDED))

        def __init__(self) -> None:
            pass

    assert Interpreter(templates, main, lambda _: Noting(), "lines-x7k2p").run({}).phase is Phase.SUCCEEDED
    assert ran == list(program.graph.steps)
