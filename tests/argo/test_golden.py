"""Compiled manifests and refusals, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argo_target import fixed_settings, objects_of, schema_problems
from compiler_flows import load_file
from corpus_flows import CORPUS, CorpusFlow
from golden import FOLDER, Golden

from penstock.backends.argo import BACKEND, leaves
from penstock.backends.argo.lowering import CRON_WORKFLOW
from penstock.backends.conformance import FlowCase
from penstock.backends.protocol import gaps
from penstock.compiler.diagnostics import has_errors
from penstock.compiler.packaging import bootstrap
from penstock.compiler.pipeline import compile_flow
from penstock.compiler.render import render_text

HERE = Path(__file__).parent
REFUSED = sorted((HERE / "refused").glob("*.py"))
SCHEDULED = HERE / "flows" / "nightly.py"
_WHOLE = "start_end"
"""The program that a container starts with is the same in all templates: one golden file has it."""


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Golden:
    return Golden(FOLDER / BACKEND.info.name, update=bool(pytestconfig.getoption("--update-golden")))


def compiled(flow_class: type) -> dict[str, bytes]:
    """What comes out by the names' endings: the manifests, or what is said instead."""
    found = compile_flow(flow_class)
    diagnostics = found.diagnostics
    if found.program is not None:
        diagnostics += gaps(found.program, BACKEND)
    if found.program is None or has_errors(diagnostics):
        return {"txt": render_text(diagnostics).encode()}
    bundle = BACKEND.lower(found.program, fixed_settings(found.program))
    assert schema_problems(objects_of(bundle)) == []
    cron = {"cron.yaml": bundle.files[CRON_WORKFLOW]} if CRON_WORKFLOW in bundle.files else {}
    return {"yaml": bundle.files[bundle.main], **cron}


def names() -> Iterator[str]:
    for flow in CORPUS:
        found = compile_flow(FlowCase(flow.name, flow.file, flow.flow).load())
        assert found.program is not None
        yield f"{flow.name}.{'txt' if has_errors(gaps(found.program, BACKEND)) else 'yaml'}"
    yield from (f"{SCHEDULED.stem}.yaml", f"{SCHEDULED.stem}.cron.yaml")
    yield from (f"refusals/{file.stem}.txt" for file in REFUSED)


def test_a_compiled_flow_is_the_one_that_was_looked_at(
    corpus_flow: CorpusFlow, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus_flow.file.parent)  # paths are shown from here
    if corpus_flow.name != _WHOLE:
        monkeypatch.setattr(leaves, "bootstrap", lambda: "…")
    files = compiled(FlowCase(corpus_flow.name, corpus_flow.file, corpus_flow.flow).load())
    for ending, data in files.items():
        golden.check(f"{corpus_flow.name}.{ending}", data)
    whole = b"".join(files.values())
    assert (bootstrap().splitlines()[0].encode() in whole) is (corpus_flow.name == _WHOLE)


def test_a_schedule_is_a_cron_workflow(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves, "bootstrap", lambda: "…")
    files = compiled(load_file(SCHEDULED))
    assert set(files) == {"yaml", "cron.yaml"}
    for ending, data in files.items():
        golden.check(f"{SCHEDULED.stem}.{ending}", data)


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
