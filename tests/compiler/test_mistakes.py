"""Every mistake gives its own diagnostic and nothing else, word for word.

``mistakes/<CODE>[-variant].py`` is a flow with one mistake, the ``.txt`` beside it what `check` says about it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from compiler_flows import load_file

from penstock.compiler.pipeline import compile_flow
from penstock.compiler.render import render_text

HERE = Path(__file__).parent
FOLDER = HERE / "mistakes"
FLOWS = sorted(FOLDER.glob("*.py"))
ELSEWHERE = {
    "P101": "test_frontend.py",
    "P160": "test_frontend.py",
    "P167": "test_frontend.py",
    "P301": "test_capabilities.py",
    "P302": "test_capabilities.py",
    "P303": "test_capabilities.py",
    "P304": "test_schedules.py",
    "P401": "test_capabilities.py",
    "P402": "test_capabilities.py",
}
"""Codes whose mistake does not lie in one flow file, with the test that holds their exact output."""


@pytest.mark.parametrize("file", FLOWS, ids=lambda file: file.stem)
def test_a_mistake_is_described_word_for_word(
    file: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(FOLDER)
    compiled = compile_flow(load_file(file))
    text = render_text(compiled.diagnostics)
    expected = file.with_suffix(".txt")
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert {diagnostic.code for diagnostic in compiled.diagnostics} == {file.stem.partition("-")[0]}


def test_no_golden_is_orphaned() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == {file.stem for file in FLOWS}


def test_every_code_of_the_compiler_has_a_mistake_that_shows_it() -> None:
    sources = (HERE.parent.parent / "compiler").rglob("*.py")
    said = {code for source in sources for code in re.findall(r'"(P[1-4]\d\d)"', source.read_text(encoding="utf-8"))}
    shown = {file.stem.partition("-")[0] for file in FLOWS}
    for code, test in ELSEWHERE.items():
        assert f"[{code}]" in (HERE / test).read_text(encoding="utf-8")
    assert said >= shown
    # Packaging (P31x, P41x) has its tests beside those of its targets.
    assert {code for code in said if code[:3] not in ("P31", "P41")} == shown | set(ELSEWHERE)


def test_all_mistakes_of_a_flow_are_told_at_once_from_top_to_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    compiled = compile_flow(load_file(HERE / "flows" / "several_mistakes.py"), decospecs=["retri:times=3"])
    assert [(d.code, d.label.span.line if d.label else None) for d in compiled.diagnostics] == [
        ("P150", 7),
        ("P103", 10),
        ("P134", 11),
        ("P201", 11),
        ("P110", 14),
        ("P112", 14),
        ("P130", 14),
        ("P160", None),
    ]
    assert compiled.program is None


def test_a_wrong_name_hides_no_wrong_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules about single steps and rules about the graph speak in one go; only a torn graph silences the latter."""
    flow = load_file(HERE / "flows" / "wrong_name_and_shape.py")
    assert [diagnostic.code for diagnostic in compile_flow(flow).diagnostics] == ["P210", "P102"]
