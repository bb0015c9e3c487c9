"""Conditions of tasks, as the Common Expression Language reads them."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.backends.kubeflow.rehearsal.conditions import BadCondition, holds

INPUTS = {"next": "x", "n": 3, "f": 2.5, "b": True, "quote": 'it\'s "x"\n'}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("inputs.parameter_values['next'] == 'x'", True),
        ('inputs.parameter_values["next"]=="y"', False),
        ("inputs.parameter_values['next'] != 'y'", True),
        ("inputs.parameter_values['n'] >= 3 && inputs.parameter_values['n'] < 4", True),
        ("inputs.parameter_values['f'] > 2", True),
        ("int(inputs.parameter_values['n']) == 3", True),
        ("string(inputs.parameter_values['n']) == '3'", True),
        ("inputs.parameter_values['b']", True),
        ("!inputs.parameter_values['b'] || !(false)", True),
        ("true || false && false", True),
        ("(true || false) && false", False),
        (r"inputs.parameter_values['quote'] == 'it\'s \"x\"\n'", True),
        (r"'\x41\u00e9\U0001f600' == 'Aé😀'", True),
        ("-1.5 < -1", True),
    ],
)
def test_what_a_condition_means(condition: str, expected: bool) -> None:
    assert holds(condition, INPUTS) is expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("inputs.parameter_values['other'] == 'x'", "the task has no input 'other'"),
        ("inputs.parameter_values['n'] == '3'", "compares two types"),
        ("inputs.parameter_values['next']", "is 'x', neither true nor false"),
        ("'x' && true", "neither true nor false"),
        ("'x' ==", "ends too early"),
        ("inputs.parameter_values['next'", "']' is missing"),
        ("true true", "'true' is not expected"),
        ("size('x') == 1", "'size' means nothing"),
        ("int('x') == 1", "'x' is no int"),
        ("true ? 1 : 2", "cannot be read"),
        ("(" * 200 + "true" + ")" * 200, "nested too deep"),
    ],
)
def test_a_condition_that_cannot_be_evaluated_says_why(condition: str, message: str) -> None:
    with pytest.raises(BadCondition, match=message.replace("'[", "'\\[").replace("]'", "\\]'")):
        holds(condition, INPUTS)


def test_nothing_of_a_condition_is_executed() -> None:
    hostile: Any = "__import__('os').system('true')"
    with pytest.raises(BadCondition):
        holds(hostile, INPUTS)
