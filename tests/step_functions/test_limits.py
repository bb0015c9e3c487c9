"""AWS's numbers are checked when compiling, and the messages hold them."""

from __future__ import annotations

from lowered_programs import SETTINGS, line, program

from penstock.backends.step_functions.limits import limit_problems
from penstock.backends.step_functions.lowering import lower
from penstock.compiler.program import Program, Run


def said(of: Program) -> list[str]:
    return [f"{found.code}: {found.message}" for found in limit_problems(of, lower(of, SETTINGS))]


def test_a_machine_above_one_megabyte_is_refused_with_its_size() -> None:
    of = line(2000)
    size = len(lower(of, SETTINGS).files["state-machine.json"])
    assert said(of) == [f"P410: the state machine has {size:,} bytes (2,000 steps), Step Functions takes 1,048,576"]


def test_a_machine_just_below_one_megabyte_is_not() -> None:
    of = line(1800)
    assert 1_000_000 < len(lower(of, SETTINGS).files["state-machine.json"]) <= 1_048_576
    assert said(of) == []


def test_overrides_above_8192_characters_are_refused_with_their_length() -> None:
    (found,) = said(program(Run("s" * 8_000)))
    assert found.startswith(f"P411: the container overrides of step `{'s' * 40}` have 8,")
    assert found.endswith(" characters, AWS Batch takes 8,192")
    assert said(program(Run("s" * 7_000))) == []
