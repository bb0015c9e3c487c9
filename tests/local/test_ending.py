"""Ctrl-C, `kill` and failures end everything a run has started; nothing is left behind."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command_line import Shell, plain

SLEEPY = """
import os, signal, subprocess, sys, time
from penstock import FlowSpec, Parameter, step


class SleepyFlow(FlowSpec):
    deaf = Parameter("deaf", default="")
    fail = Parameter("fail", default=False)

    @step
    def start(self):
        self.xs = [0, 1]
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        if self.fail and self.input == 1:
            while not os.path.exists("go"):
                time.sleep(0.01)
            raise ValueError("boom")
        if self.deaf == "all":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        grandchild = subprocess.Popen(["sleep", "600"], preexec_fn=ignore_sigterm if self.deaf else None)
        with open(f"pids.{self.input}.new", "w") as file:
            file.write(f"{os.getpid()} {grandchild.pid}")
        os.rename(f"pids.{self.input}.new", f"pids.{self.input}")
        print("sleeping", flush=True)
        time.sleep(600)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


def ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


if __name__ == "__main__":
    SleepyFlow()
"""


@pytest.fixture
def sleepy(shell: Shell) -> Shell:
    (shell.folder / "sleepy.py").write_text(SLEEPY)
    return shell


def lives(pid: int) -> bool:
    """Whether the process runs: a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def below(pid: int) -> list[int]:
    """All processes below ``pid``, zombies included."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children] + [inner for child in children for inner in below(int(child))]


def gone(pids: list[int], seconds: float = 5) -> bool:
    """Whether all have ended, or do so soon: the kernel takes a moment."""
    deadline = time.monotonic() + seconds
    while any(map(lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(lives, pids))


def started(shell: Shell, process: subprocess.Popen[str], *tasks: int) -> list[int]:
    """Wait until the tasks sleep; every process that the run has."""
    deadline = time.monotonic() + 60
    files = [shell.folder / f"pids.{task}" for task in tasks]
    while not all(file.exists() for file in files):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    named = [int(pid) for file in files for pid in file.read_text().split()]
    assert all(map(lives, named))
    return sorted({*below(process.pid), *named})


@pytest.mark.parametrize("isolation", ["fork", "process"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_ends_tasks_and_what_they_started(
    sleepy: Shell, number: signal.Signals, isolation: str
) -> None:
    process = sleepy.start("sleepy.py", "run", f"--isolation={isolation}")
    pids = started(sleepy, process, 0, 1)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert gone(pids)
    # What a task printed just before may come in between.
    lines = [line for line in plain(out).splitlines() if not line.startswith("[RUN/")]
    assert lines[-4:] == [
        "Workflow interrupted.",
        "Terminating 2 active tasks...",
        "Ctrl-C once more kills them.",
        "Not finished: body (2 of 2), join, end.",
    ]
    assert err.endswith(f"error[R172]: the run {sleepy.latest('SleepyFlow')} was ended by {number.name}\n")


def test_the_second_ctrl_c_kills_what_does_not_listen(sleepy: Shell) -> None:
    process = sleepy.start("sleepy.py", "run", "--deaf=all")
    pids = started(sleepy, process, 0, 1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert time.monotonic() - begin < 4.5
    assert process.returncode == 1
    assert "Killing 2 remaining tasks." in plain(out)
    assert gone(pids)


def test_what_does_not_listen_is_killed_after_five_seconds(sleepy: Shell) -> None:
    process = sleepy.start("sleepy.py", "run", "--deaf=all")
    pids = started(sleepy, process, 0, 1)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert time.monotonic() - begin > 4.5
    assert gone(pids)


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_failing_task_ends_the_others(sleepy: Shell, isolation: str) -> None:
    process = sleepy.start("sleepy.py", "run", "--fail=1", f"--isolation={isolation}")
    pids = started(sleepy, process, 0)
    (sleepy.folder / "go").touch()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert gone(pids)
    assert "Terminating 1 active tasks..." in plain(out)
    assert "body/t.1 ended with exit code 1\n" in err
    stopped = sleepy.run("sleepy.py", "logs", f"{sleepy.latest('SleepyFlow')}/body/t.0").out
    assert stopped == "sleeping\n[KILLED BY ORCHESTRATOR]\n"


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_what_a_task_started_ends_with_it_even_if_it_does_not_listen(sleepy: Shell, isolation: str) -> None:
    process = sleepy.start("sleepy.py", "run", "--deaf=grandchild", f"--isolation={isolation}")
    pids = started(sleepy, process, 0, 1)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert time.monotonic() - begin < 4.8
    assert gone(pids)


def test_when_the_run_itself_is_killed_its_tasks_end_too(sleepy: Shell) -> None:
    process = sleepy.start("sleepy.py", "run")
    pids = started(sleepy, process, 0, 1)
    process.kill()
    process.communicate(timeout=20)
    assert gone(pids)


def test_when_the_process_that_forks_is_killed_the_run_says_so_and_ends_all(sleepy: Shell) -> None:
    process = sleepy.start("sleepy.py", "run")
    pids = started(sleepy, process, 0, 1)
    (server,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    os.kill(server, signal.SIGKILL)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert gone(pids)
    assert err.endswith(
        "error[R173]: the process from which tasks are forked ended (signal 9)\n"
        "  = help: `run --isolation process` starts every task as a fresh interpreter\n"
    )
    assert plain(out).splitlines()[-1] == "Not finished: body (2 of 2), join, end."


MANY = """
from penstock import FlowSpec, step


