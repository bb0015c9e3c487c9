"""How an artifact's bytes are stored: gzip as Metaflow does, or as they are where compressing does not pay.

The sha of a blob is that of the uncompressed bytes.  Attributes say which way it went (``cas_raw``); Metaflow 2.19
reads both, 2.0.5 the compressed ones, which all small blobs are.  Reading goes by the bytes themselves: a pickle
never starts like gzip.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from hashlib import sha1
from typing import BinaryIO

from penstock.runtime_shim.datastore.protocol import Attributes, Data

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
BIG = 32 << 20
"""Bytes from which a blob is handled without copies, where it can be."""
_THREADED = 8 << 20
"""Bytes from which a blob is compressed by several threads."""
_SAMPLE = 1 << 14
_SAMPLES = 12
_MEMBER = 1 << 22
"""Bytes of a gzip member then."""
_PIECE = 1 << 20


def sha_of(data: bytes | list[bytes]) -> str:
    """The name of a blob, which may come in pieces."""
    digest = sha1(usedforsecurity=False)
    for piece in data if isinstance(data, list) else [data]:
        digest.update(piece)
    return digest.hexdigest()


def encode(pieces: list[bytes]) -> tuple[Data, Attributes]:
    """What to store for a blob that comes in pieces, and its attributes.  Equal blobs give equal bytes."""
    size = sum(map(len, pieces))
    if size > BIG and not _compresses(max(pieces, key=len), size):
        return pieces, RAW
    data = b"".join(pieces)
    if size > _SMALL and not _compresses(data, size):
        return data, RAW
    if size < _THREADED:
        return _gzip(data), GZIPPED
    from concurrent.futures import ThreadPoolExecutor

    # zlib works outside the interpreter lock, and gzip files may be strung together.
    view = memoryview(data)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        members = pool.map(_gzip, (view[start : start + _MEMBER] for start in range(0, size, _MEMBER)))
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


def plain_file(file: BinaryIO) -> BinaryIO:
    """The blob of what was stored, as a file: ``file`` itself where it is stored as it is.

    Raises as :func:`decode`.
    """
    start = file.read(len(_MAGIC))
    file.seek(0)
    return io.BytesIO(decode(file.read())) if start == _MAGIC else file


def _compresses(data: bytes, size: int) -> bool:
    """Whether samples of ``data``, or of the biggest piece of it, shrink enough for a blob of ``size`` bytes."""
    stride = max(_SAMPLE, (len(data) - _SAMPLE) // (_SAMPLES - 1))
    samples = [data[start : start + _SAMPLE] for start in range(0, len(data), stride)]
    ratio = sum(len(zlib.compress(sample, LEVEL)) for sample in samples) / sum(map(len, samples))
    return ratio < next((wanted for most, wanted in _WORTHWHILE if size <= most), _WORTHWHILE_HUGE)


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
