"""Signals and other threads, as something a selector can wait for."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a run."""
_WAKE = b"\0"


class Wakeups:
    """A pipe to oneself: a byte for every signal (its number) and for every :meth:`wake`."""

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)

    def fileno(self) -> int:
        """What to select on."""
        return self._reading.fileno()

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """While inside, SIGCHLD and the interruptions do nothing but wake; main thread only."""
        before = {number: signal.signal(number, _nothing) for number in (signal.SIGCHLD, *INTERRUPTIONS)}
        wakeup_before = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup_before)
            for number, handler in before.items():
                signal.signal(number, handler)

    def wake(self) -> None:
        """From any thread."""
        with contextlib.suppress(BlockingIOError):  # full: the other end is going to wake anyway
            self._writing.send(_WAKE)

    def drain(self) -> list[signal.Signals]:
        """The interruptions since the last call, in their order."""
        data = b""
        with contextlib.suppress(BlockingIOError):
            while piece := self._reading.recv(4096):
                data += piece
        return [signal.Signals(byte) for byte in data if byte in INTERRUPTIONS]

    def close(self) -> None:
        """Give the descriptors back."""
        self._reading.close()
        self._writing.close()


def _nothing(number: int, frame: object) -> None:
    """The signal's byte in the pipe says it all."""
