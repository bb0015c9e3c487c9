"""Metaflow 2.19's Client reads our local runs, and ours reads Metaflow's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock import Flow, Run, namespace
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.opening import use_in_client

pytestmark = [pytest.mark.interop, pytest.mark.slow]

FLOW = """
import random
from FRAMEWORK import FlowSpec, Parameter, step

class Both(FlowSpec):
    alpha = Parameter("alpha", default=0.25)
    constant = ("a", 1)

    @step
    def start(self):
        print("héllo from start")
        self.noise = random.Random(1).randbytes(300_000)
        self.text = "again and again " * 20_000
        self.outer = ["a", "b"]
        self.next(self.outside, foreach="outer")

    @step
    def outside(self):
        self.inner = list(range(11))
        self.next(self.inside, foreach="inner")

    @step
    def inside(self):
        self.place = (self.input, self.index)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.places = [one.place for one in inputs]
        self.merge_artifacts(inputs, include=["noise", "text"])
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.all = [one.places for one in inputs]
        self.merge_artifacts(inputs, include=["noise", "text"])
        self.next(self.end)

    @step
    def end(self):
        if self.alpha > 1:
            raise ValueError("alpha is too big")
        self.total = len(self.all)

if __name__ == "__main__":
    Both()
"""

READ = """
import hashlib, json, sys
from metaflow import Flow, Run, Step, Task, namespace
from metaflow.exception import MetaflowNamespaceMismatch

def seen(run):
    tasks = {}
    for step in run:
        for task in step:
            value = lambda data: hashlib.sha1(repr(data).encode()).hexdigest()
            tasks[f"{step.id}/{task.id}"] = {
                "successful": task.successful, "finished": task.finished, "index": task.index,
                "exception": task.exception and [task.exception.type, task.exception.exception],
                "stdout": task.stdout, "values": {a.id: [a.sha, value(a.data)] for a in task},
                "stack": [list(f)[:4] for f in task["_foreach_stack"].data],
                "ended": task.finished_at is not None, "attempt": task.current_attempt,
                "code": task.code,
            }
    return {
        "id": run.id, "steps": sorted(s.id for s in run.steps()), "tasks": tasks, "successful": run.successful,
        "finished": run.finished, "tags": sorted(run.user_tags), "user": [t for t in run.system_tags if
        t.startswith("user:")], "code": run.code, "ended": run.finished_at is not None,
    }

flow = Flow("Both")
assert [r.id for r in flow.runs("well")] == [flow.latest_successful_run.id]
namespace("user:nobody")
try:
    Flow("Both")
    mismatch = False
except MetaflowNamespaceMismatch:
    mismatch = True
json.dump({"latest": seen(flow.latest_run), "well": seen(flow.latest_successful_run), "mismatch": mismatch}, sys.stdout)
"""


def execute(python: str | Path, folder: Path, *arguments: str, code: int = 0) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "PENSTOCK_"))},
        "METAFLOW_USER": "alice",
        "METAFLOW_HOME": str(folder / "no-profile"),
        "METAFLOW_CLIENT_CACHE": str(folder / "client-cache"),
    }
    command = [str(python), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def make_runs(python: str | Path, folder: Path, framework: str) -> None:
    """One run that ends well, then one that fails."""
    (folder / "both.py").write_text(FLOW.replace("FRAMEWORK", framework), encoding="utf-8")
    execute(python, folder, "both.py", "run", "--tag", "well")
    execute(python, folder, "both.py", "run", "--tag", "bad", "--alpha", "2", code=1)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of ours that ended well, and one that failed."""
    folder = tmp_path_factory.mktemp("ours")
    make_runs(sys.executable, folder, "penstock")
    return folder


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory, metaflow_python: Path) -> Path:
    """The same, made by Metaflow."""
    folder = tmp_path_factory.mktemp("theirs")
    make_runs(metaflow_python, folder, "metaflow")
    return folder


@pytest.fixture(scope="module")
def read_by_metaflow(ours: Path, metaflow_python: Path) -> Any:
    (ours / "read.py").write_text(READ, encoding="utf-8")
    return json.loads(execute(metaflow_python, ours, "read.py"))


