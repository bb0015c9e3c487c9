"""Conditions of workflows: the values that Argo's two languages give them, and what a rehearsal refuses."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.backends.argo.rehearsal.expressions import compiled, condition_holds, truth
from penstock.backends.argo.rehearsal.operations import BadExpression

NAMES = {
    "lastRetry": {"exitCode": "1", "status": "Failed", "message": "exit code 1"},
    "a": {"Succeeded": True, "Failed": False},
    "n": 3,
    "nothing": None,
    "list": ["x", "y"],
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lastRetry.exitCode != '202' && lastRetry.exitCode != '1'", False),
        ("asInt(lastRetry.exitCode) == 1", True),
        ("asInt(lastRetry.exitCode) not in [202, 203]", True),
        ("int(lastRetry.exitCode) in [1]", True),
        ("lastRetry['status'] == \"Failed\" and not a.Failed", True),
        ("lastRetry.exitCode == 1", False),
        ("lastRetry.message contains 'code'", True),
        ("lastRetry.message startsWith 'exit' or lastRetry.message endsWith 'x'", True),
        ("lastRetry.message matches '^exit code [0-9]+$'", True),
        ("(a.Succeeded || a.Failed) && !(a.Failed)", True),
        ("nothing ?? 'so'", "so"),
        ("lastRetry.other == nil", True),
        ("list[1] + '!'", "y!"),
        ("len(list) * 2 - 1 >= n ? 'many' : 'few'", "many"),
        ("'z' not in list", True),
        ("1 == true", False),
        ("-n + 1.5e1", 12.0),
        ("fromJSON('[1]')[0] == 1 && toJson(list) == '[\"x\",\"y\"]'", True),
        (r"'it\'s' + " + r'"\t\""', "it's\t\""),
        ("5 % 2 == 1 && 1 < 2 && 2 <= 2 && 3 > 2", True),
    ],
)
def test_expressions_have_the_values_of_the_expr_language(text: str, value: Any) -> None:
    assert compiled(text)(NAMES) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("other", "there is no `other`"),
        ("a.Succeeded ||", "`a.Succeeded ||` cannot be read: it ends too early"),
        ("a.Succeeded)", "`a.Succeeded)` cannot be read: `)` is not expected"),
        ("a # b", "`a # b` cannot be read from `# b` on"),
        ("sprig.trim('x')", "cannot be read: `(` is not expected"),
        ("upper('x')", "a rehearsal knows no function `upper` of 1 arguments"),
        ("asInt('x')", 'asInt("x") has no value'),
        ("1 < 'x'", '`<` cannot be applied to 1 and "x"'),
        ("true < 2", "`<` cannot be applied to true and 2"),
        ("n && true", "3 is neither true nor false"),
        ("-list", '["x", "y"] is no number'),
        ("n.x", '3 has no "x"'),
        ("list[9]", '["x", "y"] has no 9'),
        ("n contains 'x'", '`contains` cannot be applied to 3 and "x"'),
        ("1 / 0", "`/` cannot be applied to 1 and 0"),
        ("if == 1", "`if == 1` cannot be read: `if` is not expected"),
        (r"'\q'", r"the text '\q' cannot be read"),
    ],
)
def test_what_has_no_value_says_why(text: str, message: str) -> None:
    with pytest.raises(BadExpression) as caught:
        compiled(text)(NAMES)
    assert message in str(caught.value)


def test_a_condition_is_true_or_false() -> None:
    assert truth("n == 3", NAMES) is True
    with pytest.raises(BadExpression, match="`n` is no condition: it gives 3"):
        truth("n", NAMES)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("train == train", True),
        ("'train' == 'test'", False),
        ("train != ''", True),
        ("größe == größe", True),
        ("train in ('test', 'train')", True),
        ("x == y || (3 > 2 && !false)", True),
        ("abc =~ '^a' && abc !~ '^b'", True),
        ("'{{tasks.a.outputs.parameters.next}}' == 'x'", False),
        ("'a' == 1", False),
    ],
)
def test_a_when_takes_names_for_texts(text: str, holds: bool) -> None:
    assert condition_holds(text) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train", '`train` is no condition: it gives "train"'),
        ("a-b == a-b", '`-` cannot be applied to "a" and "b"'),
        (" == x", "` == x` cannot be read: `==` is not expected"),
        ("a.b == c", '"a" has no "b"'),
    ],
)
def test_a_when_that_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadExpression) as caught:
        condition_holds(text)
    assert str(caught.value) == message
