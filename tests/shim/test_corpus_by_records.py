"""Every flow of the corpus, run task by task as a scheduler does: by paths and records alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus_flows import CorpusFlow
from record_walk import Walk, load_flow


@pytest.fixture
def walk(corpus_flow: CorpusFlow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    monkeypatch.setenv("METAFLOW_USER", "tester")
    monkeypatch.delenv("PENSTOCK_PLAN", raising=False)
    walk = Walk(load_flow(corpus_flow.file, corpus_flow.flow), tmp_path / "store")
    if corpus_flow.parameters:
        walk.give(corpus_flow.parameters)
    return walk


def test_a_flow_leaves_what_it_says_it_leaves(corpus_flow: CorpusFlow, walk: Walk) -> None:
    done = walk.all()
    step, path, outcome = done[-1]
    failed = f"{step}/t{path.replace('/', '.')}" if outcome.code else None
    assert failed == corpus_flow.fails_at, outcome.err
    assert outcome.code == (1 if corpus_flow.fails_at else 0), outcome.err
    for task, artifacts in corpus_flow.expected.items():
        name, _, task_id = task.partition("/")
        finished = walk.tasks.ended(walk.run, name, task_id)
        for artifact, value in artifacts.items():
            assert finished.load(artifact) == value, (task, artifact)
