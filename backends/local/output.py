"""What tasks write: read from their pipes without waiting, cut into lines, kept for `logs`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

from penstock.backends.local.schedule import Task
from penstock.runtime_shim.task_logs import stored_line, utc_stamp

_READ_BYTES = 1 << 16
_LONGEST_LINE = 1 << 16
"""A line without an end is shown in pieces of this many bytes."""
_TRUNCATED = b"[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"


class Stream:
    """``stdout`` or ``stderr`` of one task: ``descriptor`` is the end that is read, ``writing`` that of the task.

    At most ``max_bytes`` of stored lines are kept, as Metaflow does; what is shown is not limited.
    """

    def __init__(self, name: str, max_bytes: int) -> None:
        self.name = name
        self.descriptor, self.writing = os.pipe()
        os.set_blocking(self.descriptor, False)
        self._max_bytes = max_bytes
        self._partial = b""
        self._stored: list[bytes] = []
        self._size = 0
        self._truncated = False
        self._id = uuid.uuid4().hex

    def read(self) -> tuple[list[bytes], bool]:
        """The lines that are complete now, and whether more may come."""
        try:
            data = os.read(self.descriptor, _READ_BYTES)
        except BlockingIOError:
            return [], True
        return list(self._lines(data)), bool(data)

    def finish(self) -> list[bytes]:
        """What the pipe still holds, the last line without an end included.

        Not until the end of the file: what the task left running in the background may hold the pipe open.
        """
        lines: list[bytes] = []
        while True:
            try:
                data = os.read(self.descriptor, _READ_BYTES)
            except BlockingIOError:
                break
            if not data:
                break
            lines.extend(self._lines(data))
        if self._partial:
            lines.append(self._keep(self._partial))
            self._partial = b""
        return lines

    def close_writing(self) -> None:
        """Close our copy of the task's end."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    def close(self) -> None:
        """Close both ends."""
        self.close_writing()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def note(self, text: str) -> None:
        """Keep a line of the orchestrator's own, whatever the size."""
        self._stored.append(self._as_stored(text.encode()))

    def stored(self) -> bytes:
        """The lines as Metaflow stores them: with time, source and id."""
        return b"".join(self._stored)

    def _lines(self, data: bytes) -> Iterator[bytes]:
        *complete, self._partial = (self._partial + data).split(b"\n")
        for line in complete:
            yield self._keep(line)
        while len(self._partial) > _LONGEST_LINE:
            yield self._keep(self._partial[:_LONGEST_LINE])
            self._partial = self._partial[_LONGEST_LINE:]

    def _keep(self, line: bytes) -> bytes:
        if not self._truncated:
            if self._size + len(line) < self._max_bytes:
                self._stored.append(self._as_stored(line))
                self._size += len(line) + 1
            else:
                self._stored.append(self._as_stored(_TRUNCATED))
                self._truncated = True
        return line

    def _as_stored(self, line: bytes) -> bytes:
        return stored_line(line, utc_stamp(), "runtime", f"{self._id}-{len(self._stored)}")


class RunningTask:
    """A task that has been launched, with its two streams; ``source`` is what stands before its lines."""

    def __init__(self, run: str, task: Task, log_bytes: int) -> None:
        self.task = task
        self.pathspec = f"{run}/{task}"
        self.source = self.pathspec
        self.stdout = Stream("stdout", log_bytes)
        try:
            self.stderr = Stream("stderr", log_bytes)
        except OSError:
            self.stdout.close()
            raise

    @property
    def streams(self) -> tuple[Stream, Stream]:
        """Both."""
        return self.stdout, self.stderr

    def close(self) -> None:
        """Give the descriptors back."""
        for stream in self.streams:
            stream.close()
