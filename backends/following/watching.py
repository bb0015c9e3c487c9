"""Follows a run on a server to its end: asks, tells, waits, and asks again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from penstock.backends.following.seen import SignedOut, Unanswered

if TYPE_CHECKING:
    from penstock.backends.following.seen import Sight
    from penstock.backends.following.telling import Teller
    from penstock.backends.reporting import Reporter

R = TypeVar("R")
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_PAUSE_SHARE = 1 / 20
"""Of the time that a run has taken: after 200 seconds the pause between two questions is the longest."""
PATIENCE = 600.0
"""Seconds for which the server may give no answer."""


class Watch(Generic[R]):
    """Watches the run that ``look`` shows.

    ``reconnect`` signs in again, where the server has forgotten who asks: tokens expire.  ``clock`` and ``sleep`` count
    seconds.
    """

    def __init__(
        self,
        look: Callable[[], Sight[R]],
        reporter: Reporter,
        teller: Teller,
        *,
        reconnect: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._look_at_it = look
        self._reporter = reporter
        self._teller = teller
        self._reconnect = reconnect
        self._clock, self._sleep = clock, sleep
        self._silent_since: float | None = None
        self._answered = False

    def follow(self, timeout: float | None = None) -> R | None:
        """The run when it has ended; None where that takes longer than ``timeout`` seconds.

        Raises Refused where the server does not answer for ten minutes, or does not allow to ask.
        """
        begin = self._clock()
        while True:
            sight = self._look()
            took = self._clock() - begin
            if sight is not None:
                self._teller.seen(sight.tasks, took)
                if sight.over:
                    return sight.run
            left = None if timeout is None else timeout - took
            if left is not None and left <= 0:
                return None
            pause = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, took * _PAUSE_SHARE))
            self._pause(pause if left is None else min(pause, left))

    def _look(self) -> Sight[R] | None:
        """What there is to see; None where there is no answer now and may be one later."""
        try:
            try:
                sight = self._look_at_it()
            except SignedOut:
                if not self._answered:
                    raise
                self._answered = False  # once for each time that it worked
                self._reconnect()
                sight = self._look_at_it()
        except Unanswered as unanswered:
            now = self._clock()
            if self._silent_since is None:
                self._silent_since = now
                reason = unanswered.diagnostics[0].message
                self._reporter.say(f"No answer, asking again, the run goes on: {reason}.", bad=True)
            if now - self._silent_since > PATIENCE:
                raise
            return None
        self._answered = True
        self._silent_since = None
        return sight

    def _pause(self, seconds: float) -> None:
        """Wait, with the display kept up to date."""
        end = self._clock() + seconds
        while (left := end - self._clock()) > 0:
            until_drawn = self._reporter.refresh()
            self._sleep(left if until_drawn is None else min(left, until_drawn))