class ManyFlow(FlowSpec):
    @step
    def start(self):
        self.xs = list(range(60))
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.wait)

    @step
    def wait(self):
        import os, time
        print("ready", flush=True)
        while not os.path.exists("go"):
            time.sleep(0.02)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ManyFlow()
"""


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_tasks_that_ended_leave_no_zombie_and_no_descriptor(shell: Shell, isolation: str) -> None:
    (shell.folder / "many.py").write_text(MANY)
    process = shell.start("many.py", "run", f"--isolation={isolation}")
    assert process.stdout is not None
    shown = ""
    while " ready" not in shown:
        assert select.select([process.stdout], [], [], 60)[0]
        shown += process.stdout.readline()
    everyone = [process.pid, *below(process.pid)]
    states = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in everyone]
    assert "Z" not in states
    assert len(everyone) == (3 if isolation == "fork" else 2)  # the run, the process that forks, the waiting task
    pipes = [name for name in map(_target, _descriptors(process.pid)) if re.match("pipe:", name)]
    # Its own stdout and stderr, and those of the task that runs.
    assert len(pipes) == 4
    (shell.folder / "go").touch()
    process.communicate(timeout=30)
    assert process.returncode == 0


def _descriptors(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/fd").iterdir())


def _target(descriptor: Path) -> str:
    return os.readlink(descriptor)


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_when_the_system_gives_no_more_descriptors_the_run_says_so(shell: Shell, isolation: str) -> None:
    (shell.folder / "many.py").write_text(MANY)
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40));"
        "sys.argv = sys.argv[1:]; runpy.run_path('many.py', run_name='__main__')"
    )
    done = shell.run("-c", limited, "many.py", "run", "--max-workers=60", f"--isolation={isolation}")
    assert done.code == 1
    assert "internal error" not in done.err
    assert re.search(
        r"error\[R174\]: task \d+/body/t\.\d+ could not be started: Too many open files\n"
        r"  = help: allow fewer tasks at once than 60 \(`--max-workers`\), or raise the limit\n$",
        done.err,
    ), done.err
    assert plain(done.out).splitlines()[-1].startswith("Not finished: body (")


def test_ctrl_c_while_the_flow_file_is_imported_ends_at_once(shell: Shell) -> None:
    slow = "import sys, time\nif sys.argv[-1] != 'run':\n    open('importing', 'w').close()\n    time.sleep(600)\n"
    (shell.folder / "many.py").write_text(slow + MANY)
    process = shell.start("many.py", "run")
    deadline = time.monotonic() + 60
    while not (shell.folder / "importing").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pids = below(process.pid)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - begin < 4.5
    assert (process.returncode, err.splitlines()[-1]) == (1, "Interrupted.")
    assert gone(pids)


def test_a_reader_of_the_lines_that_leaves_ends_the_run(sleepy: Shell) -> None:
    process = sleepy.start("sleepy.py", "run", "--fail=1")
    pids = started(sleepy, process, 0)
    assert process.stdout is not None
    process.stdout.close()
    (sleepy.folder / "go").touch()
    assert process.wait(timeout=30) == 1
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert gone(pids)
