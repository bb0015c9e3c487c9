"""A child whose output is passed on as it comes and kept as lines; signals reach it, and it never outlives a
deadline.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping

from penstock.runtime_shim.task_logs import StreamLog

Store = Callable[[Mapping[str, StreamLog], bool], None]
"""Stores the logs; the second argument tells whether they are complete."""

GRACE = 20.0
"""Seconds between a SIGTERM passed on to the child and its SIGKILL; AWS Batch gives a container 30 in all."""
FIRST_PARTIAL, LAST_PARTIAL = 10.0, 300.0
"""Seconds until what a running step printed is stored for the first time, and at most between two times.  The time
doubles from the one to the other: an hour's task costs some 20 writes for each stream that grows, not 360.
"""
_DRAIN = 1.0
"""Seconds that output is waited for when the child has ended but something it started holds its stdout."""
_FORWARDED = (signal.SIGTERM, signal.SIGINT)
_DESCRIPTORS = {"stdout": 1, "stderr": 2}


class Supervisor:
    """Forks once, watches the child, and stores its output."""

    def __init__(self, store: Store) -> None:
        self.logs: dict[str, StreamLog] = {name: StreamLog() for name in _DESCRIPTORS}
        self._store = store
        self._child = 0
        self._pipes: dict[int, str] = {}
        self._kill_at: float | None = None
        self._storing: threading.Thread | None = None

    def fork(self) -> int:
        """As ``os.fork``: 0 in the child, whose stdout and stderr lead to the parent."""
        sys.stdout.flush()
        sys.stderr.flush()
        pairs = {name: os.pipe() for name in _DESCRIPTORS}
        signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
        self._child = os.fork()
        if self._child == 0:
            for name, (_, write) in pairs.items():
                os.dup2(write, _DESCRIPTORS[name])
            for pair in pairs.values():
                os.close(pair[0])
                os.close(pair[1])
            # Started as the first process of a container, SIGINT and SIGTERM would be ignored.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
        else:
            for name, (read, write) in pairs.items():
                os.close(write)
                os.set_blocking(read, False)
                self._pipes[read] = name
            for number in _FORWARDED:
                signal.signal(number, self._forward)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        return self._child

    def watch(self) -> int:
        """Pass the child's output on until it has ended; its exit code, 128 + N where signal N ended it."""
        wake, woken = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its arrival alone wakes the loop up, through the pipe
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        status: int | None = None
        ended_at = 0.0
        partial_at, pause = time.monotonic() + FIRST_PARTIAL, FIRST_PARTIAL
        with selectors.DefaultSelector() as selector:
            for descriptor in (*self._pipes, wake):
                selector.register(descriptor, selectors.EVENT_READ)
            while status is None or (self._pipes and time.monotonic() < ended_at + _DRAIN):
                for key, _ in selector.select(self._timeout(partial_at, status)):
                    if not self._read(key.fd) and key.fd != wake:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                        del self._pipes[key.fd]
                if status is None:
                    status = self._reap()
                    ended_at = time.monotonic()
                self._kill_if_late()
                if status is None and time.monotonic() >= partial_at:
                    self._store_partly()
                    pause = min(pause * 2, LAST_PARTIAL)
                    partial_at = time.monotonic() + pause
        signal.set_wakeup_fd(-1)
        os.close(wake)
        os.close(woken)
        return status

    @property
    def stopped(self) -> bool:
        """Whether a signal came that told this process to end, and was passed on."""
        return self._kill_at is not None

    def add(self, stream: str, data: bytes) -> None:
        """Say something after the child, where it would have said it."""
        _write(_DESCRIPTORS[stream], data)
        self.logs[stream].feed(data)

    def end(self) -> None:
        """Store everything; the logs can't be read any more."""
        if self._storing is not None:
            self._storing.join()
        for log in self.logs.values():
            log.end()
        self._store(self.logs, True)
        for log in self.logs.values():
            log.close()
        for number in _FORWARDED:  # to nobody any more
            signal.signal(number, signal.SIG_DFL)

    def _timeout(self, partial_at: float, status: int | None) -> float:
        if status is not None:
            return _DRAIN
        until = min(at for at in (partial_at, self._kill_at) if at is not None)
        return max(0.0, until - time.monotonic())

    def _read(self, descriptor: int) -> bool:
        """Pass on what there is; False at the end of the stream."""
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return True
        name = self._pipes.get(descriptor)
        if data and name is not None:
            _write(_DESCRIPTORS[name], data)
            self.logs[name].feed(data)
        return bool(data)

    def _reap(self) -> int | None:
        pid, status = os.waitpid(self._child, os.WNOHANG)
        if pid == 0:
            return None
        code = os.waitstatus_to_exitcode(status)
        return 128 - code if code < 0 else code

    def _forward(self, number: int, _frame: object) -> None:
        if self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE
        os.kill(self._child, number)

    def _kill_if_late(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            os.kill(self._child, signal.SIGKILL)
            self._kill_at = time.monotonic() + GRACE

    def _store_partly(self) -> None:
        """Store what there is so far, beside the loop: the child must not wait for a slow store."""
        if self._storing is None or not self._storing.is_alive():
            self._storing = threading.Thread(target=self._store, args=(self.logs, False), daemon=True)
            self._storing.start()


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:  # the platform's log is gone: the step goes on, and its output is stored all the same
        return
