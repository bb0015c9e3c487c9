"""Every flow of the corpus, run as a user runs it."""

from __future__ import annotations

import pytest
from command_line import Shell
from corpus_flows import CORPUS, CorpusFlow

from penstock.runtime_shim.datastore.tasks import TaskStore

pytestmark = pytest.mark.slow


def check(flow: CorpusFlow, shell: Shell, *options: str) -> None:
    """Run ``flow``, and compare what it leaves with what its file says."""
    arguments = [*flow.arguments, "--max-num-splits=1000", "--max-workers=4", *options]
    done = shell.run(str(flow.file), "run", *arguments)
    assert done.code == (1 if flow.fails_at else 0), done.err
    if flow.fails_at:
        assert f"/{flow.fails_at} ended with exit code 1" in done.err
    tasks, run = TaskStore(shell.store, flow.flow), shell.latest(flow.flow)
    for task, artifacts in flow.expected.items():
        step, _, task_id = task.partition("/")
        stored = tasks.ended(run, step, task_id).load_many(artifacts)
        assert stored == artifacts, task


def test_a_flow_leaves_what_it_says_it_leaves(corpus_flow: CorpusFlow, shell: Shell) -> None:
    check(corpus_flow, shell)


FEW = [flow for flow in CORPUS if flow.name in ("hostile_parameters", "failing_split", "everything_nested")]


@pytest.mark.parametrize("flow", FEW, ids=[flow.name for flow in FEW])
def test_fresh_processes_leave_the_same(flow: CorpusFlow, shell: Shell) -> None:
    check(flow, shell, "--isolation=process")


def test_a_flow_of_metaflow_s_runs_unchanged(shell: Shell) -> None:
    (flow,) = (flow for flow in CORPUS if flow.name == "branch_in_foreach")
    source = flow.file.read_text()
    assert "from penstock import" in source
    (shell.folder / "theirs.py").write_text(source.replace("from penstock import", "from metaflow import"))
    done = shell.run("-m", "penstock", "theirs.py", "run")
    assert done.code == 0, done.err
    step, _, task = next(iter(flow.expected)).partition("/")
    wanted = next(iter(flow.expected.values()))
    assert shell.task(flow.flow, step, task).load_many(wanted) == wanted
