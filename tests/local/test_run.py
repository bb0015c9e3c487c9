"""`run`: what it says, what it leaves, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Shell, environment, plain

from penstock.runtime_shim.local_metadata import run_facts

TINY = """
import sys
from penstock import FlowSpec, Parameter, current, step


class TinyFlow(FlowSpec):
    n = Parameter("n", default=2)
    fail = Parameter("fail", default="")

    @step
    def start(self):
        print("hello")
        print("  indented", file=sys.stderr)
        self.xs = list(range(self.n))
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        if self.fail == "raise" and self.input == 1:
            raise ValueError("boom")
        if self.fail == "kill" and self.input == 1:
            import os
            os.kill(os.getpid(), 9)
        if self.fail == "leave" and self.input == 1:
            import os
            os._exit(0)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.tags = sorted(current.tags) if hasattr(current, "tags") else None
        self.seen = current.namespace
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TinyFlow()
"""


@pytest.fixture
def tiny(shell: Shell) -> Shell:
    (shell.folder / "tiny.py").write_text(TINY)
    return shell


def test_lines_are_metaflow_s(tiny: Shell) -> None:
    done = tiny.run("tiny.py", "run", "--n=1")
    assert done.code == 0, done.err
    stamps = [line[:23] for line in done.out.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", stamp) for stamp in stamps)
    # stdout and stderr are two pipes: which of two lines written at once comes first is open.
    lines = done.lines
    assert sorted(lines[2:4]) == ["[RUN/start/t (pid PID)]   indented", "[RUN/start/t (pid PID)] hello"]
    assert [*lines[:2], *lines[4:]] == [
        "Workflow starting (run-id RUN):",
        "[RUN/start/t (pid PID)] Task is starting.",
        "[RUN/start/t (pid PID)] Foreach yields 1 child steps.",
        "[RUN/start/t (pid PID)] Task finished successfully.",
        "[RUN/body/t.0 (pid PID)] Task is starting.",
        "[RUN/body/t.0 (pid PID)] Task finished successfully.",
        "[RUN/join/t (pid PID)] Task is starting.",
        "[RUN/join/t (pid PID)] Task finished successfully.",
        "[RUN/end/t (pid PID)] Task is starting.",
        "[RUN/end/t (pid PID)] Task finished successfully.",
        "Done!",
    ]
    assert re.fullmatch(
        r"Penstock \S+ executing TinyFlow for user:ann\nValidating your flow\.\.\.\n    The graph looks good!\n",
        done.err,
    )


@pytest.mark.interop
def test_the_same_flow_under_metaflow_prints_the_same_lines(tiny: Shell, metaflow_python: Path) -> None:
    theirs = tiny.folder / "theirs"
    theirs.mkdir()
    (theirs / "tiny.py").write_text(TINY.replace("from penstock", "from metaflow"))
    ran = subprocess.run(
        [str(metaflow_python), "tiny.py", "run", "--n=1"],
        cwd=theirs,
        env=environment(tiny.folder),
        capture_output=True,
        text=True,
        timeout=120,
    )
    ours = tiny.run("tiny.py", "run", "--n=1").lines

    def comparable(lines: list[str]) -> list[str]:
        """Task ids differ by design; Metaflow strips lines, and shows stderr first."""
        return sorted(re.sub(r"/[t.0-9]+ \(pid PID\)\] +", "/ID] ", line) for line in lines)

    assert comparable(ours) == comparable(plain(ran.stdout).splitlines())


def test_a_failing_step_ends_the_run_and_says_what_is_left(tiny: Shell) -> None:
    done = tiny.run("tiny.py", "run", "--fail=raise", "--max-workers=1")
    assert done.code == 1
    run = tiny.latest("TinyFlow")
    assert done.lines[-4:] == [
        "[RUN/body/t.1 (pid PID)] Task failed.",
        "Workflow failed.",
        "Terminating 0 active tasks...",
        "Not finished: body (1 of 2), join, end.",
    ]
    assert done.err.endswith(
        f"error[R171]: step `body` failed: task {run}/body/t.1 ended with exit code 1\n"
        f"  = help: `python tiny.py logs {run}/body/t.1` shows what it wrote\n"
    )
    assert "[RUN/body/t.1 (pid PID)] ValueError: boom" in done.lines


@pytest.mark.parametrize("isolation", ["fork", "process"])
@pytest.mark.parametrize(
    ("how", "said"),
    [("kill", "signal SIGKILL"), ("leave", "exit code 0, before its step had come to an end")],
)
def test_how_a_task_ended_is_said(tiny: Shell, how: str, said: str, isolation: str) -> None:
    done = tiny.run("tiny.py", "run", f"--fail={how}", f"--isolation={isolation}")
    assert done.code == 1
    assert f"task {tiny.latest('TinyFlow')}/body/t.1 ended with {said}\n" in done.err


def test_too_many_splits_are_refused_naming_the_option(tiny: Shell) -> None:
    done = tiny.run("tiny.py", "run", "--n=101")
    assert done.code == 1
    assert done.err.endswith(
        "error[R170]: the foreach in step `start` has 101 splits; this run allows 100\n"
        "  = help: raise the maximum with `--max-num-splits 101` if that many tasks are meant\n"
    )
    assert done.lines[-1] == "Not finished: body, join, end."
    assert tiny.run("tiny.py", "run", "--n=101", "--max-num-splits=101").code == 0


def test_tags_run_id_file_and_namespace(tiny: Shell) -> None:
    done = tiny.run("tiny.py", "run", "--tag=a b", "--tag", "c", "--run-id-file=id.txt", "--namespace=team:x")
    assert done.code == 0, done.err
    run = (tiny.folder / "id.txt").read_text()
    assert run == tiny.latest("TinyFlow")
    assert re.fullmatch(r"\d{16}", run)
    facts = run_facts(tiny.store, "TinyFlow", run)
    assert facts is not None
    assert facts["tags"] == ["a b", "c"]
    assert tiny.task("TinyFlow", "join").load("seen") == "team:x"


def test_parameters_are_stored_once_with_the_run(tiny: Shell) -> None:
    assert tiny.run("tiny.py", "run", METAFLOW_RUN_N="1").code == 0
    stored = json.loads(tiny.store.get(f"TinyFlow/{tiny.latest('TinyFlow')}/_input.json"))
    assert stored == {"n": 1, "fail": ""}


def test_the_command_line_beats_the_environment(tiny: Shell) -> None:
    assert tiny.run("tiny.py", "run", "--n=3", METAFLOW_RUN_N="1").code == 0
    assert tiny.task("TinyFlow", "end").load("n") == 3


def test_what_a_surrounding_task_was_told_does_not_reach_an_inner_run(tiny: Shell) -> None:
    done = tiny.run("tiny.py", "run", PENSTOCK_PARAMETERS='{"n": 7}', PENSTOCK_PLAN="/nowhere")
    assert done.code == 0, done.err
    assert tiny.task("TinyFlow", "end").load("n") == 2


def test_quiet_says_nothing_when_all_is_well(tiny: Shell) -> None:
    done = tiny.run("tiny.py", "--quiet", "run")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_what_a_task_wrote_is_kept_up_to_the_limit(flow_file: Callable[[str, str], Path], shell: Shell) -> None:
    flow_file(
        """
from penstock import FlowSpec, step


class LoudFlow(FlowSpec):
    @step
    def start(self):
        for number in range(40_000):
            print(f"{number:064d}")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoudFlow()
""",
        "loud.py",
    )
    done = shell.run("loud.py", "run", "--max-log-size=1")
    assert done.code == 0
    assert sum("0000" in line for line in done.lines) == 40_000
    kept = shell.run("loud.py", "--quiet", "logs", f"{shell.latest('LoudFlow')}/start/t").out.splitlines()
    assert 16_000 < len(kept) <= (1 << 20) // 65 + 1
    assert kept[-1] == "[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"


def test_on_a_terminal_a_table_of_the_steps_is_kept_up_to_date(tiny: Shell) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "tiny.py", "run"],
        cwd=tiny.folder,
        env=environment(tiny.folder, {"TERM": "xterm-256color", "COLUMNS": "160", "LINES": "40"}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: the other side has closed
            break
        if not data:
            break
        shown += data
    os.close(master)
    assert process.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "Task finished successfully." in text
    last = text[text.rindex("5 of 5") :]
    assert re.search(r"body +\S+ +2/2", last)
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l"), "the cursor is not given back"
