"""@timeout: the code of a step is ended in time, with every process it has started.

At the deadline a signal ends those processes and raises :class:`TimeoutException` in the step, so that the failure is
stored, retried and caught like any other.  Code that does not come back to Python in time (a long call into C, or one
that goes on after the exception) is ended by a thread that needs no Python: it shows where every thread stands and ends
the process with exit code 1, the user's failure as well.
"""

from __future__ import annotations

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from penstock.runtime_shim.descendants import adopt_orphans, end_descendants

GRACE = 10.0
"""Seconds that a step may take to end once it has been told."""
_STDERR = 2


class TimeoutException(Exception):
    """A step took longer than its @timeout allows."""


@contextmanager
def limited(step: str, seconds: float) -> Iterator[None]:
    """Let what is inside run for so many seconds; in the main thread only.

    Raises TimeoutException inside.
    """

    def expire(number: int, frame: FrameType | None) -> None:
        end_descendants()
        raise TimeoutException(f"step `{step}` ran longer than the {seconds:g} s that its @timeout allows")

    adopt_orphans()
    before = signal.signal(signal.SIGALRM, expire)
    faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=_STDERR)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