def test_metaflow_sees_steps_tasks_and_how_they_ended(read_by_metaflow: Any) -> None:
    well = read_by_metaflow["well"]
    assert well["steps"] == ["collect", "end", "gather", "inside", "outside", "start"]
    inside = [f"inside/t.{outer}.{inner}" for outer in range(2) for inner in range(11)]
    outside = [f"{step}/t.{outer}" for step in ("outside", "gather") for outer in range(2)]
    assert sorted(well["tasks"]) == sorted([*inside, *outside, "start/t", "collect/t", "end/t"])
    assert all(
        (task["successful"], task["finished"], task["ended"], task["exception"], task["code"], task["attempt"])
        == (True, True, True, None, None, 0)
        for task in well["tasks"].values()
    )
    assert (well["successful"], well["finished"], well["ended"], well["code"]) == (True, True, True, None)
    assert well["tasks"]["inside/t.1.10"]["stack"] == [["outside", "outer", 2, 1], ["inside", "inner", 11, 10]]
    assert [well["tasks"][name]["index"] for name in ("inside/t.1.10", "gather/t.1", "start/t")] == [10, 1, None]


def test_metaflow_sees_tags_user_and_output(read_by_metaflow: Any) -> None:
    well = read_by_metaflow["well"]
    assert (well["tags"], well["user"]) == (["well"], ["user:alice"])
    assert read_by_metaflow["mismatch"]
    assert well["tasks"]["start/t"]["stdout"] == "héllo from start\n"


def test_metaflow_sees_a_failure_and_its_exception(read_by_metaflow: Any) -> None:
    latest = read_by_metaflow["latest"]
    assert latest["id"] != read_by_metaflow["well"]["id"]
    assert (latest["successful"], latest["finished"], latest["tags"]) == (False, False, ["bad"])
    end = latest["tasks"]["end/t"]
    assert (end["successful"], end["exception"]) == (False, ["builtins.ValueError", "alpha is too big"])


def test_metaflow_reads_the_same_values_as_we_do_raw_blobs_too(read_by_metaflow: Any, ours: Path) -> None:
    import hashlib

    use_in_client(store := LocalDatastore(str(ours / ".metaflow")))
    namespace("user:alice")
    well = read_by_metaflow["well"]
    ways: set[object] = set()
    for step in Run(f"Both/{well['id']}"):
        for task in step:
            for artifact in task:
                value = hashlib.sha1(repr(artifact.data).encode()).hexdigest()
                assert well["tasks"][f"{step.id}/{task.id}"]["values"][artifact.id] == [artifact.sha, value]
                facts = store.attributes(f"Both/data/{artifact.sha[:2]}/{artifact.sha}")
                ways.add((facts or {})["cas_raw"])
    assert ways == {True, False}


def test_we_read_what_metaflow_made(theirs: Path) -> None:
    use_in_client(LocalDatastore(str(theirs / ".metaflow")))
    namespace("user:alice")
    run = Flow("Both").latest_successful_run
    assert run is not None
    assert (run.successful, run.user_tags, run.code) == (True, {"well"}, None)
    assert [step.id for step in run] == ["end", "collect", "gather", "inside", "outside", "start"]
    assert run.data.all == [[(n, n) for n in range(11)]] * 2
    assert sorted(task.index for task in run["inside"]) == sorted([*range(11)] * 2)
    start = run["start"].task
    assert start is not None
    assert start.stdout == "héllo from start\n"
    assert start.metadata_dict["user"] == "alice"
    assert (start.data.alpha, start.data.constant, len(start.data.noise)) == (0.25, ("a", 1), 300_000)
    assert start.created_at < start.finished_at <= run.finished_at
    failed = Flow("Both").latest_run
    assert failed is not None
    assert (failed.id != run.id, failed.successful, failed.user_tags) == (True, False, {"bad"})
    wrapped = failed["end"].task.exception
    assert (wrapped.type, wrapped.exception) == ("builtins.ValueError", "alpha is too big")
    assert "raise ValueError" in str(wrapped)


def test_the_same_value_has_the_same_sha_in_both(ours: Path, theirs: Path) -> None:
    shas: list[dict[str, str]] = []
    for folder in (ours, theirs):
        use_in_client(LocalDatastore(str(folder / ".metaflow")))
        namespace("user:alice")
        run = Flow("Both").latest_successful_run
        assert run is not None
        end = run["end"].task
        assert end is not None
        shas.append({artifact.id: artifact.sha for artifact in end})
    assert shas[0] == shas[1]
