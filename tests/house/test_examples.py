"""The examples work as the README says, and the demo goes through every target."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.backends.registry import infos

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
FLOWS = sorted(file.name for file in EXAMPLES.glob("*.py") if file.name != "demo.py")

SAYS = {
    "hello.py": (["--whom=$(touch x)"], "Bonjour, $(touch x) !"),
    "manual_search.py": (['--queries=["slice of a sequence"]', "--shards=2"], "slice of a sequence: help('typesseq')"),
    "stdlib_census.py": (['--packages=["json"]'], "json  "),
    "unicode_map.py": (["--planes=5"], "plane  4:      0 names; nothing"),
}
"""Arguments for each example, and what its last step then says."""


def test_each_example_is_tried() -> None:
    assert sorted(SAYS) == FLOWS


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOWS)
def test_an_example_runs_and_passes_the_check_of_every_target(name: str, tmp_path: Path) -> None:
    arguments, said = SAYS[name]
    environment = os.environ | {"METAFLOW_HOME": str(tmp_path / "no-profile"), "METAFLOW_USER": "reader"}

    def flow(*command: str) -> str:
        answer = subprocess.run(
            [sys.executable, str(EXAMPLES / name), *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    flow("check", *(f"--target={target}" for target in infos()))
    assert said in flow("run", *arguments)
    assert [file.name for file in tmp_path.iterdir()] == [".metaflow"]


@pytest.mark.slow
def test_the_demo_shows_every_target_and_finds_all_runs_equal() -> None:
    compiled = runpy.run_path(str(EXAMPLES / "demo.py"))["COMPILE"]
    assert set(compiled) == set(infos()) - {"local"}
    answer = subprocess.run([sys.executable, str(EXAMPLES / "demo.py")], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.count("23 tasks with equal artifacts, 0 with different ones") == len(infos()) - 1
    assert len(answer.stdout.splitlines()) < 60, "two screens at most"
