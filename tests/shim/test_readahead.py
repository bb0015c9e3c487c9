"""Reading an artifact of all inputs of a join waits a few times, not once per input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from counting_store import CountingStore

from penstock.runtime_shim import readahead
from penstock.runtime_shim.datastore.finished import BrokenArtifact, FinishedTask
from penstock.runtime_shim.datastore.tasks import TaskStore
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.readahead import Readahead
from penstock.runtime_shim.records import Record, blob_key


class RoundStore(CountingStore):
    """Notes how many objects each round trip brought."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds: list[int] = []

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        keys = list(keys)
        self.rounds.append(len(keys))
        return super().get_many(keys)


def inputs_of(store: RoundStore, count: int, value: Callable[[int], object]) -> list[FinishedTask]:
    """Finished tasks ``work/t.0 …`` with an artifact ``x`` each."""
    tasks = TaskStore(store, "F")
    for index in range(count):
        writer = tasks.begin("1", "work", f"t.{index}", path=None)
        writer.save({"x": value(index)})
        writer.commit(Record("1", Path(), ("join",), None, ()))
    found = tasks.finished_many("1", [("work", f"t.{index}") for index in range(count)])
    store.rounds.clear()
    return found


def test_reading_in_order_doubles_what_is_fetched() -> None:
    store = RoundStore()
    ahead = Readahead(inputs_of(store, 1000, lambda index: index))
    assert [ahead.load(position, "x") for position in range(1000)] == list(range(1000))
    assert store.rounds == [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 233]


def test_reading_here_and_there_fetches_nothing_else() -> None:
    store = RoundStore()
    ahead = Readahead(inputs_of(store, 20, lambda index: index))
    assert [ahead.load(position, "x") for position in (3, 1, 9, 7, 0)] == [3, 1, 9, 7, 0]
    assert store.rounds == [1] * 5


def test_equal_values_are_fetched_once_and_are_objects_of_their_own() -> None:
    store = RoundStore()
    ahead = Readahead(inputs_of(store, 8, lambda index: ["same"]))
    values = [ahead.load(position, "x") for position in range(8)]
    assert store.rounds == [1, 1, 1, 1]
    values[1].append("changed")
    assert values[2] == ["same"]


def test_large_artifacts_are_not_fetched_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readahead, "ROOM", 1000)
    store = RoundStore()
    ahead = Readahead(inputs_of(store, 12, lambda index: bytes([index]) * 400))
    assert [ahead.load(position, "x")[0] for position in range(12)] == list(range(12))
    assert max(store.rounds) == 2


def test_inputs_without_the_artifact_are_passed_over() -> None:
    store = RoundStore()
    tasks = inputs_of(store, 10, lambda index: index)
    tasks[4] = tasks[4]._replace(objects={})
    ahead = Readahead(tasks)
    assert [ahead.load(position, "x") for position in range(10) if position != 4] == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_a_lost_blob_is_told_by_the_input_it_belongs_to() -> None:
    store = RoundStore()
    tasks = inputs_of(store, 10, lambda index: index)
    del store.objects[blob_key("F", tasks[5].objects["x"].sha)]
    ahead = Readahead(tasks)
    assert [ahead.load(position, "x") for position in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(BrokenArtifact, match=r"the artifact F/1/work/t\.5/x .* cannot be read: its blob is not in"):
        ahead.load(5, "x")
    assert ahead.load(6, "x") == 6
