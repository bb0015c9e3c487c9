"""Bytes to and from S3: whole objects, and big ones in parts side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.datastore.parallel import ordered

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MULTIPART = 64 << 20
"""Bytes above which an object goes in parts; S3 takes at most 5 GB in one."""
_PART = 32 << 20
_MOST_PARTS = 9_000
"""S3 takes 10,000."""
_PART_WORKERS = 4
"""Parts in memory at once; a few connections fill most networks."""
_READ_TRIES = 3
"""botocore tries a request again, but not when the answer breaks off in the middle."""


def read_object(client: S3Client, bucket: str, key: str) -> bytes:
    """The whole object, all of one version.

    Raises what botocore raises.
    """
    first = client.get_object(Bucket=bucket, Key=key)
    length, tag = first["ContentLength"], first["ETag"]
    if length <= MULTIPART:
        try:
            return first["Body"].read()
        except _broken_off():
            return _read(client, {"Bucket": bucket, "Key": key, "IfMatch": tag})
    # The rest of this answer is not wanted: the connection is closed, and the parts are asked for one by one.
    first["Body"].close()
    requests: list[dict[str, Any]] = [
        {"Bucket": bucket, "Key": key, "IfMatch": tag, "Range": f"bytes={at}-{min(at + _PART, length) - 1}"}
        for at in range(0, length, _PART)
    ]
    parts: Iterator[bytes] = ordered(lambda request: _read(client, request), requests, len, workers=_PART_WORKERS)
    return b"".join(parts)


def upload_parts(
    client: S3Client, bucket: str, key: str, data: list[memoryview], metadata: dict[str, Any], condition: dict[str, Any]
) -> None:
    """Send an object in parts; it appears whole when the last has arrived, or, if anything fails, not at all.

    Raises what botocore raises.
    """
    length = sum(map(len, data))
    size = max(_PART, -(-length // _MOST_PARTS))
    upload = client.create_multipart_upload(Bucket=bucket, Key=key, **metadata)["UploadId"]

    def send(number: int) -> dict[str, Any]:
        part = _cut(data, number * size, (number + 1) * size)
        answer = client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number + 1, Body=part)
        return {"PartNumber": number + 1, "ETag": answer["ETag"]}

    try:
        parts: Any = list(ordered(send, range(-(-length // size)), len, workers=_PART_WORKERS))
        client.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **condition
        )
    except BaseException:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise


def _cut(pieces: list[memoryview], start: int, end: int) -> bytes:
    """The bytes from ``start`` to ``end`` of pieces that follow one another."""
    found: list[memoryview] = []
    at = 0
    for piece in pieces:
        found.append(piece[max(0, start - at) : max(0, end - at)])
        at += len(piece)
    return b"".join(found)


def _read(client: S3Client, request: dict[str, Any]) -> bytes:
    for left in reversed(range(_READ_TRIES)):
        try:
            return client.get_object(**request)["Body"].read()
        except _broken_off():  # noqa: PERF203 - trying again is what the loop is for
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def _broken_off() -> tuple[type[Exception], ...]:
    from botocore.exceptions import ConnectionClosedError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

    return (ConnectionClosedError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
