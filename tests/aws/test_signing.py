"""Signatures are those of botocore, for whatever is signed."""

from __future__ import annotations

import datetime
import hashlib
from unittest import mock
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from penstock.runtime_shim.aws.signing import Keys, query_of, quoted, signed

NOW = 1_795_237_200.0
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
AWKWARD = st.sampled_from(
    ["a b", "a+b", "a//b", "/a", "ünï", "%2F", "a=b&c", "~-._", "'()*!", "?#;:@", "a\tb", "..", ""]
)
# What may stand in a header: printable, and blanks in any number.
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
HEADERS = st.dictionaries(
    st.sampled_from(["Range", "If-Match", "If-None-Match", "x-amz-meta-metaflow-user-attributes", "X-Amz-Meta-B"]),
    HEADER,
)
KEYS = st.builds(
    Keys, st.just("AKIAEXAMPLEKEY000001"), st.sampled_from(["secret", "s/e+c="]), st.sampled_from(["", "t/o+k="])
)


def botocore_s_signature(
    method: str, url: str, headers: dict[str, str], body: bytes, keys: Keys, region: str, service: str
) -> dict[str, str]:
    request = AWSRequest(method, url, headers=headers, data=body)
    credentials = Credentials(keys.access, keys.secret, keys.token or None)
    moment = datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc)
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, region)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@given(
    method=st.sampled_from(["GET", "PUT", "HEAD", "POST", "DELETE"]),
    key=TEXT | AWKWARD,
    query=st.dictionaries(TEXT | AWKWARD, TEXT | AWKWARD, max_size=3),
    headers=HEADERS,
    body=st.binary(max_size=20),
    keys=KEYS,
    origin=st.sampled_from(["http://127.0.0.1:9000/bucket", "https://bucket.s3.eu-west-1.amazonaws.com"]),
)
def test_a_signature_for_s3_is_botocore_s(
    method: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes, keys: Keys, origin: str
) -> None:
    url = f"{origin}/{quoted(key, '/')}" + (f"?{query_of(query)}" if query else "")
    ours = signed(method, url, headers, hashlib.sha256(body).hexdigest(), keys, "eu-west-1", now=NOW)
    theirs = botocore_s_signature(method, url, headers, body, keys, "eu-west-1", "s3")
    assert ours.pop("Host") in url
    assert {name.lower(): value for name, value in ours.items()} == theirs


@given(key=TEXT | AWKWARD, keys=KEYS)
def test_a_signature_for_sts_is_botocore_s(key: str, keys: Keys) -> None:
    url, body = "https://sts.eu-west-1.amazonaws.com/", query_of({"RoleArn": key}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    ours = signed("POST", url, headers, hashlib.sha256(body).hexdigest(), keys, "eu-west-1", "sts", NOW)
    theirs = botocore_s_signature("POST", url, headers, body, keys, "eu-west-1", "sts")
    assert ours["Authorization"] == theirs["authorization"]


def test_the_example_of_the_documentation_is_signed_as_it_says() -> None:
    """ "Example: GET Object" of the Amazon S3 API Reference."""
    url = "https://examplebucket.s3.amazonaws.com/test.txt"
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    moment = datetime.datetime(2013, 5, 24, tzinfo=datetime.timezone.utc).timestamp()
    sha = hashlib.sha256().hexdigest()
    made = signed("GET", url, {"Range": "bytes=0-9"}, sha, keys, "us-east-1", now=moment)
    assert made["Authorization"].endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


@given(TEXT | AWKWARD)
def test_a_key_is_quoted_as_botocore_quotes_it(key: str) -> None:
    assert quoted(key, "/") == quote(key, safe="/~")


@pytest.mark.parametrize("shown", [repr, str, lambda keys: f"{[keys]}"])
def test_keys_do_not_show_their_secret(shown: object) -> None:
    assert callable(shown)
    assert shown(Keys("AKIA1", "secret", "token")).strip("[]") == "Keys(AKIA1)"
