"""A flow's command line as a user types it: a process of its own, with a quiet environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.tasks import FinishedTask, TaskStore

_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", re.MULTILINE)
_RUN_ID = re.compile(r"\b\d{16}\b")
_PID = re.compile(r"\(pid \d+\)")


@dataclass(frozen=True)
class Outcome:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """stdout without times, with ``RUN`` and ``PID`` for what differs from run to run."""
        return plain(self.out).splitlines()


def plain(text: str) -> str:
    """``text`` without times, with ``RUN`` for run ids and ``PID`` for process ids."""
    return _PID.sub("(pid PID)", _RUN_ID.sub("RUN", _STAMP.sub("", text)))


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of a user `ann` who has configured nothing."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "PENSTOCK_", "AWS_"))
    }
    return kept | {"METAFLOW_USER": "ann", "METAFLOW_HOME": str(home / "profiles")} | dict(extra or {})


@dataclass(frozen=True)
class Shell:
    """A user's shell in ``folder``; leaving it kills what it has started and not waited for."""

    folder: Path
    jobs: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        for job in self.jobs:
            job.kill()
            with job:  # closes its pipes
                pass

    def run(self, *argv: str, timeout: float = 120, **extra: str) -> Outcome:
        """``python ARGV…`` in the folder; ``extra`` are environment variables."""
        done = subprocess.run(
            [sys.executable, *argv],
            cwd=self.folder,
            env=environment(self.folder, extra),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, *argv: str, **extra: str) -> subprocess.Popen[str]:
        """The same, without waiting; it leads a process group of its own, as a terminal's foreground job does."""
        job = subprocess.Popen(
            [sys.executable, *argv],
            cwd=self.folder,
            env=environment(self.folder, extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.jobs.append(job)
        return job

    @property
    def store(self) -> LocalDatastore:
        """The datastore that commands in the folder use."""
        return LocalDatastore(str(self.folder / ".metaflow"))

    def latest(self, flow: str) -> str:
        """The id of the run that was started last."""
        return self.store.get(f"{flow}/latest_run").decode()

    def task(self, flow: str, step: str, task: str = "t") -> FinishedTask:
        """A task of the latest run that ended, well or not."""
        return TaskStore(self.store, flow).ended(self.latest(flow), step, task)
