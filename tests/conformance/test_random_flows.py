"""Random flows of all constructs: what is compiled runs, everywhere alike, and as was foretold from the shape alone.

The same flows every time (the Hypothesis profile is fixed); `make test-scale` has hundreds of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from compiler_flows import flow_from_text, forget, load_file
from counting_store import CountingStore
from foretold_runs import CAUGHT, ROWS, Style, Told, TooMuch, foretell
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from named_flows import make
from random_flows import any_blocks, braided
from record_walk import Walk
from rehearsals import compiled, rehearsed
from step_functions_target import fixed_settings, step_counts
from written_flows import NAME, style_of, write

from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.run_comparison import StoredRun, differences
from penstock.backends.step_functions import BACKEND
from penstock.backends.step_functions.events import events_of
from penstock.backends.step_functions.layout import Layout
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.backends.step_functions.validation import problems
from penstock.compiler.capabilities import check
from penstock.compiler.diagnostics import has_errors
from penstock.compiler.lint import lint_graph
from penstock.compiler.pipeline import demand_program
from penstock.compiler.planning import plan_of
from penstock.compiler.regions import program_of
from penstock.runtime_shim import initialize
from penstock.runtime_shim.datastore.finished import FinishedTask
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.tasks import TaskStore
from penstock.runtime_shim.scope import LEVEL, PRIVATE
from penstock.runtime_shim.wrapped_exceptions import MetaflowExceptionWrapper


class RandomFlow:
    """``told`` is what its run must leave, by ``step/task``; of a flow without it nothing is foretold."""

    def __init__(self, source: str, told: Mapping[str, Told] | None = None) -> None:
        self.source = source
        self.told = told or {}

    def __repr__(self) -> str:
        return self.source[self.source.index(f"class {NAME}") :]


@st.composite
def flows(draw: st.DrawFn, least: int = 2, most: int = 60) -> RandomFlow:
    """Flows whose run has so many tasks."""
    made = make(draw(any_blocks), merged=draw(st.booleans()))
    style = style_of(made.transitions, draw(st.integers(0, 999)))
    told: Mapping[str, Told] = {}
    try:
        told = foretell(made, style, most)
    except TooMuch:
        assume(False)
    assume(len(told) >= least)
    return RandomFlow(write(made.transitions, made.joins, made.choosing, style), told)


@st.composite
def braids(draw: st.DrawFn) -> RandomFlow:
    """Files of flows whose branches cross in any way that is not refused."""
    graph = draw(braided())
    assume(not any(step.is_join and len(list(graph.successors(step.name))) > 1 for step in graph.steps.values()))
    assume(not has_errors(lint_graph(graph)) and program_of(graph)[0] is not None)
    transitions = {name: step.transition for name, step in graph.steps.items() if name != "end"}
    joins = {name for name, step in graph.steps.items() if step.is_join}
    style = style_of(transitions, draw(st.integers(0, 999)))
    return RandomFlow(write(transitions, joins, {}, Style(style.over, style.written, frozenset(), frozenset())))


def examples(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many of them; a failing one is made smaller, which takes time, but says most."""
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
    return settings(
        max_examples=count, deadline=None, suppress_health_check=checks, phases=[Phase.generate, Phase.shrink]
    )


def wrong(told: Mapping[str, Told], tasks: Mapping[str, FinishedTask]) -> Iterator[str]:
    """Sentences about everything in which tasks are not as foretold."""
    if told.keys() != tasks.keys():
        yield f"missing: {sorted(told.keys() - tasks.keys())}, unforeseen: {sorted(tasks.keys() - told.keys())}"
    for name in told.keys() & tasks.keys():
        wanted, task = told[name].artifacts, tasks[name]
        parents = tuple(wanted["came"]) or (("_parameters/t",) if name == "start/t" else ())
        if task.record is None or task.record.parents != parents:
            yield f"{name}: its record is {task.record}, its parents are {parents}"
        kept = {key for key in task.objects if key not in PRIVATE and not key.startswith((LEVEL, "__"))}
        if kept != {*wanted, "rows"}:
            yield f"{name}: its artifacts are {sorted(kept)}, not {sorted(wanted)}"
            continue
        for artifact, value in task.load_many([*wanted, "rows"]).items():
            expected = ROWS if artifact == "rows" else wanted[artifact]
            if (CAUGHT if isinstance(value, MetaflowExceptionWrapper) else value) != expected:
                yield f"{name}: `{artifact}` is {value!r}, not {expected!r}"


def ended_tasks(store: Datastore, run: str) -> dict[str, FinishedTask]:
    """Every task of a run, ended well, by ``step/task``."""
    tasks, prefix = TaskStore(store, NAME), f"{NAME}/{run}/"
    steps = [step for step in store.children(prefix) if not step.startswith("_")]
    return {
        f"{step}/{task}": tasks.finished(run, step, task)
        for step in steps
        for task in store.children(f"{prefix}{step}/")
    }


@contextmanager
def walked(source: str) -> Iterator[CountingStore]:
    """The flow run in this process and in memory, by what the records say."""
    store = CountingStore()

    class InMemory(Walk):
        @property
        def store(self) -> Datastore:
            return store

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initialize, "open_datastore", lambda kind, root, configuration: store)
        patch.setenv("METAFLOW_USER", "tester")
        patch.delenv("PENSTOCK_PLAN", raising=False)
        try:
            done = InMemory(flow_from_text(source), Path("nowhere")).all()
        finally:
            forget()
    assert [outcome.err for *_, outcome in done if outcome.code] == []
    yield store


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
    with walked(flow.source) as store:
        assert list(wrong(flow.told, ended_tasks(store, "1"))) == []


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


@pytest.fixture(autouse=True)
def _a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_USER", "conformance")


@given(flows() | flows(least=20, most=120))
@examples(70)
def test_what_is_written_compiles_and_runs_as_foretold(flow: RandomFlow) -> None:
    check_by_records(flow)


@given(braids())
@examples(40)
def test_branches_that_cross_in_any_way_run_to_the_end(flow: RandomFlow) -> None:
    lowers_exactly_when_check_passes(flow.source)
    with walked(flow.source) as store:
        assert "end/t" in ended_tasks(store, "1")


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
