"""A run that Metaflow 2.0.5 made, stored beside this file, is read like any other."""

from __future__ import annotations

import hashlib
import json
import pickle
import tarfile
from pathlib import Path

import pytest

from penstock import Flow, Task, namespace
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.opening import use_in_client
from penstock.runtime_shim.datastore.tasks import NotFinished, TaskStore

ARCHIVE = Path(__file__).parent / "metaflow_2_0_5.tar.gz"
"""``.metaflow`` after `run --tag foo` of a foreach over ``xs = [1, 2]`` with Python 3.7, by the user alice."""


@pytest.fixture
def old(tmp_path: Path) -> LocalDatastore:
    with tarfile.open(ARCHIVE) as archive:
        for member in archive.getmembers():
            if member.isfile():
                target = tmp_path / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None
                target.write_bytes(content.read())
    store = LocalDatastore(str(tmp_path / ".metaflow"))
    use_in_client(store)
    namespace("user:alice")
    return store


def test_its_run_and_tasks_are_read(old: LocalDatastore) -> None:
    run = Flow("F").latest_run
    assert run is not None
    assert (run.successful, run.finished, run.user_tags) == (True, True, {"foo"})
    assert [step.id for step in run] == ["end", "j", "a", "start"]
    assert [(task.id, task.index, task.data.y) for task in run["a"]] == [("2", 0, 1), ("3", 1, 2)]
    assert run.data.t == 3
    assert run["start"].task.data.xs == [1, 2]


def test_its_output_is_read(old: LocalDatastore) -> None:
    run = Flow("F").latest_run
    assert run is not None
    assert (run["start"].task.stdout, run["end"].task.stdout, run["end"].task.stderr) == ("hello\n", "bye\n", "")


def test_its_artifacts_can_be_inputs(old: LocalDatastore) -> None:
    run = Flow("F").latest_run
    assert run is not None
    inputs = TaskStore(old, "F").finished_many(run.id, [("a", "2"), ("a", "3")])
    assert [task.load("y") for task in inputs] == [1, 2]
    assert {task.objects["y"].encoding for task in inputs} == {"gzip+pickle-v2"}
    assert all(task.ok and task.record is None and task.path is None for task in inputs)


def test_a_task_of_it_that_failed_is_no_input(old: LocalDatastore) -> None:
    """2.0 pickled False by protocol 2, and its failed tasks are marked done like others."""
    run = Flow("F").latest_run
    assert run is not None
    key = f"F/{run.id}/a/2/0.data.json"
    document = json.loads(old.get(key))
    document["objects"]["_task_ok"] = hashlib.sha1(pickle.dumps(False, 2)).hexdigest()
    old.put(key, json.dumps(document).encode())
    with pytest.raises(NotFinished, match=rf"task F/{run.id}/a/2 failed in attempt 0"):
        TaskStore(old, "F").finished(run.id, "a", "2")
    assert not Task(f"F/{run.id}/a/2").finished
