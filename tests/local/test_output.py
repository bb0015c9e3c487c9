"""Lines from a task's pipes: cut, kept, cut off."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from penstock.backends.local.output import Stream
from penstock.runtime_shim.datastore.logs import parse_line


@pytest.fixture
def stream() -> Iterator[Stream]:
    stream = Stream("stdout", 1000)
    yield stream
    stream.close()


def texts(stream: Stream) -> list[bytes]:
    return [parse_line(line).text for line in stream.stored().split(b"\n")[:-1]]


def test_nothing_to_read_is_no_lines_and_does_not_wait(stream: Stream) -> None:
    assert stream.read() == ([], True)


def test_a_line_comes_when_it_is_complete(stream: Stream) -> None:
    os.write(stream.writing, b"one\ntw")
    assert stream.read() == ([b"one"], True)
    os.write(stream.writing, b"o\n")
    assert stream.read() == ([b"two"], True)


def test_the_last_line_needs_no_end(stream: Stream) -> None:
    os.write(stream.writing, b"all\nbut this")
    stream.read()
    assert stream.finish() == [b"but this"]
    assert texts(stream) == [b"all", b"but this"]


def test_a_closed_pipe_has_no_more(stream: Stream) -> None:
    stream.close_writing()
    assert stream.read() == ([], False)


def test_what_holds_the_pipe_open_after_the_task_is_not_waited_for(stream: Stream) -> None:
    os.write(stream.writing, b"last\n")
    assert stream.finish() == [b"last"]  # `writing` is still open here


def test_stored_lines_carry_time_source_and_an_id_of_their_own(stream: Stream) -> None:
    os.write(stream.writing, b"a\nb\n")
    stream.read()
    pattern = rb"\[MFLOG\|0\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\|runtime\|([0-9a-f]+-\d+)\](a|b)\n"
    found = re.findall(pattern, stream.stored())
    assert [text for _, text in found] == [b"a", b"b"]
    assert len({line_id for line_id, _ in found}) == 2


def test_bytes_that_are_no_text_are_stored_as_they_are(stream: Stream) -> None:
    os.write(stream.writing, b"\xff\x00\r\n")
    stream.read()
    assert texts(stream) == [b"\xff\x00\r"]


def test_after_the_limit_one_line_says_so_and_showing_goes_on(stream: Stream) -> None:
    os.write(stream.writing, b"x" * 600 + b"\n" + b"y" * 600 + b"\nz\n")
    assert len(stream.read()[0]) == 3
    assert texts(stream) == [b"x" * 600, b"[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"]


def test_a_line_without_an_end_is_shown_in_pieces() -> None:
    stream = Stream("stdout", 1 << 20)
    shown = 0
    for _ in range(3):
        os.write(stream.writing, b"x" * 60_000)
        shown += sum(map(len, stream.read()[0]))
    assert shown == 2 * 65_536
    assert sum(map(len, stream.finish())) == 180_000 - shown
    stream.close()
