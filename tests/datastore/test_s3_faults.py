"""What can go wrong with S3: one sentence each, with the key and what to do; and what is mended without a word."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from s3_stores import boto_client
from wire import Answer, Wire, error_answer

from penstock.runtime_shim.aws import connections
from penstock.runtime_shim.aws.connections import Connections
from penstock.runtime_shim.datastore.faults import AccessDenied, NoCredentials, NoSuchBucket, Unreachable
from penstock.runtime_shim.datastore.protocol import Missing, StorageFailure
from penstock.runtime_shim.datastore.s3 import S3Datastore
from penstock.runtime_shim.datastore.s3_client import S3Access
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED

ROOT = "s3://flows/metaflow"
CREDENTIALS_HELP = (
    "  = help: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give the machine or job a role"
)


@pytest.fixture
def wire(aws: None) -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture
def store(wire: Wire) -> S3Datastore:
    return S3Datastore(ROOT, S3Access(endpoint_url=wire.url, attempts=2))


def test_a_missing_bucket_is_told(s3_access: S3Access) -> None:
    store = S3Datastore("s3://no-such-bucket-here/p", s3_access)
    operations: list[tuple[str, Callable[[], object]]] = [
        ("cannot store `F/1` in s3://no-such-bucket-here/p", lambda: store.put("F/1", b"1")),
        ("cannot store `F/1` in s3://no-such-bucket-here/p", lambda: store.put_if_absent("F/1", b"1")),
        ("cannot read `F/1` in s3://no-such-bucket-here/p", lambda: store.get("F/1")),
        ("cannot list s3://no-such-bucket-here/p/F/", lambda: store.children("F/")),
    ]
    for doing, operation in operations:
        with pytest.raises(NoSuchBucket) as caught:
            operation()
        assert str(caught.value) == (
            f"error[R114]: {doing}: there is no bucket `no-such-bucket-here`\n"
            "  = help: make it, or correct METAFLOW_DATASTORE_SYSROOT_S3 or --datastore-root"
        )
        assert caught.value.exit_code == EXIT_DO_NOT_RETRY


@pytest.mark.parametrize("answer", [error_answer(403, "AccessDenied"), (403, {}, b"")])
def test_denied_access_is_told(wire: Wire, store: S3Datastore, answer: Answer) -> None:
    wire.answer = lambda method, headers: answer
    with pytest.raises(AccessDenied) as caught:
        store.get("F/1/a/t/0.data.json")
    assert str(caught.value) == (
        "error[R115]: cannot read `F/1/a/t/0.data.json` in s3://flows/metaflow: access denied\n"
        "  = help: allow s3:GetObject, s3:PutObject on s3://flows/metaflow/* and s3:ListBucket on the bucket `flows`"
    )
    assert caught.value.exit_code == EXIT_DO_NOT_RETRY
    with pytest.raises(AccessDenied):
        store.attributes("F/1")
    with pytest.raises(AccessDenied):
        list(store.keys("F/"))


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_refused_credentials_are_told(wire: Wire, store: S3Datastore, code: str) -> None:
    wire.answer = lambda method, headers: error_answer(403, code, "The key is wrong.")
    with pytest.raises(NoCredentials) as caught:
        store.put("F/1", b"1")
    assert str(caught.value) == (
        f"error[R116]: cannot store `F/1` in s3://flows/metaflow: S3 does not accept the credentials"
        f" ({code}: The key is wrong)\n{CREDENTIALS_HELP}"
    )


def test_missing_credentials_are_told(wire: Wire, store: S3Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(NoCredentials) as caught:
        store.children("F/")
    assert str(caught.value) == (
        f"error[R116]: cannot list s3://flows/metaflow/F/: there are no AWS credentials here\n{CREDENTIALS_HELP}"
    )
    assert caught.value.exit_code == EXIT_RETRY_ALLOWED
    assert wire.asked == []


def test_an_aws_profile_that_does_not_exist_is_told(store: S3Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(NoCredentials) as caught:
        store.get("F/1")
    assert str(caught.value) == (
        "error[R116]: the AWS configuration cannot be used: The config profile (nobody) could not be found\n"
        "  = help: check AWS_PROFILE and ~/.aws/config"
    )


def test_a_server_that_is_not_there_is_told(aws: None) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and nobody answers
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        store = S3Datastore(ROOT, S3Access(endpoint_url=url, attempts=2))
        with pytest.raises(Unreachable) as caught:
            store.get("F/1")
    assert str(caught.value) == (
        f"error[R117]: cannot read `F/1` in s3://flows/metaflow: the S3 server at {url} does not answer"
        " (Connection refused)\n"
        "  = help: check the network and METAFLOW_S3_ENDPOINT_URL"
    )
    assert caught.value.exit_code == EXIT_RETRY_ALLOWED


def test_a_server_that_never_answers_is_told(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = S3Datastore(ROOT, S3Access(endpoint_url=url, attempts=1))
        with pytest.raises(Unreachable, match=r"does not answer \(nothing came for 0.3 s\)"):
            store.get("F/1")


def test_an_endpoint_that_is_no_url_is_told(aws: None) -> None:
    with pytest.raises(StorageFailure) as caught:
        S3Datastore(ROOT, S3Access(endpoint_url="minio")).get("F/1")
    assert str(caught.value) == (
        "error[R110]: 'minio' cannot be the endpoint of the S3 datastore: Invalid endpoint: minio\n"
        "  = help: METAFLOW_S3_ENDPOINT_URL holds a URL such as http://host:9000"
    )


def test_a_storm_of_503_ends_after_the_given_attempts(wire: Wire, store: S3Datastore) -> None:
    wire.answer = lambda method, headers: error_answer(503, "SlowDown")
    with pytest.raises(Unreachable) as caught:
        store.put("F/1", b"1")
    assert str(caught.value) == (
        "error[R117]: cannot store `F/1` in s3://flows/metaflow: S3 kept answering 503 SlowDown, however often it was"
        " asked\n  = help: try again later"
    )
    assert caught.value.exit_code == EXIT_RETRY_ALLOWED
    assert wire.asked == ["PUT", "PUT"]


def test_a_503_is_mended_by_asking_again(wire: Wire, store: S3Datastore) -> None:
    answers = [error_answer(503, "SlowDown"), (200, {"ETag": '"1"'}, b"value")]
    wire.answer = lambda method, headers: answers.pop(0)
    assert store.get("F/1") == b"value"


def test_an_answer_that_breaks_off_is_asked_for_again(wire: Wire, store: S3Datastore) -> None:
    answers = [(200, {"ETag": '"1"', "Content-Length": "10"}, b"valu"), (200, {"ETag": '"1"'}, b"value67890")]
    wire.answer = lambda method, headers: answers.pop(0)
    assert store.get("F/1") == b"value67890"
    assert wire.asked == ["GET", "GET"]


def test_answers_that_always_break_off_are_told(wire: Wire, store: S3Datastore) -> None:
    wire.answer = lambda method, headers: (200, {"ETag": '"1"', "Content-Length": "10"}, b"valu")
    with pytest.raises(Unreachable, match=r"does not answer \(it broke off after 4 bytes\)"):
        store.get("F/1")
    assert wire.asked == ["GET"] * 2


def test_a_bucket_in_another_region_is_told(wire: Wire, store: S3Datastore) -> None:
    message = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'"
    wire.answer = lambda method, headers: error_answer(400, "AuthorizationHeaderMalformed", message)
    with pytest.raises(StorageFailure) as caught:
        store.put("F/1", b"1")
    assert str(caught.value) == (
        "error[R110]: cannot store `F/1` in s3://flows/metaflow: the bucket is in another region"
        f" ({message})\n  = help: set METAFLOW_AWS_S3_REGION to the bucket's region"
    )


def test_an_error_nobody_has_heard_of_is_passed_on(wire: Wire, store: S3Datastore) -> None:
    wire.answer = lambda method, headers: error_answer(418, "Teapot", "short and stout.")
    with pytest.raises(StorageFailure) as caught:
        store.put("F/1", b"1")
    assert str(caught.value) == (
        "error[R110]: cannot store `F/1` in s3://flows/metaflow: S3 answered 418 Teapot: short and stout"
    )


@pytest.mark.parametrize("code", ["NotImplemented", "InvalidArgument"])
@pytest.mark.parametrize("there", [True, False])
def test_a_server_without_conditional_writes_is_asked_first(
    wire: Wire, store: S3Datastore, code: str, there: bool
) -> None:
    def answer(method: str, headers: dict[str, str]) -> Answer:
        if "If-None-Match" in headers:
            return error_answer(501 if code == "NotImplemented" else 400, code, "A header you provided")
        return (404, {}, b"") if method == "HEAD" and not there else (200, {"ETag": '"1"'}, b"")

    wire.answer = answer
    assert store.put_if_absent("F/1", b"1") is not there
    assert wire.asked[-2 + there :] == (["HEAD"] if there else ["HEAD", "PUT"])


def test_conditional_writes_that_meet_are_tried_again(wire: Wire, store: S3Datastore) -> None:
    answers = [error_answer(409, "ConditionalRequestConflict"), error_answer(412, "PreconditionFailed")]
    # Said in time: a connection that closes unannounced may or may not be used once more.
    wire.answer = lambda method, headers: (*answers[0][:1], {**answers[0][1], "Connection": "close"}, answers.pop(0)[2])
    assert store.put_if_absent("F/1", b"1") is False


def test_a_missing_object_is_missing_and_no_failure(wire: Wire, store: S3Datastore) -> None:
    wire.answer = lambda method, headers: error_answer(404, "NoSuchKey")
    with pytest.raises(Missing):
        store.get("F/1")


def test_of_many_writes_the_failure_of_one_is_told(wire: Wire, store: S3Datastore) -> None:
    answers = iter(range(100))
    wire.answer = lambda method, headers: error_answer(403, "AccessDenied") if next(answers) == 7 else (200, {}, b"")
    with pytest.raises(AccessDenied, match=r"cannot store `F/"):
        store.put_many((f"F/{number}", b"1", None) for number in range(40))


def test_a_big_object_that_fails_leaves_no_upload_behind(
    s3_store: S3Datastore, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.runtime_shim.datastore.s3.MULTIPART", 10)

    def fail(*request: Any) -> Any:
        raise RuntimeError("the network is gone")

    monkeypatch.setattr(s3_store.client, "upload_part", fail)
    with pytest.raises(RuntimeError):
        s3_store.put("F/big", b"x" * 1000)
    client = boto_client(moto_endpoint)
    assert client.list_multipart_uploads(Bucket=s3_store.bucket).get("Uploads", []) == []


def test_an_assumed_role_is_used(
    aws: None, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch, s3_store: S3Datastore
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_endpoint)
    role = "arn:aws:iam::123456789012:role/flows"
    access = S3Access(endpoint_url=moto_endpoint, region="us-east-1", role_arn=role)
    store = S3Datastore(s3_store.root, access)
    used: list[str] = []
    real = Connections.request

    def noting(self: Connections, method: str, url: str, headers: Any, *rest: Any) -> Any:
        used.append(headers["Authorization"])
        return real(self, method, url, headers, *rest)

    monkeypatch.setattr(Connections, "request", noting)
    store.put("F/1", b"1")
    assert used
    assert "AKIAEXAMPLEKEY000001" not in used[0]
    assert s3_store.get("F/1") == b"1"


def test_a_role_that_may_not_be_assumed_is_told(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", wire.url)
    body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not for you.</Message></Error></ErrorResponse>"
    wire.answer = lambda method, headers: (403, {"Content-Type": "text/xml"}, body)
    store = S3Datastore(ROOT, S3Access(endpoint_url=wire.url, role_arn="arn:aws:iam::123456789012:role/flows"))
    with pytest.raises(NoCredentials) as caught:
        store.get("F/1")
    assert str(caught.value) == (
        "error[R116]: cannot read `F/1` in s3://flows/metaflow: the role cannot be assumed"
        " (AccessDenied: Not for you)\n"
        "  = help: correct METAFLOW_AWS_ARN, or let these credentials assume that role (sts:AssumeRole)"
    )


def test_without_botocore_the_sentence_says_what_to_install(
    store: S3Datastore, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aws-config").write_text("[profile dev]\ncredential_process = /bin/credentials\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_PROFILE", "dev")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(NoCredentials) as caught:
        store.get("F/1")
    assert str(caught.value) == (
        "error[R116]: cannot read `F/1` in s3://flows/metaflow: these AWS credentials need botocore, which is not"
        " installed here (the profile dev starts a process for them)\n"
        "  = help: python -m pip install boto3, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )
    assert wire.asked == []


def test_a_forked_child_makes_a_client_of_its_own(s3_store: S3Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    before = s3_store.client
    assert s3_store.client is before
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert s3_store.client is not before
