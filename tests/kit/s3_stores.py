"""Fixtures: stores in S3 as moto's server plays it, on a loopback port of its own.  A conftest imports those it
offers.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from penstock.runtime_shim.aws.connections import Answer, Connections
from penstock.runtime_shim.datastore.s3 import S3Datastore
from penstock.runtime_shim.datastore.s3_client import S3Access

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEY000001", "AWS_SECRET_ACCESS_KEY": "secretsecretsecret"}


def boto_client(endpoint: str) -> S3Client:
    """AWS's own client of a server, with the credentials of the environment."""
    import botocore.session

    session: Any = botocore.session.get_session()
    client: S3Client = session.create_client("s3", endpoint_url=endpoint, region_name="us-east-1")
    return client


def make_bucket(endpoint: str, bucket: str) -> None:
    boto_client(endpoint).create_bucket(Bucket=bucket)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every request of the light client, made while the test runs: method and URL."""
    seen: list[tuple[str, str]] = []
    real = Connections.request

    def noting(self: Connections, method: str, url: str, *rest: Any) -> Answer:
        seen.append((method, url))
        return real(self, method, url, *rest)

    monkeypatch.setattr(Connections, "request", noting)
    return seen


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of nobody, and no configuration of whoever runs the tests."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def s3_access(aws: None, moto_endpoint: str) -> S3Access:
    return S3Access(endpoint_url=moto_endpoint, region="us-east-1")


@pytest.fixture
def new_bucket(s3_access: S3Access, moto_endpoint: str) -> Callable[[], S3Datastore]:
    """Makes a store in a bucket of its own."""

    def make() -> S3Datastore:
        store = S3Datastore(f"s3://penstock-{uuid.uuid4().hex}/some/prefix", s3_access)
        make_bucket(moto_endpoint, store.bucket)
        return store

    return make


@pytest.fixture
def s3_store(new_bucket: Callable[[], S3Datastore]) -> S3Datastore:
    return new_bucket()
