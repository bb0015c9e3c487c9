"""What a rehearsal shows while it runs: a line for everything, as a local run does when its output is no terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from penstock.backends.rehearsal.pods import PodEnded, PodEvent, PodStarted

TAIL_LINES = 15


def tail(log: Path, lines: int | None = TAIL_LINES) -> list[str]:
    """The last lines of an attempt's output, all of them for None."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines if lines else None :]
    except OSError:
        return []


class Progress:
    """Listens to the pods of one run; safe to be called from several threads.

    ``quiet`` leaves out what is no bad news.
    """

    def __init__(self, write: Callable[[str], object], *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet
        self._lock = threading.Lock()
        self.failed: list[PodEnded] = []
        """The pods that failed and were not started again, in order."""

    def __call__(self, event: PodEvent) -> None:
        """Take one event."""
        with self._lock:
            match event:
                case PodStarted():
                    again = f" (pod {event.attempt + 1})" if event.attempt else ""
                    self.say(f"Task is starting{again}.", f"{event.name} ({event.place})")
                case PodEnded():
                    self._ended(event)

    def say(self, text: str, source: str = "", *, bad: bool = False) -> None:
        """One line."""
        if bad or not self._quiet:
            stamp = datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            self._write(f"{stamp} [{source}] {text}\n" if source else f"{stamp} {text}\n")

    def _ended(self, event: PodEnded) -> None:
        for line in tail(event.log, None):
            self.say(line.rstrip(), event.name)
        if not event.failure:
            self.say(f"Task finished successfully ({event.seconds:.1f} s).", event.name)
            return
        retried = ": it is tried again" if event.retried else ""
        self.say(f"Task failed ({event.failure}){retried}.", event.name, bad=True)
        if not event.retried:
            self.failed.append(event)
