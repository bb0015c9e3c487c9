"""How an artifact's bytes are stored: gzip as Metaflow does, or as they are where compressing does not pay.

The sha of a blob is that of the uncompressed bytes.  Attributes say which way it went (``cas_raw``); Metaflow 2.19
reads both, 2.0.5 the compressed ones, which all small blobs are.  Reading goes by the bytes themselves: a pickle
never starts like gzip.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from hashlib import sha1

from penstock.runtime_shim.datastore.protocol import Attributes

LEVEL = 3
"""gzip level, Metaflow's."""
RAW: Attributes = {"cas_raw": True, "cas_version": 1}
GZIPPED: Attributes = {"cas_raw": False, "cas_version": 1}
"""Metaflow's facts about a blob."""

_MAGIC = b"\x1f\x8b"
_SMALL = 1 << 16
"""Bytes up to which a blob is always compressed: it costs nothing, and every reader knows gzip."""
_WORTHWHILE = ((4 << 20, 0.9), (64 << 20, 0.5))
_WORTHWHILE_HUGE = 0.1
"""Up to how many bytes a blob has to shrink to which part of itself.  gzip manages some 25 MB/s on numbers, disks and
networks many times that: the bigger the blob, the more compressing has to save to be worth its time.
"""
_THREADED = 8 << 20
"""Bytes from which a blob is compressed by several threads."""
_SAMPLE = 1 << 14
_SAMPLES = 12
_MEMBER = 1 << 22
"""Bytes of a gzip member then."""
_PIECE = 1 << 20


def sha_of(data: bytes) -> str:
    """The name of a blob."""
    return sha1(data, usedforsecurity=False).hexdigest()


def encode(data: bytes) -> tuple[bytes, Attributes]:
    """The bytes to store for a blob, and its attributes.  Equal blobs give equal bytes."""
    if len(data) > _SMALL and not _compresses(data):
        return data, RAW
    if len(data) < _THREADED:
        return _gzip(data), GZIPPED
    from concurrent.futures import ThreadPoolExecutor

    # zlib works outside the interpreter lock, and gzip files may be strung together.
    view = memoryview(data)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        members = pool.map(_gzip, (view[start : start + _MEMBER] for start in range(0, len(data), _MEMBER)))
        return b"".join(members), GZIPPED


def decode(stored: bytes) -> bytes:
    """The blob of what was stored.

    Raises ValueError for gzip that is cut short or damaged.
    """
    if not stored.startswith(_MAGIC):
        return stored
    try:
        return b"".join(_gunzip(stored))
    except zlib.error as error:
        raise ValueError(f"damaged gzip data: {error}") from error


def _compresses(data: bytes) -> bool:
    """Whether samples of the data shrink enough."""
    stride = max(_SAMPLE, (len(data) - _SAMPLE) // (_SAMPLES - 1))
    samples = [data[start : start + _SAMPLE] for start in range(0, len(data), stride)]
    ratio = sum(len(zlib.compress(sample, LEVEL)) for sample in samples) / sum(map(len, samples))
    return ratio < next((wanted for size, wanted in _WORTHWHILE if len(data) <= size), _WORTHWHILE_HUGE)


def _gzip(data: bytes | memoryview) -> bytes:
    """One gzip member, without a time in its header."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()


def _gunzip(stored: bytes) -> Iterator[bytes]:
    view = memoryview(stored)
    at = 0
    while at < len(view):
        member = zlib.decompressobj(31)
        while not member.eof:
            if at >= len(view):
                raise ValueError("the gzip data is cut short")
            piece = view[at : at + _PIECE]
            yield member.decompress(piece)
            at += len(piece) - len(member.unused_data)
