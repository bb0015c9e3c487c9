"""`--distributed-map`: every outermost foreach reads its items from an object, and each iteration is an execution."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lowered_programs import SETTINGS, all_states, nested, order, program

from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.run_comparison import StoredRun, differences
from penstock.backends.step_functions.compilation import compile_for_step_functions
from penstock.backends.step_functions.lowering import STATE_MACHINE, lower
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.backends.step_functions.rehearsal.rehearsing import rehearsal_settings, rehearse
from penstock.backends.step_functions.resolution import Chosen
from penstock.backends.step_functions.validation import problems
from penstock.cli.state import CliState
from penstock.compiler.program import Branches, Each, Program, Region, Run
from penstock.runtime_shim.datastore.local import LocalDatastore

DISTRIBUTED = replace(SETTINGS, distributed_map=True)
FLOW = """\
from penstock import FlowSpec, step


class WideFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = list(range(20))
        self.next(self.each, foreach="numbers")

    @step
    def each(self):
        self.number = self.input
        self.letters = list("ab")[: self.number % 3]
        self.next(self.inner, foreach="letters")

    @step
    def inner(self):
        self.text = f"{self.number}{self.input}"
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.texts = [each.text for each in inputs]
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.texts = [each.texts for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WideFlow()
"""


def machine(of: Program) -> dict[str, Any]:
    text = lower(of, DISTRIBUTED).files[STATE_MACHINE]
    assert [str(problem) for problem in problems(text)] == []
    document: dict[str, Any] = json.loads(text)
    return document


def own_variables(document: dict[str, Any], step: str) -> dict[str, str]:
    state = next(state for name, state, _ in all_states(document) if name == step)
    entries = state["Parameters"]["ContainerOverrides"]["Environment"]
    return {entry["Name"]: entry["Value"] for entry in entries if "Value" in entry and entry["Name"] != "PENSTOCK_STEP"}


def test_the_outermost_foreach_is_distributed_and_reads_its_items_from_an_object() -> None:
    document = machine(nested(2))
    assert order(document) == ["put input", "start", "open_0", "open_0 foreach", "join_0", "end"]
    outer = document["States"]["open_0 foreach"]
    assert outer["ItemReader"] == {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {
            "Bucket": "bucket",
            "Key.$": "States.Format('metaflow/TestFlow/{}/_record/open_0{}.splits.json', $.r, $.p)",
        },
    }
    assert "ItemsPath" not in outer
    assert outer["ResultPath"] is None
    assert "ToleratedFailurePercentage" not in outer  # one that fails is too many
    assert outer["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert order(outer["ItemProcessor"]) == ["open_1", "open_1 splits", "open_1 foreach", "join_1"]
    inner = outer["ItemProcessor"]["States"]["open_1 foreach"]
    assert "ProcessorConfig" not in inner["ItemProcessor"]
    assert inner["ItemsPath"] == "$.splits"


def test_each_foreach_of_a_branch_is_outermost() -> None:
    branch = Region((Run("a"), Each("a", Region((Run("body"),)), "close"), Run("close")))
    document = machine(program(Run("start"), Branches("start", (branch, Region((Run("b"),))), "join"), Run("join")))
    (mapped,) = [state for _, state, _ in all_states(document) if state["Type"] == "Map"]
    assert "ItemReader" in mapped


def test_openers_know_whose_history_they_spend() -> None:
    document = machine(nested(3))
    assert own_variables(document, "open_0") == {"PENSTOCK_SPLITS_OBJECT": "1"}
    for inner in ("open_1", "open_2"):
        assert own_variables(document, inner) == {
            "PENSTOCK_EVENTS_PER_SPLIT": f"{2 + 6 + (5 + 4 + 6) * (inner == 'open_1')}+{2 + 6 + (5 + 4) + 6}",
            "PENSTOCK_OWN_HISTORY": "1",
        }
    assert own_variables(document, "start") == own_variables(document, "body") == {}


@pytest.mark.slow
def test_a_distributed_run_is_the_local_one(
    flow_file: Callable[[str, str], Path], engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METAFLOW_USER", "conformance")
    case = FlowCase("wide", flow_file(FLOW, "wide.py"), "WideFlow")
    local = run_locally(case, tmp_path / "local")
    state = CliState(case.load(), (str(case.file),))
    compiled = compile_for_step_functions(state, Chosen(distributed_map=True), amend=rehearsal_settings)
    target = LocalDatastore(str(tmp_path / "rehearsed" / ".metaflow"))
    done = rehearse(compiled, {}, engine, target, write=lambda _: None)
    assert done.status == "SUCCEEDED"
    assert differences(local, StoredRun(target.root, case.flow, done.run), None) == []
