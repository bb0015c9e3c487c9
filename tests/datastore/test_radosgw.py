"""The S3 datastore on a real server; `make test-s3` starts one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from s3_stores import make_bucket

from penstock.runtime_shim.datastore.conformance import DatastoreConformance, state_machine
from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.s3 import S3Datastore
from penstock.runtime_shim.datastore.s3_client import S3Access

pytestmark = pytest.mark.s3server


@pytest.fixture
def new_bucket(aws: None) -> Callable[[], S3Datastore]:
    endpoint = os.environ.get("PENSTOCK_TEST_S3_ENDPOINT")
    if not endpoint:
        pytest.fail("no S3 server: `make test-s3` starts one and runs these tests")

    def make() -> S3Datastore:
        access = S3Access(endpoint_url=endpoint, region="us-east-1")
        store = S3Datastore(f"s3://penstock-{uuid.uuid4().hex}/prefix", access)
        make_bucket(endpoint, store.bucket)
        return store

    return make


class TestRadosgw(DatastoreConformance):
    @pytest.fixture
    def store(self, new_bucket: Callable[[], S3Datastore]) -> Datastore:
        return new_bucket()

    def test_long_sequences_of_operations(self, new_bucket: Callable[[], S3Datastore]) -> None:
        run_state_machine_as_test(
            state_machine(new_bucket), settings=settings(max_examples=20, stateful_step_count=30, deadline=None)
        )
