"""What a failure says, to the letter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from penstock.runtime_shim.failures import Failure

LOST = """\
from penstock import FlowSpec, step


class LostFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.lost)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LostFlow()
"""

REFUSED = """\
error[P201]: step `start` goes to `lost`, which is no step of the flow
 --> flow.py:7:19
  |
7 |         self.next(self.lost)
  |                   ^^^^^^^^^
  = help: add a method `lost` decorated with `@step`
"""


def test_a_failure_without_a_code_of_its_own_is_r100() -> None:
    assert (
        str(Failure("the pipe burst", help="close the valve"))
        == "error[R100]: the pipe burst\n  = help: close the valve"
    )


def test_a_step_of_a_flow_with_errors_shows_what_check_shows(tmp_path: Path) -> None:
    """R125: compiled because there is no plan, and refused; a retry would not help."""
    (tmp_path / "flow.py").write_text(LOST, encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "flow.py", "step", "start", "--run-id=1", "--split-path="],
        cwd=tmp_path,
        env=os.environ | {"METAFLOW_HOME": str(tmp_path), "METAFLOW_USER": "ada"},
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout, answer.stderr.rstrip()) == (202, "", REFUSED.rstrip())
