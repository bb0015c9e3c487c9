"""`kfp rehearse`, as a user types it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from command_line import Outcome, Shell
from corpus_flows import CORPUS, CorpusFlow

pytestmark = pytest.mark.slow
FLOWS = {flow.name: flow for flow in CORPUS}
_VARYING = (
    (re.compile(r"kfp-[0-9a-f-]{36}"), "RUN"),
    (re.compile(r"\(pid \d+\)"), "(pid PID)"),
    (re.compile(r"\d+\.\d s"), "N s"),
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A user's shell in an empty folder."""
    return Shell(tmp_path)


def rehearse(shell: Shell, flow: CorpusFlow, *options: str) -> Outcome:
    shutil.copy(flow.file, shell.folder)
    return shell.run(flow.file.name, "kfp", "rehearse", *flow.arguments, *options)


def plain(text: str) -> list[str]:
    text = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", "", text, flags=re.MULTILINE)
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text.splitlines()


@pytest.mark.parametrize("engine", ["own", "kfp-local"])
def test_a_rehearsal_shows_its_tasks_and_how_to_look_at_them(engine: str, shell: Shell) -> None:
    done = rehearse(shell, FLOWS["linear"], f"--engine={engine}")
    assert (done.code, done.err) == (0, "")
    lines = plain(done.out)
    assert lines[:3] == [
        "Rehearsal starting (run-id RUN):",
        "[RUN/start/t (pid PID)] Task is starting.",
        "[RUN/start/t] Task finished successfully (N s).",
    ]
    assert lines[-3:] == [
        f"Done: 3 tasks in N s, stored in {shell.folder / '.metaflow'}.",
        "  python linear.py dump RUN/end",
        "  python linear.py logs RUN/start",
    ]
    run = (shell.folder / ".metaflow" / "LinearFlow" / "latest_run").read_text()
    assert run.startswith("kfp-")
    assert shell.run("linear.py", "dump", f"{run}/end").code == 0


@pytest.mark.parametrize("engine", ["own", "kfp-local"])
def test_a_task_that_fails_is_told_with_its_last_lines(engine: str, shell: Shell) -> None:
    done = rehearse(shell, FLOWS["failing_step"], f"--engine={engine}")
    assert done.code == 1
    (first, *lines, last) = plain(done.err)
    assert first == "error[R180]: task RUN/divide/t failed: exit code 1"
    assert "    | ZeroDivisionError: division by zero" in lines
    assert last == "  = help: its whole output: python failing_step.py logs RUN/divide/t"


def test_a_value_that_kubeflow_would_change_is_refused_before_anything_runs(shell: Shell) -> None:
    shutil.copy(FLOWS["parameters"].file, shell.folder)
    source = (shell.folder / "parameters.py").read_text()
    name = re.search(r'Parameter\("([\w-]+)"[^\n]*default="', source)
    assert name is not None
    done = shell.run("parameters.py", "kfp", "rehearse", f"--{name[1]}={{{{$.x}}}}")
    assert done.code == 1
    assert f"error[P554]: the parameter `{name[1]}` holds `{{{{$`" in done.err
    assert not (shell.folder / ".metaflow").exists()


def test_without_kfp_the_second_engine_is_one_sentence(shell: Shell) -> None:
    (shell.folder / "kfp.py").write_text("raise ImportError('not here')\n")
    done = rehearse(shell, FLOWS["linear"], "--engine=kfp-local")
    assert done.code == 1
    assert plain(done.err) == [
        "error[P550]: kfp.local is part of kfp, which is not installed",
        "  = help: run `python -m pip install 'penstock[kfp]'`",
    ]


def test_a_retried_step_is_tried_in_its_container(shell: Shell) -> None:
    (shell.folder / "flow.py").write_text(RETRIED)
    done = shell.run("flow.py", "kfp", "rehearse")
    assert done.code == 0, done.out + done.err
    assert sum("Task is starting" in line for line in plain(done.out)) == 5  # each container once
    run = (shell.folder / ".metaflow" / "RetriedFlow" / "latest_run").read_text()
    tasks = shell.folder / ".metaflow" / "RetriedFlow" / run
    assert sorted(path.name for path in (tasks / "start" / "t").glob("*.DONE.lock")) == ["0.DONE.lock", "1.DONE.lock"]
    assert sorted(path.name for path in (tasks / "body" / "t.1").glob("*.DONE.lock")) == ["0.DONE.lock", "1.DONE.lock"]
    assert json.loads((tasks / "_tries" / "start" / "t.json").read_text()) == {"pods": 1, "number": 1, "code": None}


RETRIED = """
from penstock import FlowSpec, current, retry, step

class RetriedFlow(FlowSpec):
    @retry(times=2, minutes_between_retries=0)
    @step
    def start(self):
        if current.retry_count < 1:
            raise ValueError("again")
        self.items = [0, 1]
        self.next(self.body, foreach="items")

    @retry(times=2, minutes_between_retries=0)
    @step
    def body(self):
        if current.retry_count < 1:
            raise ValueError("again")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    RetriedFlow()
"""
