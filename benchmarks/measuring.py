"""Time and peak memory of whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Command:
    """One process to measure: its arguments, folder and environment."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Measured:
    """Median seconds from start to exit, and the largest resident memory in MB of the process or one of its children.

    ``output`` is the size of what the last repetition wrote to stdout, in bytes.
    """

    seconds: float
    megabytes: float
    output: int


class Unexpected(Exception):
    """A measured command failed: its last lines."""


def measure(command: Command, times: int) -> Measured:
    """Run it ``times`` times, one after the other.

    Raises Unexpected when it fails: that is no measurement.
    """
    seconds, peaks, written = [], [], 0
    for _ in range(times):
        duration, peak, written = _once(command)
        seconds.append(duration)
        peaks.append(peak)
    return Measured(median(seconds), max(peaks), written)


def _once(command: Command) -> tuple[float, float, int]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command.arguments, cwd=command.folder, env=dict(command.environment), stdout=out, stderr=err
        )
        _, status, usage = os.wait4(process.pid, 0)
        duration = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            out.seek(0)
            err.seek(0)
            tail = (out.read() + err.read()).decode(errors="replace").strip().splitlines()[-8:]
            shown = " ".join(map(str, command.arguments))
            raise Unexpected("\n".join([f"exit code {process.returncode} of {shown[:200]}", *tail]))
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, kilobytes on Linux
        return duration, usage.ru_maxrss / unit, out.tell()
