"""Requests side by side, in order, with a bound on what is in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 16
"""Requests under way at once; more gain little, since what is done for each holds the interpreter's lock."""
BYTES = 256 << 20
"""Bytes that may be under way or wait to be taken before the next request starts."""


def ordered(
    function: Callable[[T], R], items: Iterable[T], size: Callable[[R], int], *, workers: int = WORKERS
) -> Iterator[R]:
    """``function`` of each item, in the order of the items; raises what the first failing one raised.

    A single item is done right here, without a thread.
    """
    iterator = iter(items)
    first = list(islice(iterator, 2))
    if len(first) < 2:
        yield from map(function, first)
        return
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in first:
                pending.append(pool.submit(function, item))
            while pending:
                waiting = sum(size(future.result()) for future in pending if _succeeded(future))
                for item in islice(iterator, 2 * workers - len(pending) if waiting < BYTES else 0):
                    pending.append(pool.submit(function, item))
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def all_done(function: Callable[[T], object], items: Iterable[T], size: Callable[[T], int]) -> None:
    """``function`` of each item, in any order; the next item is taken only when there is room for it.

    Raises what the first failing one raised, when those under way have ended.
    """
    iterator = iter(items)
    first = list(islice(iterator, 2))
    if len(first) < 2:
        for item in first:
            function(item)
        return
    under_way: dict[Future[object], int] = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for item in _chained(first, iterator):
                under_way[pool.submit(function, item)] = size(item)
                while len(under_way) >= 2 * WORKERS or sum(under_way.values()) >= BYTES:
                    _reap(under_way, wait(under_way, return_when=FIRST_COMPLETED).done)
            _reap(under_way, wait(under_way).done)
        finally:
            for future in under_way:
                future.cancel()


def _chained(first: list[T], rest: Iterator[T]) -> Iterator[T]:
    while first:
        yield first.pop(0)
    yield from rest


def _reap(under_way: dict[Future[object], int], done: Iterable[Future[object]]) -> None:
    for future in done:
        del under_way[future]
        future.result()


def _succeeded(future: Future[R]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
