"""The S3 datastore while one request of three fails: it does what it says, and knows what it has done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from s3_stores import boto_client
from storm import KINDS, Storm

from penstock.runtime_shim.aws import connections, given
from penstock.runtime_shim.datastore import s3, s3_transfer
from penstock.runtime_shim.datastore.protocol import Missing
from penstock.runtime_shim.datastore.s3 import S3Datastore
from penstock.runtime_shim.datastore.s3_client import S3Access

pytestmark = pytest.mark.slow


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.2)
    monkeypatch.setattr(given, "PAUSE_SECONDS", 0.02)


@pytest.fixture
def storm(impatient: None, moto_endpoint: str) -> Iterator[Storm]:
    with Storm(moto_endpoint, share=0.3, silence=0.5) as storm:
        yield storm


@pytest.fixture
def store(storm: Storm, s3_store: S3Datastore) -> S3Datastore:
    # More tries than usual: with one of three failing, seven in a row are no rarity among hundreds of requests.
    return S3Datastore(s3_store.root, S3Access(storm.url, "us-east-1", attempts=20))


def test_of_many_writers_at_once_one_wins_and_knows_it(store: S3Datastore, storm: Storm) -> None:
    """The answer to the winner may be lost: asked again, S3 says that there is an object, and it is the winner's."""
    for turn in range(6):
        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(lambda n, key=f"race/{turn}": store.put_if_absent(key, b"%d" % n), range(4)))
        assert won.count(True) == 1
        assert store.get(f"race/{turn}") == b"%d" % won.index(True)
    assert storm.happened["reset though done"] + storm.happened["busy though done"] > 2


def test_what_was_put_is_got_listed_and_told_missing(store: S3Datastore, storm: Storm) -> None:
    names = [f"F/{number}" for number in range(30)]
    store.put_many((name, name.encode() * 200, {"of": name}) for name in names)
    assert list(store.keys("F/")) == sorted(names)
    assert dict(store.get_many(names)) == {name: name.encode() * 200 for name in names}
    assert store.attributes("F/7") == {"of": "F/7"}
    with pytest.raises(Missing):
        store.get("F/none")
    assert set(KINDS) <= set(storm.happened)


def test_a_big_object_goes_in_parts_and_comes_in_parts(
    store: S3Datastore, storm: Storm, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "MULTIPART", 6 << 20)
    monkeypatch.setattr(s3_transfer, "MULTIPART", 6 << 20)
    monkeypatch.setattr(s3_transfer, "_PART", 5 << 20)
    monkeypatch.setattr(connections, "READ_SECONDS", 2.0)
    storm.kinds = ("busy", "reset", "cut", "busy though done", "reset though done")
    data = bytes(range(256)) * (13 << 12)
    for turn in range(3):
        store.put(f"big/{turn}", data)
        assert store.get(f"big/{turn}") == data
    client = boto_client(moto_endpoint)
    left = client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])
    # An upload whose beginning S3 did, and whose answer was lost, is known to nobody: a bucket's rule removes those.
    assert len(left) <= sum(times - 1 for request, times in storm.asked.items() if request.endswith("?uploads="))


@pytest.mark.parametrize("kind", ["busy", "reset", "stalled", "cut"])
def test_nothing_is_asked_for_ever(impatient: None, s3_store: S3Datastore, moto_endpoint: str, kind: str) -> None:
    began = time.monotonic()
    with Storm(moto_endpoint, share=1, kinds=(kind,), silence=0.4) as storm:
        store = S3Datastore(s3_store.root, S3Access(storm.url, "us-east-1"))
        with pytest.raises(s3.StorageFailure, match="R117"):
            store.put("F/1", b"1")
    assert list(storm.asked.values()) == [given.TRIES]
    assert time.monotonic() - began < 10
