"""Tags in double braces: which are replaced, how values are written, what Argo cannot write."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.backends.argo.rehearsal.substitution import Unresolvable, go_quoted, replaced

VALUES = {
    "workflow.name": "by-hand",
    "inputs.parameters.n": "3",
    "inputs.parameters": "[]",
    "item": "n",
    "tasks.a.outputs.parameters.o": "out",
    "tasks.b.outputs.parameters.o": None,
    "hostile": 'it\'s "q" \\ \n\t é 🌊',
    "bell": "\a",
    "delete": "\x7f",
    "tag": "{{workflow.name}}",
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{workflow.name}}-{{inputs.parameters.n}}", "by-hand-3"),
        ("{{ workflow.name }}", "by-hand"),
        ("{{unknown}} {{}} {x}", "{{unknown}} {{}} {x}"),
        ("{{hostile}}", 'it\'s "q" \\ \n\t é 🌊'),
        ("{{tag}}", "{{workflow.name}}"),
        ("{{inputs.parameters.{{item}}}}", "{{inputs.parameters.n}}"),
        ("{{=asInt(inputs.parameters.n) + 1}}", "4"),
        ("{{= inputs.parameters.n == '3' ? \"yes\" : 'no' }}", "yes"),
        ("{{=workflow.name + '\"<>&'}}", 'by-hand"<>&'),
        ("{{=1 == 1}} {{=[1, 'x', true]}}", "true [1 x true]"),
        ("{{=unknown.x}}", "{{=unknown.x}}"),
        ("{{=tasks.b.outputs.parameters.o ?? 'none'}}", "none"),
        ("{{=tasks.b.outputs.parameters.o}}", "{{=tasks.b.outputs.parameters.o}}"),
    ],
)
def test_tags_are_replaced_once(text: str, result: str) -> None:
    assert replaced({"a": [text], "b": {"c": 1}}, VALUES) == {"a": [result], "b": {"c": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{tasks.z.outputs.parameters.o}}", "failed to resolve {{tasks.z.outputs.parameters.o}}"),
        ("{{=tasks.z.status}}", "failed to resolve {{=tasks.z.status}}"),
        ("{{=tasks.b.outputs.parameters.o}}", "failed to resolve {{=tasks.b.outputs.parameters.o}}: it has no value"),
        ("{{tasks.b.outputs.parameters.o}}", "has no value: its task was skipped, and the output has no default"),
        ("{{bell}}", "a value that was replaced holds a control character, which Argo cannot write as JSON"),
        ("{{delete}}", "a value that was replaced holds a control character, which Argo cannot write as JSON"),
        ("{{open", "'{{open\"}' has no end: there is no `}}` after it"),
    ],
)
def test_what_cannot_be_replaced_says_why(text: str, message: str) -> None:
    with pytest.raises(Unresolvable) as caught:
        replaced({"a": text}, VALUES, strict=("tasks.",))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('"\\', '\\"\\\\'),
        ("\a\b\f\n\r\t\v", r"\a\b\f\n\r\t\v"),
        ("\0\x1b\x7f", r"\x00\x1b\x7f"),
        ("é水🌊 ~", "é水🌊 ~"),
        ("\x85\u2028\ufeff\u200b", r"\u0085\u2028\ufeff\u200b"),
        ("\U000e0001\U0010ffff", r"\U000e0001\U0010ffff"),
        ("\ud800", "\ufffd"),
    ],
)
def test_values_are_quoted_as_go_does(text: str, quoted: str) -> None:
    assert go_quoted(text) == quoted


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20).filter(lambda text: "{{" not in text))
def test_printable_texts_arrive_as_they_are(text: str) -> None:
    assert replaced(["{{x}}"], {"x": text}) == [text]


def test_what_has_no_tag_is_not_touched() -> None:
    document: Any = {"a": "$(x) \x7f"}
    assert replaced(document, VALUES) is document
    assert json.dumps(document)
