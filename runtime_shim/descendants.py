"""The processes that this one has started, theirs included: found and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

_SET_CHILD_SUBREAPER = 36
"""``PR_SET_CHILD_SUBREAPER`` of prctl(2)."""
_ROUNDS = 50
"""A process that starts others while it is being ended is looked for again, so many times."""
_PAUSE = 0.02


class _Process(NamedTuple):
    pid: int
    parent: int


def adopt_orphans() -> None:
    """Let processes whose parent ends become children of this one, as far as the system can, so that those that have
    gone into the background can be found.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Kill every process below this one; returns when none is left, or after a second."""
    for _ in range(_ROUNDS):
        found = list(_descendants())
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)


def _descendants() -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for process in _processes():
        children.setdefault(process.parent, []).append(process.pid)
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        yield from below
        waiting += below


def _processes() -> Iterator[_Process]:
    """All that have not ended."""
    if not os.path.exists("/proc/self/stat"):
        yield from _listed()
        return
    for name in os.listdir("/proc"):
        if name.isdecimal():
            # It may be gone by now.
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # The name of the program stands in parentheses and may hold anything, spaces and parentheses too.
                state, parent = file.read().rpartition(b")")[2].split()[:2]
                if state not in (b"Z", b"X"):
                    yield _Process(int(name), int(parent))


def _listed() -> Iterator[_Process]:
    """Where there is no /proc (macOS)."""
    with subprocess.Popen(["/bin/ps", "-A", "-o", "pid=,ppid=,stat="], stdout=subprocess.PIPE, text=True) as listing:
        for line in listing.stdout or ():
            pid, parent, state = line.split()[:3]
            if int(pid) != listing.pid and not state.startswith("Z"):
                yield _Process(int(pid), int(parent))
