"""Whose credentials a bare container uses for its code, and where it looks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from wire import Answer, Wire, error_answer

from penstock.runtime_shim import bootstrap
from penstock.runtime_shim.aws import given

STS = "<R><AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken></R>"
POD = {"AccessKeyId": "ASIAPOD", "SecretAccessKey": "s", "Token": "t", "Expiration": "2036-01-01T00:00:00Z"}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    wire = Wire()
    monkeypatch.setattr(given, "TRIES", 1)
    yield wire
    wire.close()


@pytest.fixture
def enter(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes variables the only ones that this process has."""

    def put(**variables: str) -> None:
        monkeypatch.setattr(bootstrap.os, "environ", {"HOME": str(tmp_path), "AWS_ENDPOINT_URL": wire.url, **variables})

    monkeypatch.setenv("HOME", str(tmp_path))  # what `expanduser` asks
    return put


def answering(wire: Wire, *answers: Answer) -> list[dict[str, str]]:
    """Let the wire give these answers in turn; the headers it is asked with."""
    left, headers = list(answers), []

    def answer(_: str, asked: dict[str, str]) -> Answer:
        headers.append(asked)
        return left.pop(0)

    wire.answer = answer
    return headers


def who(headers: dict[str, str]) -> str:
    return headers["Authorization"].partition("Credential=")[2].partition("/")[0]


def test_the_container_s_role_fetches_the_code(enter: Callable[..., None], wire: Wire) -> None:
    enter(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{wire.url}/role", AWS_CONTAINER_AUTHORIZATION_TOKEN="agent")
    headers = answering(wire, (200, {}, json.dumps(POD).encode()), (200, {}, b"code"))
    assert bootstrap.fetch("flows", "F/data/ab/abc") == b"code"
    assert headers[0]["Authorization"] == "agent"
    assert who(headers[1]) == "ASIAPOD"
    assert headers[1]["X-Amz-Security-Token"] == "t"


def test_the_cluster_s_role_fetches_the_code(enter: Callable[..., None], wire: Wire, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("jwt")
    arn = "arn:aws:iam::123456789012:role/pods"
    enter(AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"), AWS_ROLE_ARN=arn)
    headers = answering(wire, (200, {}, STS.encode()), (200, {}, b"code"))
    assert bootstrap.fetch("flows", "F/data/ab/abc") == b"code"
    assert "Authorization" not in headers[0]
    assert who(headers[1]) == "ASIAWEB"


def test_where_there_are_files_botocore_finds_the_credentials(
    enter: Callable[..., None], wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order of places is then its own business; the request is ours."""
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n")
    enter(AWS_SHARED_CREDENTIALS_FILE=str(file), AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{wire.url}/role")
    headers = answering(wire, (200, {}, b"code"))
    assert bootstrap.fetch("flows", "F/data/ab/abc") == b"code"
    assert who(headers[0]) == "AKIAFILE"


@pytest.mark.parametrize(
    "answer",
    [
        (301, {"x-amz-bucket-region": "eu-west-1"}, b""),
        (400, {}, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"),
    ],
)
def test_the_region_that_s3_names_is_asked(enter: Callable[..., None], wire: Wire, answer: Answer) -> None:
    enter(AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
    headers = answering(wire, answer, (200, {}, b"code"))
    assert bootstrap.fetch("flows", "k") == b"code"
    assert [each["Authorization"].split("/")[2] for each in headers] == ["us-east-1", "eu-west-1"]


def test_what_s3_refuses_is_asked_once_and_told(enter: Callable[..., None], wire: Wire) -> None:
    enter(AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
    answering(wire, error_answer(403, "AccessDenied", "Not for you."))
    with pytest.raises(given.NoKeys, match=r"\AS3 answered AccessDenied: Not for you\Z"):
        bootstrap.fetch("flows", "k")


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        (
            {"METAFLOW_AWS_S3_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "no"},
            "https://flows.s3.eu-west-1.amazonaws.com/k",
        ),
        ({"AWS_DEFAULT_REGION": "cn-north-1"}, "https://flows.s3.cn-north-1.amazonaws.com.cn/k"),
        (
            {"AWS_REGION": "eu-west-1", "AWS_USE_FIPS_ENDPOINT": "true"},
            "https://flows.s3-fips.eu-west-1.amazonaws.com/k",
        ),
        ({}, "https://flows.s3.us-east-1.amazonaws.com/k"),
        ({"AWS_ENDPOINT_URL_S3": "http://minio:9000"}, "http://minio:9000/flows/k"),
        (
            {"AWS_ENDPOINT_URL": "http://a", "METAFLOW_S3_ENDPOINT_URL": "http://minio:9000"},
            "http://minio:9000/flows/k",
        ),
    ],
)
def test_the_code_is_where_the_datastore_is(
    enter: Callable[..., None], monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str
) -> None:
    asked: list[str] = []

    def ask(method: str, where: str, *_: Any) -> tuple[int, dict[str, str], bytes]:
        asked.append(where)
        return 200, {}, b""

    monkeypatch.setattr(bootstrap, "ask", ask)
    enter(**{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": "", **variables})
    bootstrap.fetch("flows", "k")
    assert asked == [url]
