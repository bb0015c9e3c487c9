"""What a task leaves, what of it is trusted, and what it costs."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as FilePath

import pytest

from penstock.runtime_shim.datastore.finished import NoSuchArtifact
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.protocol import Attributes, Data, Datastore, Put
from penstock.runtime_shim.datastore.tasks import AttemptWriter, NotFinished, TaskStore
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.records import Record, record_key
from penstock.runtime_shim.serialization import BrokenArtifact

RECORD = Record("1", Path(), ("end",), None, ("start/t",))


class Killed(BaseException):
    """The process is gone."""


class WatchedStore(LocalDatastore):
    """Remembers what is written and dies before write number ``dies_before``."""

    kind = "watched"

    def __init__(self, root: str, dies_before: int = 10_000) -> None:
        super().__init__(root)
        self.written: list[str] = []
        self.dies_before = dies_before

    def put(self, key: str, data: Data, attributes: Attributes | None = None) -> None:
        self._live(key)
        super().put(key, data, attributes)

    def put_if_absent(self, key: str, data: Data, attributes: Attributes | None = None) -> bool:
        self._live(key)
        return super().put_if_absent(key, data, attributes)

    def put_blobs(self, objects: Iterable[Put]) -> None:
        self.put_many(objects)

    def _live(self, key: str) -> None:
        if len(self.written) >= self.dies_before:
            raise Killed
        self.written.append(key.removeprefix("F/"))


def run_task(store: Datastore, value: object, *, task: str = "t", path: Path | None = None) -> AttemptWriter:
    writer = TaskStore(store, "F").begin("1", "a", task, path=path or Path())
    if writer.already_done is not None:
        writer.rewrite()
        return writer
    writer.save({"x": value, "_transition": (["end"], None)})
    writer.commit(RECORD, [("end", "t")])
    return writer


def test_a_finished_task_is_read_back(local_store: LocalDatastore) -> None:
    assert run_task(local_store, {"k": [1, 2]}).attempt == 0
    task = TaskStore(local_store, "F").finished("1", "a", "t")
    assert task.load_many(["x", "_transition"]) == {"x": {"k": [1, 2]}, "_transition": (["end"], None)}
    assert (task.attempt, task.path, task.record, task.pointers, task.ok) == (0, Path(), RECORD, (("end", "t"),), True)
    assert task.objects["x"].type == "<class 'dict'>"
    assert task.objects["x"].encoding == "pickle-v4"


def test_the_files_are_metaflows_and_the_record_stands_in_data_json(local_store: LocalDatastore) -> None:
    run_task(local_store, 1)
    names = [name for name in local_store.children("F/1/a/t/") if name != "_meta"]
    assert names == ["0.DONE.lock", "0.attempt.json", "0.data.json"]
    assert local_store.get("F/1/a/t/0.DONE.lock") == b'""'
    document = json.loads(local_store.get("F/1/a/t/0.data.json"))
    ours = document.pop("penstock")
    assert list(document) == ["datastore", "version", "attempt", "python_version", "objects", "info"]
    assert document["info"]["x"] == {"size": 5, "type": "<class 'int'>", "encoding": "pickle-v4"}
    assert ours["record"] == RECORD.to_json() == json.loads(local_store.get(record_key("F", "1", "a", Path())))
    assert local_store.get("F/1/_from/end/t") == b"a/t"


def test_writes_come_in_the_order_that_makes_dying_harmless(tmp_path: FilePath) -> None:
    store = WatchedStore(str(tmp_path))
    run_task(store, 1)
    assert store.written[0] == "1/a/t/0.attempt.json"
    assert all(key.startswith("data/") for key in store.written[1:3])
    assert store.written[3:] == ["1/a/t/0.data.json", "1/_record/a.json", "1/_from/end/t", "1/a/t/0.DONE.lock"]


def test_dying_between_any_two_writes_leaves_nothing_that_is_trusted(tmp_path: FilePath) -> None:
    """The next attempt runs and is read, whatever the one before left."""
    for dies_before in range(7):
        root = str(tmp_path / str(dies_before))
        with pytest.raises(Killed):
            run_task(WatchedStore(root, dies_before), "lost")
        store = LocalDatastore(root)
        with pytest.raises(NotFinished):
            TaskStore(store, "F").finished("1", "a", "t")
        writer = run_task(store, "kept")
        assert writer.attempt == (1 if dies_before else 0)
        assert TaskStore(store, "F").finished("1", "a", "t").load("x") == "kept"


def test_a_later_attempt_that_died_hides_the_earlier_one(local_store: LocalDatastore) -> None:
    run_task(local_store, 1)
    local_store.put("F/1/a/t/1.attempt.json", b'{"time": 1}')
    with pytest.raises(NotFinished) as caught:
        TaskStore(local_store, "F").finished("1", "a", "t")
    assert str(caught.value) == (
        "error[R160]: task F/1/a/t has not finished: its attempt 1 runs, or was killed\n"
        "  = help: wait for it, or run it again"
    )
    assert TaskStore(local_store, "F").finished("1", "a", "t", attempt=0).load("x") == 1


def test_a_done_task_rewrites_record_and_pointers_and_begins_nothing(tmp_path: FilePath) -> None:
    run_task(WatchedStore(str(tmp_path)), 1)
    store = WatchedStore(str(tmp_path))
    (tmp_path / "F/1/_record/a.json").write_text("nonsense of a dead attempt")
    (tmp_path / "F/1/_from/end/t").unlink()
    writer = run_task(store, 2)
    assert writer.already_done is not None
    assert writer.already_done.load("x") == 1
    assert store.written == ["1/_record/a.json", "1/_from/end/t"]
    assert json.loads(store.get("F/1/_record/a.json")) == RECORD.to_json()


def test_a_failed_attempt_is_read_by_people_and_run_again(local_store: LocalDatastore) -> None:
    tasks = TaskStore(local_store, "F")
    writer = tasks.begin("1", "a", "t", path=Path())
    writer.save({"_task_ok": False, "_exception": "what happened", "x": 1})
    writer.commit_failed()
    assert tasks.ended("1", "a", "t").load("_exception") == "what happened"
    with pytest.raises(NotFinished) as caught:
        tasks.finished("1", "a", "t")
    assert str(caught.value) == (
        "error[R160]: task F/1/a/t failed in attempt 0\n  = help: see its log, then run it again"
    )
    assert not list(local_store.keys("F/1/_record/"))
    assert run_task(local_store, 2).attempt == 1
    assert tasks.finished("1", "a", "t").load("x") == 2


def test_a_task_that_was_never_started_is_named(local_store: LocalDatastore) -> None:
    with pytest.raises(NotFinished) as caught:
        TaskStore(local_store, "F").finished_many("1", [("a", "t")])
    assert str(caught.value) == (
        f"error[R160]: task F/1/a/t has not been started in {local_store.root}\n"
        "  = help: check the id and the datastore"
    )


def test_a_done_mark_without_data_is_no_traceback(local_store: LocalDatastore) -> None:
    run_task(local_store, 1)
    FilePath(local_store.location("F/1/a/t/0.data.json")).unlink()
    with pytest.raises(NotFinished, match=r"has no object `F/1/a/t/0.data.json`, although its task is marked done"):
        TaskStore(local_store, "F").finished("1", "a", "t")


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"objects": 3}', b'{"objects": {}, "penstock": {"path": "x"}}'])
def test_data_that_is_none_is_no_traceback(local_store: LocalDatastore, text: bytes) -> None:
    run_task(local_store, 1)
    local_store.put("F/1/a/t/0.data.json", text)
    with pytest.raises(BrokenArtifact, match=r"what task F/1/a/t left in .* cannot be read"):
        TaskStore(local_store, "F").finished("1", "a", "t")


def test_of_many_processes_that_begin_a_task_each_gets_an_attempt_of_its_own(local_store: LocalDatastore) -> None:
    def begin(_: int) -> int:
        return TaskStore(local_store, "F").begin("1", "a", "t", path=Path()).attempt

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(begin, range(16))) == list(range(16))


def test_inherited_artifacts_cost_nothing_and_are_read(tmp_path: FilePath) -> None:
    store = WatchedStore(str(tmp_path))
    run_task(store, "big" * 1000)
    store.written.clear()
    tasks = TaskStore(store, "F")
    parent = tasks.finished("1", "a", "t")
    writer = tasks.begin("1", "b", "t", path=Path())
    writer.inherit({"y": parent.objects["x"]})
    writer.save({"again": "big" * 1000, "twice": "big" * 1000})
    writer.commit(RECORD)
    assert [key for key in store.written if key.startswith("data/")] == []
    assert tasks.finished("1", "b", "t").load_many(["y", "again"]) == {"y": "big" * 1000, "again": "big" * 1000}


def test_two_names_of_one_blob_are_two_values(local_store: LocalDatastore) -> None:
    writer = TaskStore(local_store, "F").begin("1", "a", "t", path=Path())
    writer.save({"x": [], "y": []})
    writer.commit(RECORD)
    loaded = TaskStore(local_store, "F").finished("1", "a", "t").load_many(["x", "y"])
    assert loaded["x"] is not loaded["y"]


def test_an_unknown_artifact_is_named_with_those_there_are(local_store: LocalDatastore) -> None:
    run_task(local_store, 1)
    with pytest.raises(NoSuchArtifact) as caught:
        TaskStore(local_store, "F").finished("1", "a", "t").load("z")
    assert str(caught.value) == "error[R166]: task F/1/a/t has no artifact `z`\n  = help: it has: _transition, x"


def test_a_missing_blob_is_named(local_store: LocalDatastore) -> None:
    run_task(local_store, 1)
    task = TaskStore(local_store, "F").finished("1", "a", "t")
    sha = task.objects["x"].sha
    FilePath(local_store.location(f"F/data/{sha[:2]}/{sha}")).unlink()
    with pytest.raises(BrokenArtifact) as caught:
        task.load_many(["_transition", "x"])
    assert str(caught.value) == (
        f"error[R118]: the artifact F/1/a/t/x (sha {sha}) cannot be read: its blob is not in {local_store.root}\n"
        "  = help: run the step that made it again"
    )


def test_a_damaged_blob_is_named(local_store: LocalDatastore) -> None:
    run_task(local_store, 1)
    task = TaskStore(local_store, "F").finished("1", "a", "t")
    sha = task.objects["x"].sha
    path = FilePath(local_store.location(f"F/data/{sha[:2]}/{sha}"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BrokenArtifact, match=f"the artifact F/1/a/t/x \\(sha {sha}\\) cannot be read: .*cut short"):
        task.load("x")


@pytest.mark.parametrize("value", [bytes(40 << 20), random.Random(1).randbytes(1 << 20) * 40], ids=["gzip", "raw"])
def test_a_big_artifact_is_stored_and_read_back(local_store: LocalDatastore, value: bytes) -> None:
    run_task(local_store, [value, "and more"])
    task = TaskStore(local_store, "F").finished("1", "a", "t")
    assert task.load_many(["_transition", "x"]) == {"_transition": (["end"], None), "x": [value, "and more"]}
    sha = task.objects["x"].sha
    assert sha == hashlib.sha1(pickle.dumps([value, "and more"], 4)).hexdigest()
    FilePath(local_store.location(f"F/data/{sha[:2]}/{sha}")).write_bytes(b"\x1f\x8b cut")
    with pytest.raises(BrokenArtifact, match=rf"the artifact F/1/a/t/x \(sha {sha}\) cannot be read"):
        task.load("x")
    FilePath(local_store.location(f"F/data/{sha[:2]}/{sha}")).unlink()
    with pytest.raises(BrokenArtifact, match=rf"the artifact F/1/a/t/x \(sha {sha}\) cannot be read: its blob is not"):
        task.load("x")


def test_what_cannot_be_pickled_leaves_an_attempt_that_is_not_read(local_store: LocalDatastore) -> None:
    writer = TaskStore(local_store, "F").begin("1", "a", "t", path=Path())
    with pytest.raises(Exception, match=r"the artifact `bad`"):
        writer.save({"good": 1, "bad": (n for n in ())})
    with pytest.raises(NotFinished):
        TaskStore(local_store, "F").finished("1", "a", "t")
