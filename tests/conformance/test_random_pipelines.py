"""Random flows as pipelines of Kubeflow: by the interpreter with all containers in memory, and a few with real ones."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import assume, given
from kubeflow_target import fixed_settings, schema_problems
from pipeline_rehearsals import rehearsed
from random_runs import RandomFlow, braids, ended_tasks, examples, flows, in_memory, wrong
from record_walk import Walk
from written_flows import NAME

from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.kubeflow import BACKEND
from penstock.backends.kubeflow.rehearsal.interpreter import Container, ContainerEnded, Interpreter, Phase
from penstock.backends.kubeflow.rehearsal.kfp_local import run_with_kfp_local
from penstock.backends.kubeflow.rehearsal.reading import read_pipeline
from penstock.backends.kubeflow.rehearsal.rehearsing import PipelineEngine, interpret
from penstock.backends.kubeflow.rehearsal.values import from_text
from penstock.backends.protocol import gaps
from penstock.backends.rehearsal.object_store import ObjectStore
from penstock.backends.run_comparison import differences
from penstock.compiler.diagnostics import has_errors
from penstock.compiler.pipeline import demand_program
from penstock.compiler.planning import plan_of
from penstock.runtime_shim.datastore.finished import FinishedTask
from penstock.runtime_shim.plan import Plan
from penstock.runtime_shim.platforms.kubeflow import outputs_of


class Walking:
    """Runs a container as a call of the flow's own command line, in this process, tried as often as its step allows."""

    def __init__(self, walk: Walk, plan: Plan) -> None:
        self._walk = walk
        self._plan = plan

    def launch(self, container: Container, ended: Callable[[ContainerEnded], None]) -> None:
        step, path = container.inputs["step"], container.inputs["path"]
        outcome = self._walk.tried(self._plan[step], path)
        assert outcome.code == 0, outcome.err
        texts = outputs_of(self._walk.record(step, path))
        ended(ContainerEnded({name: from_text(texts[name], kind) for name, kind in container.outputs.items()}))

    def stop(self) -> None:
        pass


def interpreted(source: str) -> Mapping[str, FinishedTask]:
    """The tasks of the flow, run as its pipeline says; of one that no pipeline can say, nothing is asked."""
    with in_memory(source) as (walk, store):
        program = demand_program(walk.flow_class)
        assume(not has_errors(gaps(program, BACKEND)))
        bundle = BACKEND.lower(program, fixed_settings(program))
        document = bundle.files[bundle.main]
        assert schema_problems(document) == []
        ended = Interpreter(read_pipeline(document), Walking(walk, plan_of(program)), "0fd9a1b8").run({})
        assert (ended.phase, ended.failures) == (Phase.SUCCEEDED, ())
        return ended_tasks(store, walk.run)


def check_interpreted(flow: RandomFlow) -> None:
    assert list(wrong(flow.told, interpreted(flow.source))) == []


def check_rehearsed(flow: RandomFlow, store: ObjectStore, engine: PipelineEngine) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flow.py"
        file.write_text(flow.source, encoding="utf-8")
        case = FlowCase("random", file, NAME)
        assume(not has_errors(gaps(demand_program(case.load()), BACKEND)))
        local = run_locally(case, Path(folder) / "local")
        assert differences(local, rehearsed(case, Path(folder) / "rehearsed", store, engine)) == []


@given(flows())
@examples(30)
def test_a_pipeline_runs_as_foretold(flow: RandomFlow) -> None:
    check_interpreted(flow)


@given(braids())
@examples(15)
def test_branches_that_cross_in_any_way_run_to_the_end(flow: RandomFlow) -> None:
    assert "end/t" in interpreted(flow.source)


@pytest.mark.scale
@given(flows(most=200))
@examples(300)
def test_hundreds_run_as_foretold(flow: RandomFlow) -> None:
    check_interpreted(flow)


@pytest.mark.scale
@pytest.mark.parametrize("engine", [interpret, run_with_kfp_local])
@given(flow=flows(least=6, most=30))
@examples(8)
def test_rehearsed_runs_are_the_local_ones(flow: RandomFlow, store: ObjectStore, engine: PipelineEngine) -> None:
    check_rehearsed(flow, store, engine)


@pytest.mark.scale
@given(flow=braids())
@examples(6)
def test_rehearsed_crossings_are_the_local_ones(flow: RandomFlow, store: ObjectStore) -> None:
    check_rehearsed(flow, store, interpret)
