"""Compiling stays small: the numbers of the design, measured on a whole process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from generated_flows import linear, nested_foreach

MEASURE = """
import os, re, runpy, sys
sys.argv = ["flow.py", "step-functions", "create", "--only-json"]
try:
    runpy.run_path("flow.py", run_name="__main__")
finally:
    # Not ru_maxrss: that counts what the process was before its exec, which is pytest.
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
    times = os.times()
    sys.stdout.flush()
    os.write(2, f"\\n{int(peak.group(1)) // 1024} {times.user + times.system}".encode())
"""


def measured(folder: Path, source: str, environment: dict[str, str]) -> tuple[bytes, int, float]:
    """What is printed, peak memory in MB, seconds of processor time."""
    (folder / "flow.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=folder, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    megabytes, seconds = done.stderr.decode().splitlines()[-1].split()
    return done.stdout, int(megabytes), float(seconds)


def test_500_linear_steps_take_little_time_memory_and_room(tmp_path: Path, environment: dict[str, str]) -> None:
    """Metaflow: 80 s, 4.8 GB, 4.8 MB.  The bound on time leaves room for a slow machine; `make bench` has the ratio."""
    document, megabytes, seconds = measured(tmp_path, linear(500), environment)
    assert len(json.loads(document)["States"]) == 501
    assert len(document) <= 450_000
    assert megabytes <= 100
    assert seconds <= 2


def test_200_nested_foreach_compile_from_the_file(tmp_path: Path, environment: dict[str, str]) -> None:
    document, megabytes, _ = measured(tmp_path, nested_foreach(200), environment)
    assert document.count(b'"Type":"Map"') == 200
    assert len(document) <= 900 * document.count(b"submitJob.sync")
    assert megabytes <= 100


@pytest.mark.slow
def test_10000_steps_are_refused_with_the_size_and_not_with_a_traceback(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "flow.py").write_text(linear(10_000))
    done = subprocess.run(
        [sys.executable, "flow.py", "step-functions", "create", "--only-json"],
        cwd=tmp_path,
        env={**environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    first, *_ = done.stderr.splitlines()
    assert first.startswith("error[P410]: the state machine has 5,")
    assert first.endswith(" bytes (10,000 steps), Step Functions takes 1,048,576")
