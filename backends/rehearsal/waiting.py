"""Waiting in the main thread for what others bring, with an ear for Ctrl-C."""

from __future__ import annotations

import math
import queue
import time
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
_SECONDS = 0.5


def next_of(events: queue.Queue[T], latest: float = math.inf) -> T:
    """The next event, waited for until the time ``latest`` of the monotonic clock.

    Raises queue.Empty then.  Nothing waits for longer than a moment at once: Python hears a signal only when the main
    thread runs, and the system may wake another thread for it.
    """
    while True:
        with suppress(queue.Empty):
            return events.get(timeout=max(0.0, min(_SECONDS, latest - time.monotonic())))
        if time.monotonic() >= latest:
            raise queue.Empty
