"""Blobs: compressed as Metaflow does, raw where that does not pay, and read however they were stored."""

from __future__ import annotations

import gzip
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.runtime_shim.datastore import blobs
from penstock.runtime_shim.datastore.blobs import decode, encode, sha_of

NOISE = random.Random(1).randbytes(1 << 20)


@given(st.binary(max_size=5000))
def test_what_is_encoded_is_decoded(data: bytes) -> None:
    stored, attributes = encode([b"\x80\x04" + data])
    assert attributes == {"cas_raw": False, "cas_version": 1}
    assert decode(stored) == b"\x80\x04" + data
    assert gzip.decompress(stored) == b"\x80\x04" + data


def test_noise_is_stored_as_it_is_without_a_copy() -> None:
    stored, attributes = encode([NOISE])
    assert stored is NOISE
    assert attributes == {"cas_raw": True, "cas_version": 1}
    assert decode(stored) is NOISE


def test_small_noise_is_compressed_since_metaflow_2_0_reads_only_that() -> None:
    assert encode([NOISE[: 1 << 16]])[1]["cas_raw"] is False


def test_a_megabyte_of_text_is_compressed() -> None:
    text = b"the same sentence again and again, " * 30_000
    stored, attributes = encode([text])
    assert attributes["cas_raw"] is False
    assert len(stored) < len(text) / 50


def test_a_big_blob_is_compressed_in_members_that_any_gzip_reads() -> None:
    text = b"0123456789" * 2_000_000
    stored, attributes = encode([text])
    assert attributes["cas_raw"] is False
    assert stored.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") == -(-len(text) // blobs._MEMBER)
    assert gzip.decompress(stored) == text
    assert decode(stored) == text


def test_a_big_blob_that_shrinks_only_a_little_is_stored_as_it_is() -> None:
    """Compressing numbers costs more time than sending them."""
    shrinks_a_little = bytes(byte & 0x3F for byte in NOISE)
    assert encode([shrinks_a_little])[1]["cas_raw"] is False
    assert encode([shrinks_a_little * 5])[1]["cas_raw"] is True


def test_a_huge_blob_is_compressed_only_where_it_all_but_vanishes() -> None:
    shrinks_to_a_fifth = bytes(byte & 0x01 for byte in NOISE)
    assert encode([shrinks_to_a_fifth * 5])[1]["cas_raw"] is False
    assert encode([shrinks_to_a_fifth * 65])[1]["cas_raw"] is True
    assert encode([bytes(66 << 20)])[1]["cas_raw"] is False


def test_equal_blobs_give_equal_bytes() -> None:
    text = os.urandom(10) * 3_000_000
    assert encode([text])[0] == encode([bytes(text)])[0]


def test_metaflows_gzip_is_read() -> None:
    assert decode(gzip.compress(b"\x80\x02]q\x00.", 3)) == b"\x80\x02]q\x00."


@pytest.mark.parametrize("cut", [3, 12, 500, -1])
def test_gzip_that_is_cut_short_is_told(cut: int) -> None:
    stored = gzip.compress(NOISE[:1000])
    with pytest.raises(ValueError, match=r"the gzip data is cut short"):
        decode(stored[:cut])


def test_damaged_gzip_is_told() -> None:
    stored = bytearray(gzip.compress(NOISE[:1000]))
    stored[500] ^= 0xFF
    with pytest.raises(ValueError, match=r"damaged gzip data"):
        decode(bytes(stored))


def test_the_name_of_a_blob_is_the_sha1_of_what_is_in_it() -> None:
    assert sha_of(b"abc") == "a9993e364706816aba3e25717850c26c9cd0d89d"
