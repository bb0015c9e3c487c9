"""What the backends' conformance tests share: who runs the flows, and the S3 of the rehearsals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.backends.rehearsal.object_store import ObjectStore


@pytest.fixture(autouse=True)
def _a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local and rehearsed runs are of the same user."""
    monkeypatch.setenv("METAFLOW_USER", "conformance")


@pytest.fixture(scope="session")
def store() -> Iterator[ObjectStore]:
    """One S3 for all rehearsals of what runs as pods."""
    with ObjectStore() as running:
        yield running
