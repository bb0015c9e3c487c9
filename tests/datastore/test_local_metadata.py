"""What is written beside a run's artifacts, and how much of it."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock.runtime_shim.datastore.faults import RootUnusable
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.tasks import TaskStore
from penstock.runtime_shim.local_metadata import new_run_id, register_run, run_facts, set_latest_run
from penstock.runtime_shim.paths import Path as TaskPath
from penstock.runtime_shim.records import Record


def end_task(store: LocalDatastore, run: str, step: str, artifacts: dict[str, object], path: str = "") -> None:
    at = TaskPath.parse(path)
    writer = TaskStore(store, "F").begin(run, step, at.task_id, path=at)
    writer.save(artifacts)
    writer.commit(Record(run, at, (), None, ()))


def read(store: LocalDatastore, key: str) -> dict[str, object]:
    document: dict[str, object] = json.loads(store.get(key))
    return document


def test_a_run_id_is_the_time_in_microseconds_and_nobody_elses(local_store: LocalDatastore) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: new_run_id(local_store, "F"), range(40)))
    assert len(set(ids)) == 40
    assert all(abs(int(run) / 1e6 - time.time()) < 60 for run in ids)


def test_a_run_id_cannot_be_made_where_nothing_can(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RootUnusable, match=r"cannot make a run of F in the local datastore"):
        new_run_id(LocalDatastore(str(tmp_path / "file")), "F")


def test_a_run_is_registered_once_with_user_and_tags(
    local_store: LocalDatastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METAFLOW_USER", "alice")
    monkeypatch.delenv("METAFLOW_PRODUCTION_TOKEN", raising=False)
    monkeypatch.delenv("METAFLOW_RUNTIME_NAME", raising=False)
    register_run(local_store, "F", "1", ["b", "a", "b"])
    register_run(local_store, "F", "1", ["late"], user="bob")
    facts = run_facts(local_store, "F", "1")
    assert facts is not None
    assert (facts["run_number"], facts["flow_id"], facts["user_name"], facts["tags"]) == ("1", "F", "alice", ["a", "b"])
    assert set(facts["system_tags"]) > {"user:alice", "runtime:dev"}
    assert abs(facts["ts_epoch"] / 1000 - time.time()) < 60
    assert read(local_store, "F/_meta/_self.json")["flow_id"] == "F"


def test_unreadable_facts_count_as_none(local_store: LocalDatastore) -> None:
    assert run_facts(local_store, "F", "1") is None
    for text in (b"", b"[]", b"{"):
        local_store.put("F/1/_meta/_self.json", text)
        assert run_facts(local_store, "F", "1") is None


def test_the_latest_run_is_noted_as_metaflow_does(local_store: LocalDatastore) -> None:
    set_latest_run(local_store, "F", "17")
    assert Path(local_store.root, "F/latest_run").read_text() == "17"


def test_a_task_has_a_file_per_artifact_and_per_fact(local_store: LocalDatastore) -> None:
    register_run(local_store, "F", "1")
    end_task(local_store, "1", "a", {"x": 1, "_task_ok": True}, "/2")
    folder = "F/1/a/t.2/_meta/"
    names = local_store.children(folder)
    assert [name for name in names if not name.startswith("sysmeta_")] == [
        "0_artifact__task_ok.json",
        "0_artifact_x.json",
        "_self.json",
    ]
    assert {name.split("_")[1] for name in names if name.startswith("sysmeta_")} == {
        "attempt",
        "attempt-done",
        "ds-root",
        "ds-type",
        "origin-run-id",
        "python",
        "runtime",
        "script-name",
        "user",
    }
    artifact = read(local_store, f"{folder}0_artifact_x.json")
    assert artifact["location"] == f":root:{local_store.root}"
    assert (artifact["content_type"], artifact["type"], artifact["ds_type"]) == (
        "pickle-v4",
        "metaflow.artifact",
        "local",
    )
    assert (artifact["run_number"], artifact["step_name"], artifact["task_id"], artifact["attempt_id"]) == (
        "1",
        "a",
        "t.2",
        0,
    )
    assert read(local_store, "F/1/a/_meta/_self.json")["step_name"] == "a"


def test_a_task_of_a_run_nobody_registered_registers_it(local_store: LocalDatastore) -> None:
    """Metaflow's Client cannot read tasks of a run without facts."""
    end_task(local_store, "1", "a", {})
    assert run_facts(local_store, "F", "1") is not None


def test_an_artifact_whose_name_is_too_long_for_a_file_is_stored_all_the_same(local_store: LocalDatastore) -> None:
    end_task(local_store, "1", "a", {"x" * 250: 1})
    assert TaskStore(local_store, "F").finished("1", "a", "t").load("x" * 250) == 1


def test_an_empty_task_costs_few_files(local_store: LocalDatastore) -> None:
    """A hundred empty tasks a second leave ten milliseconds each, and a file takes a tenth of one."""
    register_run(local_store, "F", "1")
    private: dict[str, object] = {"_success": True, "_task_ok": True, "_exception": None, "name": "F"}
    end_task(local_store, "1", "a", private, "/6")
    before = sum(len(files) for _, _, files in os.walk(local_store.root))
    end_task(local_store, "1", "a", private, "/7")
    assert sum(len(files) for _, _, files in os.walk(local_store.root)) - before == 19
