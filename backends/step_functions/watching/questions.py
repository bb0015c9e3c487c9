"""Asks AWS with patience: a watcher outlives a network that is gone for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from penstock.backends.step_functions.aws import asking, is_passing

_PATIENCE = 600.0
"""Seconds for which AWS may give no answer, or ask to slow down."""

T = TypeVar("T")


class Questions:
    """``what`` they are for, as a sentence's end; ``say`` is told once of each silence; ``clock`` counts seconds."""

    def __init__(self, what: str, say: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._what = what
        self._say = say
        self._clock = clock
        self._silent_since: float | None = None

    def ask(self, question: Callable[[], T]) -> T | None:
        """The answer; None where there is none now and may be one later.

        Raises Refused where AWS refuses to answer, or has been silent for ten minutes.
        """
        with asking(self._what):
            try:
                answer = question()
            except Exception as error:
                if not is_passing(error) or not self._bear(error):
                    raise
                return None
        self._silent_since = None
        return answer

    def _bear(self, error: Exception) -> bool:
        """Whether to go on asking."""
        now = self._clock()
        if self._silent_since is None:
            self._silent_since = now
            self._say(f"AWS gives no answer ({type(error).__name__}); asking again, the run goes on.")
        return now - self._silent_since <= _PATIENCE
