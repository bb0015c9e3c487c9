"""Stores to test with: a folder, and S3 as moto's server plays it."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3_stores import asked, aws, moto_endpoint, new_bucket, s3_access, s3_store

from penstock.runtime_shim.datastore.local import LocalDatastore

__all__ = ["asked", "aws", "local_store", "moto_endpoint", "new_bucket", "s3_access", "s3_store"]


@pytest.fixture
def local_store(tmp_path: Path) -> LocalDatastore:
    return LocalDatastore(str(tmp_path / "store"))
