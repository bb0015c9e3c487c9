"""Requests side by side keep their order, stop at the first failure, and hold only so much in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from penstock.runtime_shim.datastore import parallel
from penstock.runtime_shim.datastore.parallel import all_done, ordered


def test_results_come_in_the_order_of_the_items() -> None:
    def slow(number: int) -> bytes:
        time.sleep((40 - number) / 10_000)
        return b"%d" % number

    assert list(ordered(slow, range(40), len)) == [b"%d" % number for number in range(40)]


def test_a_single_item_takes_no_thread() -> None:
    assert list(ordered(lambda _: threading.current_thread(), [1], lambda _: 1)) == [threading.current_thread()]
    seen: list[threading.Thread] = []
    all_done(lambda _: seen.append(threading.current_thread()), [1], lambda _: 1)
    assert seen == [threading.current_thread()]
    assert list(ordered(len, [], int)) == []


def test_requests_run_side_by_side() -> None:
    """Each waits until four are under way: one after the other they would wait for ever."""
    barrier = threading.Barrier(4)
    assert len(list(ordered(lambda _: barrier.wait(30), range(8), lambda _: 1))) == 8


def test_the_first_failure_is_raised_and_the_rest_given_up() -> None:
    done: list[int] = []

    def work(number: int) -> bytes:
        if number == 3:
            raise ValueError(str(number))
        time.sleep(0.001)
        done.append(number)
        return b""

    with pytest.raises(ValueError, match=r"\A3\Z"):
        list(ordered(work, range(10_000), len))
    assert len(done) < 200
    done.clear()
    with pytest.raises(ValueError, match=r"\A3\Z"):
        all_done(work, range(10_000), lambda _: 1)
    assert len(done) < 200


def test_a_slow_taker_is_not_drowned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "BYTES", 1000)
    asked: list[int] = []

    def fetch(number: int) -> bytes:
        asked.append(number)
        return b"x" * 500

    results = ordered(fetch, range(1000), len, workers=2)
    next(results)
    time.sleep(0.05)
    assert len(asked) <= 6


def test_what_is_put_is_taken_only_when_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "BYTES", 1000)
    living = 0
    most = 0
    lock = threading.Lock()

    def objects() -> Iterator[bytes]:
        nonlocal living, most
        for _ in range(50):
            with lock:
                living += 1
                most = max(most, living)
            yield b"x" * 500

    def put(data: bytes) -> None:
        nonlocal living
        time.sleep(0.001)
        with lock:
            living -= 1

    all_done(put, objects(), len)
    assert most <= 4
    assert living == 0
