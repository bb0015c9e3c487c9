"""Attempts as processes of this machine: clean directory, given environment, own process group; no image."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from penstock.backends.job_hosts.jobs import CANNOT_START, Attempt, Outcome, Place

_POLL_SECONDS = 0.01
_FULL_BYTES = 64 * 1024
_SHOWN = 100
"""Characters of a command that tell which one it is."""


class ProcessHost:
    """What the machine gives to every job, as a container host would.

    ``directory`` takes one folder per attempt, removed afterwards; ``path`` is the jobs' PATH; ``grace_seconds``
    lie between SIGTERM and SIGKILL.  Safe to use from several threads.
    """

    def __init__(self, directory: Path, path: str, grace_seconds: float) -> None:
        self.directory = directory
        self.path = path
        self.grace_seconds = grace_seconds
        self._groups: set[int] = set()

    def run(
        self,
        attempt: Attempt,
        log: Path,
        *,
        timeout: float | None,
        stop: threading.Event,
        started: Callable[[Place], None],
    ) -> Outcome:
        """Run one attempt to its end, see :meth:`JobHost.run`."""
        folder = self.directory / attempt.name
        for name in ("work", "home", "tmp"):
            (folder / name).mkdir(parents=True)
        try:
            process = self._start(attempt, folder, log)
            if isinstance(process, Outcome):
                return process
            self._groups.add(process.pid)
            started(Place(process.pid))
            outcome = self._watch(process, timeout, stop)
            # Such a process could not write why it ended.
            full = outcome.exit_code != 0 and shutil.disk_usage(folder).free < _FULL_BYTES
            return replace(outcome, reason=f"the disk that holds {self.directory} is full") if full else outcome
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _start(self, attempt: Attempt, folder: Path, log: Path) -> subprocess.Popen[bytes] | Outcome:
        """The process, or how the attempt ended where there can be none."""
        command = list(attempt.command)
        surroundings = {
            "PATH": self.path,
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "LANG": "C.UTF-8",
        }
        with log.open("wb") as output:
            try:
                return subprocess.Popen(
                    command,
                    executable=shutil.which(command[0], path=self.path) if command else None,
                    env={**surroundings, **attempt.environment},
                    cwd=folder / "work",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except (OSError, IndexError, ValueError) as error:
                output.write(f"cannot start {' '.join(command)[:_SHOWN]!r}: {error}\n".encode())
                return Outcome(CANNOT_START, f"CannotStartContainerError: {error}")

    def _watch(self, process: subprocess.Popen[bytes], timeout: float | None, stop: threading.Event) -> Outcome:
        end = None if timeout is None else time.monotonic() + timeout
        timed_out = stopped = False
        try:
            while not _is_over(process):
                stopped = stop.wait(_POLL_SECONDS)
                timed_out = not stopped and end is not None and time.monotonic() > end
                if stopped or timed_out:
                    self._terminate(process)
                    break
        finally:
            # What the container's first process leaves behind ends with it, as in a container.
            # Only then is it reaped: until then its number belongs to no other process.
            kill_group(process.pid)
            self._groups.discard(process.pid)
            process.wait()
        code = process.returncode
        exit_code = code if code >= 0 else 128 - code
        return Outcome(exit_code, "", timed_out, stopped)

    def inside(self, file: Path) -> str:
        """The same."""
        return str(file)

    def kill_all(self) -> None:
        """SIGKILL to every attempt that runs."""
        for leader in list(self._groups):
            kill_group(leader)

    def _terminate(self, process: subprocess.Popen[bytes]) -> None:
        """As a container host stops a container: SIGTERM to its first process, after a while SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        end = time.monotonic() + self.grace_seconds
        while not _is_over(process) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        kill_group(process.pid)


def _is_over(process: subprocess.Popen[bytes]) -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_group(leader: int) -> None:
    """SIGKILL to every process of the group, if there is any left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def interpreter_folder(root: Path, python: str) -> Path:
    """A folder below ``root`` with `python` and `python3`, for the PATH of jobs: scripts rather than links, since a
    link would leave the virtual environment.
    """
    folder = root / "bin"
    folder.mkdir()
    for name in ("python", "python3"):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return folder
