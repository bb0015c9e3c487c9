"""Long and wide flows for Step Functions: the document stays small, and the engine goes through with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from compiler_flows import load_file
from generated_flows import foreach, linear, nested_foreach
from machine_rig import BUCKET, Ended, Rig
from rehearsals import compiled, rehearsed
from step_functions_target import fixed_settings, states, step_counts

from penstock.backends.step_functions import BACKEND
from penstock.backends.step_functions.lowering import STATE_MACHINE
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.backends.step_functions.resolution import Chosen
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


@pytest.mark.scale
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


def light_machine(file: Path) -> dict[str, Any]:
    """The compiled machine of a flow with a Distributed Map, its jobs passing states on instead of running."""
    program = demand_program(load_file(file))
    settings = replace(fixed_settings(program), datastore_root=f"s3://{BUCKET}/light", distributed_map=True)
    machine: dict[str, Any] = json.loads(BACKEND.lower(program, settings).files[STATE_MACHINE])
    for _, state in states(machine):
        if "submitJob" in state.get("Resource", ""):
            ends = {name: state[name] for name in ("Next", "End") if name in state}
            state.clear()
            state.update({"Type": "Pass", **ends})
    return machine


def through_a_light_machine(splits: int, engine: Engine, file: Path) -> Ended:
    """The splits of a foreach from an object, each an execution of its own."""
    rig = Rig(engine)
    name = f"light-{splits}"
    rig.put(f"light/WideFlow/sfn-{name}/_record/start.splits.json", json.dumps(list(range(splits))))
    ended = rig.run(light_machine(file), name=name)
    assert ended.status == "SUCCEEDED", ended
    client = engine.client("stepfunctions")
    (map_run,) = client.list_map_runs(executionArn=ended.arn)["mapRuns"]
    counts = client.describe_map_run(mapRunArn=map_run["mapRunArn"])["itemCounts"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (splits, splits, 0)
    assert ended.output == {"r": f"sfn-{name}", "p": ""}
    return ended


@pytest.mark.slow
def test_twenty_splits_of_a_light_distributed_map(engine: Engine, flow_file: FlowFile) -> None:
    through_a_light_machine(20, engine, flow_file(foreach(20)))


@pytest.mark.scale
def test_twenty_thousand_splits_of_a_light_distributed_map(engine: Engine, flow_file: FlowFile) -> None:
    through_a_light_machine(20_000, engine, flow_file(foreach(20_000)))


@pytest.mark.scale
def test_five_hundred_jobs_of_a_distributed_map(engine: Engine, flow_file: FlowFile, tmp_path: Path) -> None:
    run = rehearsed(compiled(flow_file(foreach(500)), Chosen(distributed_map=True)), engine, tmp_path)
    assert run.done.status == "SUCCEEDED", "".join(run.lines[-20:])
    assert run.task("end").load("total") == sum(range(500))
