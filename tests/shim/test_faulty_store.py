"""A store that fails every fifth time: each task is tried until it is through, and nothing else is different."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from record_walk import Walk

from penstock import FlowSpec, step
from penstock.runtime_shim import initialize
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.protocol import Attributes, Data, Put, StorageFailure

FAULTS = 0.2


class ShakyDatastore(LocalDatastore):
    """One operation in five fails: before it has done anything, or, of writes, after it has."""

    def __init__(self, root: str, dice: random.Random) -> None:
        super().__init__(root)
        self._dice = dice

    def _fails(self) -> bool:
        return self._dice.random() < FAULTS / 2

    def _maybe(self, key: object) -> None:
        if self._fails():
            raise StorageFailure(f"{key}: 503 Slow Down")

    def get(self, key: str) -> bytes:
        self._maybe(key)
        return super().get(key)

    def put(self, key: str, data: Data, attributes: Attributes | None = None) -> None:
        self._maybe(key)
        super().put(key, data, attributes)
        self._maybe(key)

    def put_if_absent(self, key: str, data: Data, attributes: Attributes | None = None) -> bool:
        self._maybe(key)
        put = super().put_if_absent(key, data, attributes)
        self._maybe(key)
        return put

    def children_many(self, prefixes: Sequence[str]) -> list[list[str]]:
        self._maybe(prefixes)
        return [super(ShakyDatastore, self).children(prefix) for prefix in prefixes]

    def children(self, prefix: str) -> list[str]:
        return self.children_many([prefix])[0]

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for key in keys:
            yield key, self.get(key)

    def put_many(self, objects: Iterable[Put]) -> None:
        for key, data, attributes in objects:
            self.put(key, data, attributes)

    def put_blobs(self, objects: Iterable[Put]) -> None:
        self.put_many(objects)


class RoughFlow(FlowSpec):
    @step
    def start(self):
        self.xs = [3, 4]
        self.total = 0
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        self.y = self.input**2
        self.go = "odd" if self.input % 2 else "even"
        self.next({"odd": self.odd, "even": self.join}, condition="go")

    @step
    def odd(self):
        self.y += 1
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ys = [one.y for one in inputs]
        self.next(self.again)

    @step
    def again(self):
        self.n = getattr(self, "n", 0) + 1
        if self.n < 3:
            self.next(self.again)
        else:
            self.next(self.end)

    @step
    def end(self):
        self.left = (self.ys, self.n)


class PatientWalk(Walk):
    """Tries a task again as often as storage allows, as a platform does."""

    def step(self, step: str, path: str = "", *options: str) -> Any:
        for _ in range(400):
            outcome = super().step(step, path, *options)
            if outcome.code != 203:
                break
            assert "503 Slow Down" in outcome.err
        return outcome


@pytest.mark.parametrize("seed", range(3))
def test_a_run_on_a_store_with_faults_leaves_what_one_without_leaves(
    seed: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    faulty = []

    def shaky(kind: str, root: str, configuration: object) -> ShakyDatastore:
        faulty.append(root)
        return ShakyDatastore(root, dice)

    monkeypatch.setattr(initialize, "open_datastore", shaky)
    walk = PatientWalk(RoughFlow, tmp_path)
    done = walk.all()
    assert [(name, path, outcome.err) for name, path, outcome in done if outcome.code] == []
    assert len(faulty) > 3 * len(done), "tasks were tried again"
    assert walk.task("end").load("left") == ([10, 16], 3)
    assert walk.record("join").parents == ("odd/t.0", "body/t.1")
