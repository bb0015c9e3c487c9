"""Whose certificates are trusted where the system has none of its own."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from penstock.runtime_shim.aws.certificates import tls_context


@pytest.fixture
def bare_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an image without ca-certificates: no file, an empty folder."""
    (tmp_path / "certs").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certs"))


def test_without_certificates_of_the_system_those_of_a_package_are_trusted(bare_system: None) -> None:
    assert ssl.create_default_context().get_ca_certs() == []
    assert len(tls_context(None).get_ca_certs()) > 50


def test_without_any_nobody_is_trusted(bare_system: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> Any:
        return None

    monkeypatch.setattr("importlib.util.find_spec", none)
    assert tls_context(None).get_ca_certs() == []


def test_a_certificate_is_always_asked_for(bare_system: None) -> None:
    context = tls_context(None)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
