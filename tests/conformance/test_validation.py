"""The validator of state machines: good definitions pass, and each way to break one is found, at its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from broken_machines import BROKEN, GOOD, Break
from corpus_flows import load
from step_functions_target import fixed_settings

from penstock.backends.conformance import FlowCase
from penstock.backends.step_functions import BACKEND
from penstock.backends.step_functions.validation import DEFINITION_BYTES, problems
from penstock.compiler.pipeline import demand_program


def test_a_good_definition_passes() -> None:
    assert problems(json.dumps(GOOD)) == []


@pytest.mark.parametrize("wrong", BROKEN, ids=[wrong.name for wrong in BROKEN])
def test_each_way_to_break_it_is_found_at_its_place(wrong: Break) -> None:
    found = problems(json.dumps(wrong.machine()))
    assert [each for each in found if each.where == wrong.place and wrong.message in each.message], list(
        map(str, found)
    )


@pytest.mark.parametrize("text", ["", "[", "null", "[]", '"x"', "{}", '{"StartAt": "a", "States": {"a": 1}}'])
def test_what_is_no_state_machine_at_all_is_told(text: str) -> None:
    assert problems(text)


def test_a_definition_above_one_megabyte_is_told_with_its_size() -> None:
    document = {**GOOD, "Comment": "é" * (DEFINITION_BYTES // 2)}
    (problem,) = problems(json.dumps(document, ensure_ascii=False))
    assert str(problem).endswith("1,048,576 are allowed")


def test_a_deeply_nested_definition_is_read() -> None:
    inside: dict[str, Any] = {"StartAt": "s", "States": {"s": {"Type": "Succeed"}}}
    for level in range(100):
        inside = {
            "StartAt": f"m{level}",
            "States": {f"m{level}": {"Type": "Map", "ItemProcessor": inside, "End": True}},
        }
    assert problems(json.dumps(inside)) == []


def test_breaking_a_compiled_machine_anywhere_is_found() -> None:
    """Every Next and every path of a compiled machine matters: none can be misspelt without a word."""
    flow = load("everything_nested")
    program = demand_program(FlowCase(flow.name, flow.file, flow.flow).load())
    bundle = BACKEND.lower(program, fixed_settings(program))
    text = bundle.files[bundle.main].decode()
    assert problems(text) == []
    broken = 0
    for old, new in (
        ('"Next":"', '"Next":"x'),
        ('"StartAt":"', '"StartAt":"x'),
        ('"JobQueue"', '"jobQueue"'),
        ('"Key.$"', '"Key"'),
        ("$$.Map.Item.Value", "$$.Map.Item.Val"),
        ("$$.Execution.Name", "$$.Execution.name"),
        ('"End":true', '"End":false'),
        ("'sfn-{}'", "'sfn-{}{}'"),
    ):
        at = text.find(old)
        while at >= 0:
            assert problems(text[:at] + new + text[at + len(old) :]), (old, at)
            broken += 1
            at = text.find(old, at + 1)
    assert broken > 40
