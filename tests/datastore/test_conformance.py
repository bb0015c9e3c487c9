"""Every datastore passes the suite that ships with Penstock."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from penstock.runtime_shim.datastore import s3
from penstock.runtime_shim.datastore.conformance import DatastoreConformance, state_machine
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.s3 import S3Datastore


class TestLocal(DatastoreConformance):
    @pytest.fixture
    def store(self, local_store: LocalDatastore) -> Datastore:
        return local_store

    def test_long_sequences_of_operations(self, tmp_path: Path) -> None:
        def fresh() -> LocalDatastore:
            return LocalDatastore(tempfile.mkdtemp(dir=tmp_path))

        run_state_machine_as_test(state_machine(fresh), settings=settings(max_examples=40, stateful_step_count=30))


class TestS3(DatastoreConformance):
    many = 45

    @pytest.fixture
    def store(self, s3_store: S3Datastore, monkeypatch: pytest.MonkeyPatch) -> Datastore:
        monkeypatch.setattr(s3, "PAGE", 20)
        return s3_store

    def test_long_sequences_of_operations(self, new_bucket: Callable[[], S3Datastore]) -> None:
        run_state_machine_as_test(
            state_machine(new_bucket), settings=settings(max_examples=5, stateful_step_count=15, deadline=None)
        )
