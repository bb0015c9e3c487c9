"""Compiled pipelines and refusals, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from compiler_flows import load_file
from corpus_flows import CORPUS, CorpusFlow
from golden import FOLDER, Golden
from kubeflow_target import fixed_settings, schema_problems

from penstock.backends.conformance import FlowCase
from penstock.backends.kubeflow import BACKEND, executors
from penstock.backends.protocol import gaps
from penstock.compiler.diagnostics import has_errors
from penstock.compiler.packaging import bootstrap
from penstock.compiler.pipeline import compile_flow
from penstock.compiler.render import render_text

REFUSED = sorted((Path(__file__).parent / "refused").glob("*.py"))
_WHOLE = "start_end"
"""The program that a container starts with is the same in all pipelines: one golden file has it."""


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Golden:
    return Golden(FOLDER / BACKEND.info.name, update=bool(pytestconfig.getoption("--update-golden")))


def compiled(flow_class: type) -> tuple[str, bytes]:
    """The name's ending and the bytes of what comes out: a pipeline, or what is said instead."""
    found = compile_flow(flow_class)
    diagnostics = found.diagnostics
    if found.program is not None:
        diagnostics += gaps(found.program, BACKEND)
    if found.program is None or has_errors(diagnostics):
        return "txt", render_text(diagnostics).encode()
    bundle = BACKEND.lower(found.program, fixed_settings(found.program))
    assert schema_problems(bundle.files[bundle.main]) == []
    return "yaml", bundle.files[bundle.main]


def names() -> Iterator[str]:
    for flow in CORPUS:
        yield f"{flow.name}.{compiled(FlowCase(flow.name, flow.file, flow.flow).load())[0]}"
    yield from (f"refusals/{file.stem}.txt" for file in REFUSED)


def test_a_compiled_flow_is_the_one_that_was_looked_at(
    corpus_flow: CorpusFlow, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus_flow.file.parent)  # paths are shown from here
    if corpus_flow.name != _WHOLE:
        monkeypatch.setattr(executors, "bootstrap", lambda: "…")
    ending, data = compiled(FlowCase(corpus_flow.name, corpus_flow.file, corpus_flow.flow).load())
    golden.check(f"{corpus_flow.name}.{ending}", data)
    assert (bootstrap().splitlines()[0].encode() in data) is (corpus_flow.name == _WHOLE)


@pytest.mark.parametrize("file", REFUSED, ids=[file.stem for file in REFUSED])
def test_a_refusal_is_worded_as_it_was(file: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)  # paths are shown from here
    found = compile_flow(load_file(file))
    assert found.program is not None
    text = render_text((*found.diagnostics, *gaps(found.program, BACKEND)))
    assert f"[{file.stem}]" in text
    golden.check(f"refusals/{file.stem}.txt", text.encode())


def test_no_golden_file_belongs_to_nothing(golden: Golden) -> None:
    golden.check_names(set(names()))
