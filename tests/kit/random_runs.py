"""Random flows as files, what their runs must leave, and their runs in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from compiler_flows import flow_from_text, forget
from counting_store import CountingStore
from foretold_runs import CAUGHT, ROWS, Style, Told, TooMuch, foretell
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from named_flows import make
from random_flows import any_blocks, braided
from record_walk import Walk
from written_flows import NAME, style_of, write

from penstock.compiler.diagnostics import has_errors
from penstock.compiler.lint import lint_graph
from penstock.compiler.regions import program_of
from penstock.runtime_shim import initialize
from penstock.runtime_shim.datastore.finished import FinishedTask
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
def in_memory(source: str) -> Iterator[tuple[Walk, CountingStore]]:
    """The flow, to be run in this process and in memory."""
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
            yield InMemory(flow_from_text(source), Path("nowhere")), store
        finally:
            forget()
