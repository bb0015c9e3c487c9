"""No AWS configuration of whoever runs the tests."""

from __future__ import annotations

import pytest
from s3_stores import aws

__all__ = ["aws", "clean"]


@pytest.fixture(autouse=True)
def clean(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of nobody, no files, no proxies."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
