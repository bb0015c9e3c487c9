"""Stored output is read in the order of time, whoever stored it."""

from __future__ import annotations

from datetime import datetime, timezone

from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.logs import LogLine, parse_line, read_log
from penstock.runtime_shim.task_logs import log_key, stored_line, utc_stamp

TASK = ("F", "1", "a", "t")


def at(second: int) -> datetime:
    return datetime(2026, 1, 1, 0, 0, second, tzinfo=timezone.utc)


def line(second: int, text: str, source: str = "task") -> bytes:
    return stored_line(text.encode(), utc_stamp(at(second).timestamp()), source, f"id-{second}")


def log(store: LocalDatastore, attempt: int = 0, stream: str = "stdout") -> list[LogLine]:
    return read_log(store, TASK, attempt, stream, store.children("F/1/a/t/"))


def test_what_is_stored_is_read() -> None:
    assert parse_line(line(1, "it [says] so").rstrip(b"\n")) == LogLine(b"it [says] so", at(1), "task")


def test_a_line_of_metaflows_is_read() -> None:
    stored = b"[MFLOG|0|2026-11-21T02:01:07.777223Z|runtime|32b4df50-2fb4-4a10-8145-3ee80607049d]hello"
    assert parse_line(stored) == LogLine(b"hello", datetime(2026, 11, 21, 2, 1, 7, 777223, timezone.utc), "runtime")
    assert parse_line(b"[!" + stored) == parse_line(stored)


def test_other_lines_are_text_without_a_time() -> None:
    for text in (b"", b"plain", b"[MFLOG|0|yesterdayZ|task|1]x", b"[MFLOG|0|2026-01-01T00:00:00.0Z|task"):
        assert parse_line(text) == LogLine(text)


def test_both_sources_are_merged_by_time_and_lines_without_one_come_last(local_store: LocalDatastore) -> None:
    local_store.put(log_key(*TASK, 0, "stdout"), line(1, "one") + line(3, "three") + b"odd\n")
    local_store.put(log_key(*TASK, 0, "stdout", "runtime"), line(2, "two", "runtime") + line(4, "four", "runtime"))
    local_store.put(log_key(*TASK, 1, "stdout"), line(1, "another attempt"))
    local_store.put(log_key(*TASK, 0, "stderr"), line(1, "another stream"))
    assert [one.text for one in log(local_store)] == [b"one", b"two", b"three", b"four", b"odd"]
    assert [one.text for one in log(local_store, 1)] == [b"another attempt"]
    assert [one.text for one in log(local_store, 0, "stderr")] == [b"another stream"]


def test_metaflow_2_0_logs_are_read(local_store: LocalDatastore) -> None:
    local_store.put("F/1/a/t/0.stdout.log", b"plain\nlines\n\nno end")
    assert [one.text for one in log(local_store)] == [b"plain", b"lines", b"", b"no end"]


def test_lines_of_one_moment_keep_their_order(local_store: LocalDatastore) -> None:
    local_store.put(log_key(*TASK, 0, "stdout"), b"".join(line(1, str(number)) for number in range(20)))
    assert [one.text for one in log(local_store)] == [b"%d" % number for number in range(20)]


def test_a_task_without_output_has_none(local_store: LocalDatastore) -> None:
    assert log(local_store) == []
