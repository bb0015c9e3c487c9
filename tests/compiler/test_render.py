"""What diagnostics look like, to the character."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.render import render_json, render_text
from penstock.compiler.spans import Span


def shown(source: str, *labels: Label, color: bool = False, help: str = "") -> str:
    diagnostic = Diagnostic("P999", "something is wrong", labels[0], labels[1:], help)
    return render_text([diagnostic], color=color, sources={"flow.py": source})


def at(
    line: int, column: int, end_column: int, end_line: int | None = None, text: str = "", path: str = "flow.py"
) -> Label:
    return Label(Span(path, line, column, end_line or line, end_column), text)


def test_the_format_of_the_design() -> None:
    line = '        self.next({"again": self.fit, "done": self.end}, condition="verdict")'
    diagnostic = Diagnostic(
        "P301",
        "Kubeflow Pipelines cannot run a loop back to an earlier step",
        Label(Span("train.py", 31, 9, 31, len(line) + 1), "goes back to `fit`"),
        help="compile with `argo-workflows` or `step-functions`, or unroll the loop with a foreach",
    )
    source = "\n" * 30 + line + "\n"
    assert render_text([diagnostic], sources={"train.py": source}) == (
        "error[P301]: Kubeflow Pipelines cannot run a loop back to an earlier step\n"
        "  --> train.py:31:9\n"
        "   |\n"
        '31 |         self.next({"again": self.fit, "done": self.end}, condition="verdict")\n'
        "   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ goes back to `fit`\n"
        "   = help: compile with `argo-workflows` or `step-functions`, or unroll the loop with a foreach\n"
    )


def test_nothing_to_say_is_no_text() -> None:
    assert render_text([]) == ""
    assert json.loads(render_json([])) == []


def test_two_diagnostics_have_a_blank_line_between_them() -> None:
    one = Diagnostic("P999", "one")
    two = Diagnostic("R999", "two", severity=Severity.WARNING, help="do nothing")
    assert render_text([one, two]) == "error[P999]: one\n\nwarning[R999]: two\n  = help: do nothing\n"


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    source = 'x = "日本語"; e = "e\u0301"; bad\n'
    assert shown(source, at(1, 5, 10, text="wide"), at(1, 12, 20, text="combined"), at(1, 22, 25)) == (
        "error[P999]: something is wrong\n"
        " --> flow.py:1:5\n"
        "  |\n"
        '1 | x = "日本語"; e = "e\u0301"; bad\n'
        "  |     ^^^^^^^^ wide\n"
        "  |               ------- combined\n"
        "  |                        ---\n"
    )


def test_tabs_are_four_columns() -> None:
    assert shown("\t\tself.next()\n", at(1, 3, 14)) == (
        "error[P999]: something is wrong\n --> flow.py:1:3\n  |\n1 |         self.next()\n  |         ^^^^^^^^^^^\n"
    )


def test_what_steers_a_terminal_is_shown_as_a_mark() -> None:
    text = shown('x = "\x1b[2J\u202e"\n', at(1, 5, 12, text="\x1b[31m"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert 'x = "\ufffd[2J\ufffd"' in text
    assert "^^^^^^^ \ufffd[31m" in text


def test_a_stretch_of_lines_has_a_bar() -> None:
    source = "def f():\n    call(\n        a,\n    )\n"
    assert shown(source, at(2, 5, 6, 4, text="here"), at(1, 1, 6, text="in")) == (
        "error[P999]: something is wrong\n"
        " --> flow.py:2:5\n"
        "  |\n"
        "1 |   def f():\n"
        "  |   ----- in\n"
        "2 | /     call(\n"
        "3 | |         a,\n"
        "4 | |     )\n"
        "  | |_____^ here\n"
    )


def test_the_middle_of_a_long_stretch_is_left_out() -> None:
    source = "call(\n" + "".join(f"    {number},\n" for number in range(2, 12)) + ")\n"
    assert shown(source, at(1, 1, 2, 12)) == (
        "error[P999]: something is wrong\n"
        "  --> flow.py:1:1\n"
        "   |\n"
        " 1 | / call(\n"
        " 2 | |     2,\n"
        " 3 | |     3,\n"
        "...  |\n"
        "11 | |     11,\n"
        "12 | | )\n"
        "   | |_^\n"
    )


def test_one_line_between_two_labels_is_shown_and_more_are_left_out() -> None:
    source = "a\nb\nc\nd\ne\nf\n"
    assert shown(source, at(3, 1, 2), at(1, 1, 2), at(6, 1, 2, text="far"), at(3, 1, 2, text="same")) == (
        "error[P999]: something is wrong\n"
        " --> flow.py:3:1\n"
        "  |\n"
        "1 | a\n"
        "  | -\n"
        "2 | b\n"
        "3 | c\n"
        "  | ^\n"
        "  | - same\n"
        "...\n"
        "6 | f\n"
        "  | - far\n"
    )


def test_labels_in_another_file_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.py").write_text("\nclass Base: pass\n")
    assert shown("x\n", at(1, 1, 2), at(2, 1, 11, text="the base", path="base.py")) == (
        "error[P999]: something is wrong\n"
        " --> flow.py:1:1\n"
        "  |\n"
        "1 | x\n"
        "  | ^\n"
        " ::: base.py:2:1\n"
        "  |\n"
        "2 | class Base: pass\n"
        "  | ---------- the base\n"
    )


def test_without_the_source_the_place_and_the_words_remain() -> None:
    missing = at(3, 1, 2, text="this one", path="gone.py")
    assert shown("", missing, help="look elsewhere") == (
        "error[P999]: something is wrong\n --> gone.py:3:1\n  = note: line 3: this one\n  = help: look elsewhere\n"
    )


def test_an_empty_span_still_has_a_mark() -> None:
    assert shown("abc\n", at(1, 4, 4)).endswith("1 | abc\n  |    ^\n")


def test_colours_change_nothing_but_the_colour() -> None:
    labels = (at(2, 1, 2, 3, text="tall"), at(1, 1, 2))
    painted = shown("a\nb\nc\n", *labels, color=True, help="paint")
    assert painted.startswith("\x1b[1;31merror[P999]\x1b[0m\x1b[1m: something is wrong\x1b[0m\n")
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == shown("a\nb\nc\n", *labels, help="paint")
    assert render_text([Diagnostic("P999", "x", severity=Severity.WARNING)], color=True).startswith("\x1b[1;33mwarning")


def test_json_holds_every_field() -> None:
    first = Diagnostic("P201", "no such step", at(7, 19, 29, text="here"), (at(2, 1, 5, 3, "there"),), "did you mean?")
    second = Diagnostic("P521", "no queue", severity=Severity.WARNING)
    place = {"path": "flow.py", "line": 7, "column": 19, "end_line": 7, "end_column": 29}
    other = {"path": "flow.py", "line": 2, "column": 1, "end_line": 3, "end_column": 5}
    assert json.loads(render_json([first, second])) == [
        {
            "code": "P201", "severity": "error", "message": "no such step", **place, "help": "did you mean?",
            "labels": [{**place, "text": "here"}, {**other, "text": "there"}],
        },
        {
            "code": "P521", "severity": "warning", "message": "no queue", **dict.fromkeys(place), "help": "",
            "labels": [],
        },
    ]  # fmt: skip
