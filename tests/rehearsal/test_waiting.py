"""What a rehearsal waits for, it waits for with an ear for Ctrl-C."""

from __future__ import annotations

import queue
import signal
import threading
import time

import pytest

from penstock.backends.rehearsal.waiting import next_of


def test_what_comes_late_is_taken() -> None:
    events: queue.Queue[int] = queue.Queue()
    late = threading.Timer(0.8, events.put, [7])
    late.start()
    assert next_of(events) == 7
    late.join()


def test_waiting_ends_at_its_time() -> None:
    begin = time.monotonic()
    with pytest.raises(queue.Empty):
        next_of(queue.Queue(), begin + 0.7)
    assert time.monotonic() - begin >= 0.7
    with pytest.raises(queue.Empty):
        next_of(queue.Queue(), begin)


def test_what_is_there_is_taken_after_the_time_too() -> None:
    events: queue.Queue[int] = queue.Queue()
    events.put(7)
    assert next_of(events, time.monotonic() - 1) == 7


def test_a_signal_that_wakes_another_thread_is_heard() -> None:
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    assert other.ident is not None
    late = threading.Timer(0.2, signal.pthread_kill, [other.ident, signal.SIGINT])
    late.start()
    with pytest.raises(KeyboardInterrupt):
        next_of(queue.Queue(), time.monotonic() + 20)
    over.set()
    for thread in (other, late):
        thread.join()
