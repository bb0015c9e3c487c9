"""What tasks cost in requests to S3."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.s3 import S3Datastore
from penstock.runtime_shim.datastore.tasks import TaskStore
from penstock.runtime_shim.local_metadata import register_run
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.records import Record


def run_task(store: Datastore, value: object, *, task: str = "t", path: Path | None = None) -> None:
    writer = TaskStore(store, "F").begin("1", "a", task, path=path or Path())
    writer.save({"x": value, "_transition": (["end"], None)})
    writer.commit(Record("1", Path(), ("end",), None, ("start/t",)))


@pytest.fixture
def requests(asked: list[tuple[str, str]]) -> Callable[[], list[str]]:
    """What was asked of S3 since the last call: ``PUT 1/a/t/0.data.json``."""

    def taken() -> list[str]:
        found = [
            f"LIST {url.partition('prefix=')[2].partition('F%2F')[2]}"
            if "list-type" in url
            else f"{method} {url.partition('/F/')[2]}"
            for method, url in asked
        ]
        asked.clear()
        return found

    return taken


def test_a_plain_step_costs_ten_requests(s3_store: S3Datastore, requests: Callable[[], list[str]]) -> None:
    """``self.x = self.x + 1``, with parent and child in processes of their own."""
    run_task(s3_store, 1)
    requests()
    tasks = TaskStore(s3_store, "F")
    writer = tasks.begin("1", "b", "t", path=Path())
    parent = tasks.finished("1", "a", "t")
    x = parent.load("x")
    writer.inherit(parent.objects)
    writer.save({"x": x + 1, "_transition": (["c"], None)})
    writer.commit(Record("1", Path(), ("c",), None, ("a/t",)))
    made = requests()
    assert len(made) == 10, made
    assert sorted(line.partition(" ")[0] for line in made) == ["GET"] * 2 + ["LIST"] * 2 + ["PUT"] * 6
    assert made[-3:] == ["PUT 1/b/t/0.data.json", "PUT 1/_record/b.json", "PUT 1/b/t/0.DONE.lock"]


def test_a_wide_join_lists_its_inputs_together(s3_store: S3Datastore, requests: Callable[[], list[str]]) -> None:
    width = 60
    for number in range(width):
        run_task(s3_store, number, task=f"t.{number}", path=Path.parse(f"/{number}"))
    requests()
    tasks = TaskStore(s3_store, "F").finished_many("1", [("a", f"t.{number}") for number in range(width)])
    made = requests()
    assert [task.task for task in tasks] == [f"t.{number}" for number in range(width)]
    assert [line for line in made if line.startswith("LIST")] == ["LIST 1%2Fa%2Ft."]
    assert len(made) == width + 1


def test_a_run_is_registered_with_one_request(s3_store: S3Datastore, requests: Callable[[], list[str]]) -> None:
    register_run(s3_store, "F", "1", ["nightly"], user="alice")
    register_run(s3_store, "F", "1", ["other"], user="bob")
    assert requests() == ["PUT 1/_meta/_self.json"] * 2
    facts = json.loads(s3_store.get("F/1/_meta/_self.json"))
    assert (facts["user_name"], facts["tags"]) == ("alice", ["nightly"])
