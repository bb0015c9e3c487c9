"""Where the Client looks in these tests: a folder, or S3 as moto's server plays it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from s3_stores import asked, aws, moto_endpoint, new_bucket, s3_access, s3_store

from penstock.runtime_shim import client
from penstock.runtime_shim.datastore import opening
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.protocol import Datastore

__all__ = ["asked", "aws", "local", "moto_endpoint", "new_bucket", "s3_access", "s3_store", "used", "whole_world"]


@pytest.fixture(autouse=True)
def whole_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No configuration and no namespace of whoever runs the tests."""
    for name in ("METAFLOW_PROFILE", "METAFLOW_DEFAULT_DATASTORE", "METAFLOW_PRODUCTION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path / "no-profile"))
    monkeypatch.setenv("METAFLOW_USER", "alice")
    monkeypatch.setattr(opening, "_chosen", [])
    yield
    client.default_namespace()


@pytest.fixture
def used() -> Callable[[Datastore], Datastore]:
    """Makes the Client look in a store."""

    def use(store: Datastore) -> Datastore:
        opening.use_in_client(store)
        return store

    return use


@pytest.fixture
def local(tmp_path: Path, used: Callable[[Datastore], Datastore]) -> Datastore:
    return used(LocalDatastore(str(tmp_path / ".metaflow")))
