"""Random flows of all constructs: what is compiled runs, everywhere alike, and as was foretold from the shape alone.

The same flows every time (the Hypothesis profile is fixed); `make test-scale` has hundreds of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from compiler_flows import flow_from_text, forget, load_file
from hypothesis import given
from random_runs import RandomFlow, braids, ended_tasks, examples, flows, in_memory, wrong
from rehearsals import compiled, rehearsed
from step_functions_target import fixed_settings, step_counts
from written_flows import NAME

from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.run_comparison import StoredRun, differences
from penstock.backends.step_functions import BACKEND
from penstock.backends.step_functions.events import events_of
from penstock.backends.step_functions.layout import Layout
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.backends.step_functions.validation import problems
from penstock.compiler.capabilities import check
from penstock.compiler.diagnostics import has_errors
from penstock.compiler.pipeline import demand_program
from penstock.compiler.planning import plan_of
from penstock.runtime_shim.datastore.finished import FinishedTask
from penstock.runtime_shim.datastore.local import LocalDatastore


def walked(source: str) -> Mapping[str, FinishedTask]:
    """The tasks of the flow run by what the records say."""
    with in_memory(source) as (walk, store):
        assert [outcome.err for *_, outcome in walk.all() if outcome.code] == []
        return ended_tasks(store, walk.run)


def lowers_exactly_when_check_passes(source: str) -> None:
    try:
        program = demand_program(flow_from_text(source))
    finally:
        forget()
    assert set(plan_of(program).names) == set(program.graph.steps)
    assert not has_errors(check(program, BACKEND.info.title, BACKEND.info.capabilities)), "nothing here is a gap"
    bundle = BACKEND.lower(program, fixed_settings(program))
    document = bundle.files[bundle.main]
    assert [str(problem) for problem in problems(document)] == []
    assert step_counts(document) == dict.fromkeys(program.graph.steps, 1)


def in_a_file(source: str, folder: Path) -> FlowCase:
    file = folder / "flow.py"
    file.write_text(source, encoding="utf-8")
    return FlowCase("random", file, NAME)


def check_by_records(flow: RandomFlow) -> None:
    lowers_exactly_when_check_passes(flow.source)
    assert list(wrong(flow.told, walked(flow.source))) == []


def without_parameters(run: StoredRun) -> dict[str, FinishedTask]:
    return {name: task for name, task in run.tasks.items() if not name.startswith("_parameters/")}


def check_locally(flow: RandomFlow) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = run_locally(in_a_file(flow.source, Path(folder)), Path(folder) / "local")
        assert list(wrong(flow.told, without_parameters(run))) == []


def rehearsed_run(case: FlowCase, engine: Engine) -> StoredRun:
    done = rehearsed(compiled(case.file), engine, case.file.parent / "rehearsed")
    assert done.done.status == "SUCCEEDED", "".join(done.lines)
    return StoredRun(done.store.root, NAME, done.done.run)


def foreseen_events(case: FlowCase, run: StoredRun) -> int:
    """What the compiler and the tasks said that the run costs of its execution's history."""
    program = demand_program(load_file(case.file))
    keys = LocalDatastore(run.root).children(f"{NAME}/{run.run}/_events/run/")
    return events_of(program.root, Layout(program)).fixed + sum(int(key.rpartition("@")[2]) for key in keys)


def spent_events(run: StoredRun, engine: Engine) -> int:
    """The events that the execution has."""
    client = engine.client("stepfunctions")
    machine = next(each for each in client.list_state_machines()["stateMachines"] if each["name"] == NAME)
    arn = machine["stateMachineArn"].replace(":stateMachine:", ":execution:") + ":" + run.run.removeprefix("sfn-")
    return len(client.get_execution_history(executionArn=arn, maxResults=1000)["events"])


def check_rehearsed(flow: RandomFlow, engine: Engine) -> None:
    with tempfile.TemporaryDirectory() as folder:
        case = in_a_file(flow.source, Path(folder))
        local = run_locally(case, Path(folder) / "local")
        run = rehearsed_run(case, engine)
        assert differences(local, run) == []
        assert spent_events(run, engine) <= foreseen_events(case, run)
        if flow.told:
            assert list(wrong(flow.told, without_parameters(run))) == []


@given(flows() | flows(least=20, most=120))
@examples(70)
def test_what_is_written_compiles_and_runs_as_foretold(flow: RandomFlow) -> None:
    check_by_records(flow)


@given(braids())
@examples(40)
def test_branches_that_cross_in_any_way_run_to_the_end(flow: RandomFlow) -> None:
    lowers_exactly_when_check_passes(flow.source)
    assert "end/t" in walked(flow.source)


@given(flows(least=8))
@examples(3)
def test_a_run_on_this_machine_is_as_foretold(flow: RandomFlow) -> None:
    check_locally(flow)


@given(flow=flows(least=6, most=14))
@examples(3)
def test_a_rehearsed_run_is_the_local_one(flow: RandomFlow, engine: Engine) -> None:
    check_rehearsed(flow, engine)


@pytest.mark.scale
@given(flows(most=200))
@examples(400)
def test_hundreds_compile_and_run_as_foretold(flow: RandomFlow) -> None:
    check_by_records(flow)


@pytest.mark.scale
@given(flows(least=6, most=120))
@examples(80)
def test_many_runs_on_this_machine_are_as_foretold(flow: RandomFlow) -> None:
    check_locally(flow)


@pytest.mark.scale
@given(flow=flows(least=6, most=30))
@examples(15)
def test_many_rehearsed_runs_are_the_local_ones(flow: RandomFlow, engine: Engine) -> None:
    check_rehearsed(flow, engine)


@pytest.mark.scale
@given(flow=braids())
@examples(8)
def test_rehearsed_crossings_are_the_local_ones(flow: RandomFlow, engine: Engine) -> None:
    check_rehearsed(flow, engine)
