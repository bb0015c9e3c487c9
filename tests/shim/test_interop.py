"""Tasks of ours after tasks of Metaflow's, and what Metaflow's Client says about ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FLOW = """
from metaflow import FlowSpec, Parameter, step

class SharedFlow(FlowSpec):
    LIMIT = 5
    alpha = Parameter("alpha", default=3)

    @step
    def start(self):
        self.xs = list("abcd")
        self.next(self.explore, foreach="xs")

    @step
    def explore(self):
        self.y = (self.input, self.index, self.foreach_stack(), self.alpha, self.LIMIT)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ys = [one.y[:2] for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        if self.alpha == 3 and len(self.ys) == 1:
            raise ZeroDivisionError("on purpose")

if __name__ == "__main__":
    SharedFlow()
"""

ASK = """
import json, sys
from metaflow import Task, namespace
namespace(None)
task = Task(sys.argv[1])
print(json.dumps({
    "successful": task.successful, "finished": task.finished, "index": task.index,
    "exception": str(task.exception) if task.exception else None,
    "artifacts": {artifact.id: repr(artifact.data) for artifact in task if artifact.id not in ("xs", "name")},
}))
"""


@pytest.mark.interop
def test_our_tasks_follow_metaflows_and_its_client_reads_them(
    flow_file: Callable[[str, str], Path], metaflow_python: Path, tmp_path: Path
) -> None:
    theirs = flow_file(FLOW, "shared.py")
    ours = flow_file(FLOW.replace("from metaflow", "from penstock"), "ours/shared.py")
    environment = {**os.environ, "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path), "METAFLOW_USER": "tester"}

    def run(*command: str, code: int = 0) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout

    def ask(task: str) -> dict[str, object]:
        answer: dict[str, object] = json.loads(run(str(metaflow_python), "-c", ASK, f"SharedFlow/{run_id}/{task}"))
        return answer

    def step(name: str, task: str, inputs: str, *options: str, code: int = 0) -> str:
        command = (sys.executable, str(ours), "step", name, "--run-id", run_id, "--task-id", task)
        return run(*command, "--input-paths", f"{run_id}/{inputs}", *options, code=code)

    run(str(metaflow_python), str(theirs), "--quiet", "run", "--run-id-file", "id")
    run_id = (tmp_path / "id").read_text().strip()
    step("explore", "901", "start/1", "--split-index", "2")
    step("join", "902", "explore/:5,4,3,2")
    step("end", "903", "join/902")
    ys = repr([("d", 3), ("c", 2), ("b", 1), ("a", 0)])
    assert ask("explore/901") == {
        "successful": True,
        "finished": True,
        "index": 2,
        "exception": None,
        "artifacts": {"y": repr(("c", 2, [(2, 4, "c")], 3, 5)), "alpha": "3", "LIMIT": "5"},
    }
    assert ask("end/903")["artifacts"] == {"ys": ys, "alpha": "3", "LIMIT": "5"}

    ours.write_text(ours.read_text().replace("len(self.ys) == 1", "True"))
    step("end", "904", "join/902", code=1)
    failed = ask("end/904")
    assert (failed["successful"], failed["finished"]) == (False, False)
    assert "ZeroDivisionError: on purpose" in str(failed["exception"])
