"""Random flows as workflows of Argo: by the interpreter with every pod in memory, and a few with real ones."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from argo_target import fixed_settings
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


def interpreted(source: str) -> Mapping[str, FinishedTask]:
    """The tasks of the flow, run as its manifests say; of one that Argo has no room for, nothing is asked."""
    with in_memory(source) as (walk, store):
        program = demand_program(walk.flow_class)
        assume(not has_errors(gaps(program, BACKEND)))
        bundle = BACKEND.lower(program, fixed_settings(program))
        templates = read_manifests(bundle.files[bundle.main])
        main = next(iter(templates))
        check(templates, main)
        ended = Interpreter(templates, main, lambda _: Walking(walk, plan_of(program)), "random-x7k2p").run({})
        assert (ended.phase, ended.failures) == (Phase.SUCCEEDED, ())
        return ended_tasks(store, walk.run)


def check_interpreted(flow: RandomFlow) -> None:
    assert list(wrong(flow.told, interpreted(flow.source))) == []


def check_rehearsed(flow: RandomFlow, store: ObjectStore) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flow.py"
        file.write_text(flow.source, encoding="utf-8")
        case = FlowCase("random", file, NAME)
        assume(not has_errors(gaps(demand_program(case.load()), BACKEND)))
        local = run_locally(case, Path(folder) / "local")
        assert differences(local, rehearsed(case, Path(folder) / "rehearsed", store)) == []


@pytest.fixture(autouse=True)
def _a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_USER", "conformance")


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    """One S3 for all rehearsals."""
    with ObjectStore() as running:
        yield running


@given(flows())
@examples(25)
def test_a_workflow_runs_as_foretold(flow: RandomFlow) -> None:
    check_interpreted(flow)


@given(braids())
@examples(20)
def test_branches_that_cross_in_any_way_run_to_the_end(flow: RandomFlow) -> None:
    assert "end/t" in interpreted(flow.source)


@pytest.mark.scale
@given(flows(most=200))
@examples(300)
def test_hundreds_run_as_foretold(flow: RandomFlow) -> None:
    check_interpreted(flow)


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
