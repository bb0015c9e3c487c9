"""What a task of a container prints, as it is stored: Metaflow's MFLOG lines in ``<attempt>.task_stdout.log``."""

from __future__ import annotations

import os
import time

from penstock.runtime_shim.records import task_prefix

ATTEMPT_FILE_ENV = "PENSTOCK_ATTEMPT_FILE"
"""Environment variable with the path of a file in which a step tells the process above it which attempt it is."""
LONGEST_LINE = 1 << 20
"""Bytes after which a line without an end is stored as one."""


def tell_attempt(task: str, attempt: int) -> None:
    """Note the task's id and the storage attempt for the process that stores this one's output, where there is one."""
    path = os.environ.get(ATTEMPT_FILE_ENV)
    if path:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{task} {attempt}")


def told_attempt(path: str) -> tuple[str, int] | None:
    """What :func:`tell_attempt` wrote, None as long as it has not."""
    try:
        with open(path, encoding="ascii") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    task, _, attempt = text.partition(" ")
    return (task, int(attempt)) if attempt.isdecimal() else None


def log_key(flow: str, run: str, step: str, task: str, attempt: int, stream: str, source: str = "task") -> str:
    """Where the output of an attempt is stored; ``stream`` is ``stdout`` or ``stderr``.

    ``source`` is who stores it: ``task`` the container itself, ``runtime`` the process that started it on a laptop.
    """
    return f"{task_prefix(flow, run, step, task)}{attempt}.{source}_{stream}.log"


def utc_stamp(now: float | None = None) -> str:
    """The time as it stands in a stored line; ``now`` in seconds of UTC, this moment where None."""
    seconds = time.time() if now is None else now
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06d}"


def stored_line(line: bytes, stamp: str, source: str, line_id: str) -> bytes:
    """``line`` as it is stored, with its end."""
    return f"[MFLOG|0|{stamp}Z|{source}|{line_id}]".encode() + line + b"\n"


class StreamLog:
    """The lines of one stream, on disk until they are stored.

    A line is ``[MFLOG|0|<UTC time>Z|task|<id>]text``; ids are unique, as Metaflow's readers merge streams by time and
    id.
    """

    def __init__(self) -> None:
        import tempfile
        import uuid

        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - as long as the process
        self._rest = b""
        self._prefix = uuid.uuid4().hex
        self._lines = 0
        self.size = 0
        """Bytes of :meth:`stored`."""
        self.tail = b""
        """The last bytes of the stream, undecorated: enough for a traceback's last line."""

    def feed(self, data: bytes, now: float | None = None) -> None:
        """Take what the task has written; ``now`` is when, in seconds of UTC."""
        self.tail = (self.tail + data)[-4096:]
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        stamp = utc_stamp(now)
        decorated = b"".join(self._decorated(line, stamp) for line in lines)
        view = memoryview(decorated)
        while view:
            view = view[self._file.write(view) :]
        self.size += len(decorated)

    def end(self) -> None:
        """Nothing more comes: a line without an end is one all the same."""
        if self._rest:
            self.feed(b"\n")

    def close(self) -> None:
        """Forget the lines."""
        self._file.close()

    def stored(self) -> bytes:
        """Every whole line so far, as it is stored.  May be called while another thread feeds."""
        return os.pread(self._file.fileno(), self.size, 0)

    def _decorated(self, line: bytes, stamp: str) -> bytes:
        self._lines += 1
        return stored_line(line, stamp, "task", f"{self._prefix}-{self._lines}")
