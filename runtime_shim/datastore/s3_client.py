"""The requests that a datastore makes of S3."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit

from penstock.runtime_shim.aws.addresses import s3_url
from penstock.runtime_shim.aws.connections import Body, Connections
from penstock.runtime_shim.aws.credentials import Credentials, find_credentials
from penstock.runtime_shim.aws.documents import leaves
from penstock.runtime_shim.aws.profiles import ProfileUnusable, read_profile
from penstock.runtime_shim.aws.service import AwsError, Service
from penstock.runtime_shim.aws.signing import Keys
from penstock.runtime_shim.datastore.faults import NoCredentials
from penstock.runtime_shim.datastore.protocol import StorageFailure
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY

_META = "x-amz-meta-"
_URL = re.compile(r"https?://[^/\s?#]+(/[^\s?#]*)?\Z")


class S3Access(NamedTuple):
    """How S3 is reached.  ``endpoint_url`` and ``region`` None take what the AWS_* environment and profile say,
    ``role_arn`` is assumed before the first request, ``attempts`` is how often a request is tried in all (None: as
    often as is usual), ``keys`` are used, and then nothing of that environment.
    """

    endpoint_url: str | None = None
    region: str | None = None
    role_arn: str | None = None
    attempts: int | None = None
    keys: Keys | None = None


class S3Object(NamedTuple):
    """``data`` is None where the object is longer than was wanted; ``length`` is its bytes, ``tag`` its version."""

    data: bytes | None
    length: int
    tag: str


class Page(NamedTuple):
    """One page of a listing: keys, common prefixes, and where the next page begins ("" for none)."""

    keys: Sequence[str]
    prefixes: Sequence[str]
    following: str


def open_client(bucket: str, access: S3Access, connections: int, known: Keys | None = None) -> S3Client:
    """A client that keeps so many connections; asks nobody.  ``known`` are keys that another one with the same access
    has fetched.

    Raises NoCredentials for an AWS profile that does not exist, StorageFailure for an endpoint that is no URL.
    """
    try:
        profile = read_profile({} if access.keys else os.environ)
    except ProfileUnusable as error:
        raise NoCredentials(
            f"the AWS configuration cannot be used: {error}", help="check AWS_PROFILE and ~/.aws/config"
        ) from error
    region = access.region or profile.region
    endpoint = access.endpoint_url or profile.endpoint("s3")
    if endpoint and not _is_url(endpoint):
        raise StorageFailure(
            f"{endpoint!r} cannot be the endpoint of the S3 datastore: Invalid endpoint: {endpoint}",
            help="METAFLOW_S3_ENDPOINT_URL holds a URL such as http://host:9000",
            exit_code=EXIT_DO_NOT_RETRY,
        )
    fips, dual = profile.variants
    # Servers other than AWS's need not know bucket host names: a profile may still ask for them.
    path = True if access.endpoint_url else profile.path_style

    def url_in(region: str) -> str:
        return s3_url(bucket, region, endpoint, path, fips, dual)

    fixed = access.keys
    credentials = (
        Credentials(lambda: fixed, fixed) if fixed else find_credentials(profile, region, access.role_arn, known)
    )
    service = Service(url_in, region, credentials, Connections(connections, profile.ca_bundle), access.attempts)
    return S3Client(service, credentials)


class S3Client:
    """Requests to one bucket; safe in threads, not after a fork.

    Every method raises AwsError, NoAnswer, NoKeys.
    """

    def __init__(self, service: Service, credentials: Credentials) -> None:
        self._service = service
        self.credentials = credentials

    def get(self, key: str, within: str = "", tag: str = "", at_most: int | None = None) -> S3Object:
        """An object, or the bytes ``within`` (``bytes=0-99``) of it, of the version ``tag`` where that is given; it is
        not read where it has more than ``at_most`` bytes.
        """
        headers = {**({"Range": within} if within else {}), **({"If-Match": tag} if tag else {})}
        answer = self._service.call("GET", key, headers=headers, at_most=at_most)
        length = int(answer.headers.get("Content-Length") or len(answer.body or b""))
        return S3Object(answer.body, length, answer.headers.get("ETag") or "")

    def metadata(self, key: str) -> dict[str, str]:
        """The user's metadata of an object, by names in lower case."""
        headers = self._service.call("HEAD", key).headers
        return {name.lower()[len(_META) :]: value for name, value in headers.items() if name.lower().startswith(_META)}

    def put(self, key: str, body: Body, metadata: Mapping[str, str], *, if_absent: bool = False) -> None:
        """Store an object; ``if_absent`` lets S3 refuse (412) where there is one."""
        self._service.call("PUT", key, headers={**_meta(metadata), **_condition(if_absent)}, body=body)

    def page(self, prefix: str, delimiter: str, most: int, following: str = "") -> Page:
        """One page of the keys that start with ``prefix``, at most ``most``; with a delimiter as in a folder."""
        query = {"list-type": "2", "prefix": prefix, "max-keys": str(most), "encoding-type": "url"}
        query.update({"delimiter": delimiter} if delimiter else {})
        query.update({"continuation-token": following} if following else {})
        _, found = leaves(self._service.call("GET", query=query).body or b"")
        keys, prefixes = found.get("Contents/Key", []), found.get("CommonPrefixes/Prefix", [])
        if found.get("EncodingType") == ["url"]:
            keys, prefixes = list(map(unquote_plus, keys)), list(map(unquote_plus, prefixes))
        more = found.get("IsTruncated") == ["true"]
        return Page(keys, prefixes, found["NextContinuationToken"][0] if more else "")

    def begin_upload(self, key: str, metadata: Mapping[str, str]) -> str:
        """Begin an object that comes in parts; the upload's id."""
        answer = self._service.call("POST", key, {"uploads": ""}, _meta(metadata))
        return leaves(answer.body or b"")[1]["UploadId"][0]

    def upload_part(self, key: str, upload: str, number: int, body: Body) -> str:
        """Send a part, numbered from 1; its tag."""
        answer = self._service.call("PUT", key, {"partNumber": str(number), "uploadId": upload}, body=body)
        return answer.headers.get("ETag") or ""

    def end_upload(self, key: str, upload: str, tags: Sequence[str], *, if_absent: bool = False) -> None:
        """Make the object of its parts."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{_escaped(tag)}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
        document = f'<CompleteMultipartUpload xmlns="{namespace}">{parts}</CompleteMultipartUpload>'.encode()
        self._service.call("POST", key, {"uploadId": upload}, _condition(if_absent), [memoryview(document)])

    def drop_upload(self, key: str, upload: str) -> None:
        """Throw away the parts of an upload; one that is not there any more is fine."""
        try:
            self._service.call("DELETE", key, {"uploadId": upload})
        except AwsError as error:
            if error.status != 404:
                raise


def _is_url(text: str) -> bool:
    try:
        return bool(_URL.match(text)) and urlsplit(text).port != 0
    except ValueError:
        return False


def _meta(metadata: Mapping[str, str]) -> dict[str, str]:
    return {_META + name: value for name, value in metadata.items()}


def _condition(if_absent: bool) -> dict[str, str]:
    return {"If-None-Match": "*"} if if_absent else {}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
