"""Attempts as processes, where the machine itself is what fails."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from penstock.backends.job_hosts.jobs import Attempt, Outcome
from penstock.backends.job_hosts.processes import ProcessHost


@pytest.mark.parametrize(("code", "reason"), [(7, "the disk that holds {folder} is full"), (0, "")])
def test_a_job_that_fails_on_a_full_disk_says_so(
    code: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "jobs"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=4096))
    attempt = Attempt(name="job.1", command=["sh", "-c", f"exit {code}"], environment={})
    host = ProcessHost(folder, "/usr/bin:/bin", 1)
    outcome = host.run(attempt, tmp_path / "log", timeout=None, stop=threading.Event(), started=lambda _: None)
    assert outcome == Outcome(code, reason.format(folder=folder))
