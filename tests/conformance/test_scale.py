"""Long and wide flows for Step Functions: the document stays small, and the engine goes through with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compiler_flows import load_file
from generated_flows import foreach, linear, nested_foreach
from rehearsals import compiled, rehearsed
from step_functions_target import fixed_settings, step_counts

from penstock.backends.step_functions import BACKEND
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.backends.step_functions.validation import problems
from penstock.compiler.pipeline import demand_program

FlowFile = Callable[..., Path]


def document(file: Path) -> bytes:
    program = demand_program(load_file(file))
    bundle = BACKEND.lower(program, fixed_settings(program))
    return bundle.files[bundle.main]


@pytest.mark.parametrize(("steps", "most"), [(500, 450_000), (1_000, 900_000)])
def test_long_flows_stay_below_their_budget_of_bytes(steps: int, most: int, flow_file: FlowFile) -> None:
    text = document(flow_file(linear(steps)))
    assert len(text) <= most
    assert sum(step_counts(text).values()) == steps
    assert problems(text) == []


def test_deep_nesting_compiles_to_a_machine_that_can_be_read(flow_file: FlowFile) -> None:
    text = document(flow_file(nested_foreach(50)))
    assert problems(text) == []
    assert sum(step_counts(text).values()) == 102


@pytest.mark.slow
def test_fifty_steps_go_through_the_engine(engine: Engine, flow_file: FlowFile, tmp_path: Path) -> None:
    run = rehearsed(compiled(flow_file(linear(50))), engine, tmp_path)
    assert run.done.status == "SUCCEEDED", "".join(run.lines)
    assert run.done.tasks == 50
    assert run.task("end").load("count") == 50


@pytest.mark.scale
def test_five_hundred_jobs_of_one_foreach(engine: Engine, flow_file: FlowFile, tmp_path: Path) -> None:
    run = rehearsed(compiled(flow_file(foreach(500))), engine, tmp_path)
    assert run.done.status == "SUCCEEDED", "".join(run.lines[-20:])
    assert run.task("end").load("total") == sum(range(500))


@pytest.mark.scale
def test_a_thousand_steps_go_through_the_engine(engine: Engine, flow_file: FlowFile, tmp_path: Path) -> None:
    run = rehearsed(compiled(flow_file(linear(1_000))), engine, tmp_path)
    assert run.done.status == "SUCCEEDED", "".join(run.lines[-20:])
    assert run.task("end").load("count") == 1_000
