"""Compiled state machines, job definitions and refusals, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from compiler_flows import load_file
from corpus_flows import CORPUS, CorpusFlow, load
from golden import FOLDER, Golden, refuse_update_in_ci
from step_functions_target import fixed_settings

from penstock.backends.conformance import FlowCase
from penstock.backends.protocol import Bundle, gaps
from penstock.backends.step_functions import BACKEND
from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.pipeline import compile_flow, demand_program
from penstock.compiler.render import render_text

TARGET = BACKEND.info.name
REFUSED = sorted((Path(__file__).parent / "refused").glob("*.py"))
_DEFINITIONS = "job-definitions.json"
_SCHEDULE = "schedule.json"
_OF_DEFINITIONS = ("start_end", "everything_nested")
"""Job definitions differ by the flow's name alone: two are enough."""


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Golden:
    return Golden(FOLDER / TARGET, update=bool(pytestconfig.getoption("--update-golden")))


def lowered(flow: CorpusFlow) -> Bundle:
    program = demand_program(FlowCase(flow.name, flow.file, flow.flow).load())
    return BACKEND.lower(program, fixed_settings(program))


def refusal(file: Path) -> str:
    """Everything that is said when the flow is compiled for the target."""
    compiled = compile_flow(load_file(file))
    found: tuple[Diagnostic, ...] = compiled.diagnostics
    if compiled.program is not None:
        found += gaps(compiled.program, BACKEND)
    return render_text(found)


def names() -> Iterator[str]:
    yield from (f"{flow.name}.json" for flow in CORPUS)
    yield from (f"{name}.{_DEFINITIONS}" for name in _OF_DEFINITIONS)
    yield f"scheduled.{_SCHEDULE}"
    yield from (f"refusals/{file.stem}.txt" for file in REFUSED)


def test_a_compiled_flow_is_the_one_that_was_looked_at(corpus_flow: CorpusFlow, golden: Golden) -> None:
    bundle = lowered(corpus_flow)
    golden.check(f"{corpus_flow.name}.json", bundle.files[bundle.main])


@pytest.mark.parametrize("name", _OF_DEFINITIONS)
def test_job_definitions_are_the_ones_that_were_looked_at(name: str, golden: Golden) -> None:
    golden.check(f"{name}.{_DEFINITIONS}", lowered(load(name)).files[_DEFINITIONS])


def test_a_schedule_is_the_one_that_was_looked_at(golden: Golden) -> None:
    golden.check(f"scheduled.{_SCHEDULE}", lowered(load("scheduled")).files[_SCHEDULE])


@pytest.mark.parametrize("file", REFUSED, ids=[file.stem for file in REFUSED])
def test_a_refusal_is_worded_as_it_was(file: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)  # paths are shown from here
    text = refusal(file)
    assert "error[P" in text
    golden.check(f"refusals/{file.stem}.txt", text.encode())


def test_no_golden_file_belongs_to_nothing(golden: Golden) -> None:
    golden.check_names(set(names()))


def test_a_golden_file_is_compared_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\ntwo\n")
    golden = Golden(tmp_path)
    golden.check("a", b"one\ntwo\n")
    for other in (b"one\ntwo", b"one\r\ntwo\n", b"one\nTwo\n"):
        with pytest.raises(AssertionError, match="is not what comes out"):
            golden.check("a", other)


def test_missing_and_orphan_golden_files_fail(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="is missing"):
        Golden(tmp_path).check("a", b"")
    (tmp_path / "b").write_bytes(b"")
    with pytest.raises(AssertionError, match=r"golden files of nothing .*'b'"):
        Golden(tmp_path).check_names({"a"})


def test_updating_writes_and_removes(tmp_path: Path) -> None:
    golden = Golden(tmp_path, update=True)
    golden.check("new/a", b"1")
    (tmp_path / "orphan").write_bytes(b"")
    golden.check_names({"new/a"})
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()] == ["new/a"]
    Golden(tmp_path).check("new/a", b"1")


def test_updating_is_refused_on_a_build_server(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chosen:
        def getoption(self, name: str) -> bool:
            return name == "--update-golden"

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.UsageError, match="refused where CI is set"):
        refuse_update_in_ci(Chosen())  # type: ignore[arg-type]  # all it is asked for
    monkeypatch.delenv("CI")
    refuse_update_in_ci(Chosen())  # type: ignore[arg-type]  # as above
