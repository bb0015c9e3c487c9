"""Reading what tasks printed: Metaflow's MFLOG lines, whoever stored them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.records import task_prefix
from penstock.runtime_shim.task_logs import log_key

_LINE = re.compile(rb"(?:\[!)?\[MFLOG\|0\|(.+?)Z\|(.+?)\|(.+?)\](.*)", re.DOTALL)
_ATTEMPT = re.compile(r"([0-9]{1,3})\.")
_SOURCES = ("runtime", "task")


class LogLine(NamedTuple):
    """One line, without its end; ``stamp`` is its time in UTC (``2026-01-31T12:00:00.123456``), empty where unknown."""

    stamp: str
    text: bytes


def read_log(
    store: Datastore, flow: str, run: str, step: str, task: str, stream: str, attempt: int | None = None
) -> list[LogLine]:
    """What a task printed to ``stream`` (``stdout`` or ``stderr``) in its last attempt or in ``attempt``, by time.

    Empty for a task that printed nothing or is not there.  Raises StorageFailure.
    """
    number = latest_attempt(store, flow, run, step, task) if attempt is None else attempt
    names = (flow, run, step, task, number, stream)
    stored = [data for source in _SOURCES if (data := _get(store, log_key(*names, source))) is not None]
    if not stored:
        # Metaflow 2.0.5 stored the stream as it was.
        plain = _get(store, f"{task_prefix(flow, run, step, task)}{number}.{stream}.log")
        return [LogLine("", text) for text in (plain or b"").splitlines()]
    return merged(stored)


def latest_attempt(store: Datastore, flow: str, run: str, step: str, task: str) -> int:
    """The highest attempt that left any file, 0 where none did; a task may print before it begins its attempt."""
    matches = map(_ATTEMPT.match, store.children(task_prefix(flow, run, step, task)))
    return max((int(match.group(1)) for match in matches if match), default=0)


def merged(stored: Iterable[bytes]) -> list[LogLine]:
    """The lines of several stored logs by time; a line that is none keeps its place after the one before it."""
    lines = [line for data in stored for line in _parsed(data)]
    return sorted(lines, key=lambda line: line.stamp)


def _parsed(data: bytes) -> Iterator[LogLine]:
    stamp = ""
    for line in data.split(b"\n")[: -1 if data.endswith(b"\n") else None]:
        match = _LINE.fullmatch(line)
        if match:
            stamp = match.group(1).decode("ascii", "replace")
        yield LogLine(stamp, match.group(4) if match else line)


def _get(store: Datastore, key: str) -> bytes | None:
    try:
        return store.get(key)
    except Missing:
        return None
