"""The stored output of a task, whoever stored it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.records import task_prefix
from penstock.runtime_shim.task_logs import log_key

SOURCES = ("runtime", "task")
"""Who stores output: the process that started the task on a laptop, or the container itself."""
_LINE = re.compile(rb"(?:\[!)?\[MFLOG\|0\|(.+?)Z\|(.+?)\|(.+?)\](.*)", re.DOTALL)
_NO_TIME = datetime.max.replace(tzinfo=timezone.utc)
"""Lines without a time come after those that have one, as in Metaflow."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line without its end; ``time`` in UTC, None where the line was stored without."""

    text: bytes
    time: datetime | None = None
    source: str = ""


def parse_line(line: bytes) -> LogLine:
    """Read ``[MFLOG|0|<UTC time>Z|<source>|<id>]text``; anything else is text without a time."""
    match = _LINE.match(line)
    time = _time(match.group(1).decode("ascii", "replace")) if match else None
    if match is None or time is None:
        return LogLine(line)
    return LogLine(match.group(4), time, match.group(2).decode("utf-8", "replace"))


def read_log(
    store: Datastore, task: tuple[str, str, str, str], attempt: int, stream: str, names: Sequence[str]
) -> list[LogLine]:
    """The lines of ``stream`` (``stdout``, ``stderr``) of an attempt of the task ``(flow, run, step, task id)``, in
    order of time.

    ``names`` are the files of the task, as a listing gives them; only logs among them are asked for.  Those of Metaflow
    2.0 (``0.stdout.log``) have no times.  Raises StorageFailure.
    """
    prefix = task_prefix(*task)
    wanted = [log_key(*task, attempt, stream, source) for source in SOURCES]
    wanted.append(f"{prefix}{attempt}.{stream}.log")
    present = set(names)
    lines: list[LogLine] = []
    for key in wanted:
        if key.removeprefix(prefix) in present:
            lines.extend(parse_line(line) for line in _lines(store, key))
    # Each file is in order already, and sorting keeps the order of equal times.
    return sorted(lines, key=lambda line: line.time or _NO_TIME)


def _lines(store: Datastore, key: str) -> Iterator[bytes]:
    try:
        data = store.get(key)
    except Missing:
        return
    parts = data.split(b"\n")
    if not parts[-1]:
        parts.pop()
    yield from parts


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
