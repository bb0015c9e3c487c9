"""Bytes to and from S3: whole objects, and big ones in parts side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from penstock.runtime_shim.aws.connections import NoAnswer
from penstock.runtime_shim.aws.given import NoKeys
from penstock.runtime_shim.aws.service import AwsError
from penstock.runtime_shim.datastore.parallel import ordered

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.s3_client import S3Client

MULTIPART = 64 << 20
"""Bytes above which an object goes in parts; S3 takes at most 5 GB in one."""
_PART = 32 << 20
_MOST_PARTS = 9_000
"""S3 takes 10,000."""
_PART_WORKERS = 4
"""Parts in memory at once; a few connections fill most networks."""


def read_object(client: S3Client, key: str) -> bytes:
    """The whole object, all of one version.

    Raises as the client does.
    """
    first = client.get(key, at_most=MULTIPART)
    if first.data is not None:
        return first.data
    # The rest of that answer was not wanted: the parts are asked for one by one.
    ranges = [f"bytes={at}-{min(at + _PART, first.length) - 1}" for at in range(0, first.length, _PART)]
    parts: Iterator[bytes] = ordered(
        lambda within: client.get(key, within, first.tag).data or b"", ranges, len, workers=_PART_WORKERS
    )
    return b"".join(parts)


def upload_parts(
    client: S3Client, key: str, data: list[memoryview], metadata: Mapping[str, str], *, if_absent: bool
) -> None:
    """Send an object in parts; it appears whole when the last has arrived, or, if anything fails, not at all.

    Raises as the client does.
    """
    length = sum(map(len, data))
    size = max(_PART, -(-length // _MOST_PARTS))
    upload = client.begin_upload(key, metadata)

    def send(number: int) -> str:
        return client.upload_part(key, upload, number + 1, _cut(data, number * size, (number + 1) * size))

    try:
        tags = list(ordered(send, range(-(-length // size)), len, workers=_PART_WORKERS))
        client.end_upload(key, upload, tags, if_absent=if_absent)
    except BaseException:
        with contextlib.suppress(AwsError, NoAnswer, NoKeys):  # what went wrong first is what is told
            client.drop_upload(key, upload)
        raise


def _cut(pieces: list[memoryview], start: int, end: int) -> list[memoryview]:
    """The bytes from ``start`` to ``end`` of pieces that follow one another."""
    found: list[memoryview] = []
    at = 0
    for piece in pieces:
        part = piece[max(0, start - at) : max(0, end - at)]
        if len(part):
            found.append(part)
        at += len(piece)
    return found
