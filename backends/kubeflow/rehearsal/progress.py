"""What a rehearsal shows while it runs: a line for everything, as a local run does when its output is no terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from penstock.backends.kubeflow.rehearsal.interpreter import Container
from penstock.backends.kubeflow.rehearsal.pods import PodEnded, PodEvent, PodStarted
from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.paths import Path as TaskPath

TAIL_LINES = 15


def tail(log: Path, lines: int | None = TAIL_LINES) -> list[str]:
    """The last lines of an attempt's output, all of them for None."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines if lines else None :]
    except OSError:
        return []


def pod_name(container: Container) -> str:
    """``run/step/task`` of a container, from the inputs of its task; its place in the pipeline without them."""
    inputs = container.inputs
    try:
        return f"kfp-{inputs['run']}/{inputs['step']}/{TaskPath.parse(inputs['path']).task_id}"
    except (KeyError, InvalidName):
        return container.place


class Progress:
    """Listens to the containers of one run; safe to be called from several threads.

    ``quiet`` leaves out what is no bad news.
    """

    def __init__(self, write: Callable[[str], object], *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet
        self._lock = threading.Lock()
        self.failed: list[PodEnded] = []
        """The containers that failed and were not started again, in order."""

    def __call__(self, event: PodEvent) -> None:
        """Take one event."""
        with self._lock:
            name = pod_name(event.container)
            match event:
                case PodStarted():
                    again = f" (pod {event.attempt + 1})" if event.attempt else ""
                    self.say(f"Task is starting{again}.", f"{name} ({event.place})")
                case PodEnded():
                    self._ended(event, name)

    def say(self, text: str, source: str = "", *, bad: bool = False) -> None:
        """One line."""
        if bad or not self._quiet:
            stamp = datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            self._write(f"{stamp} [{source}] {text}\n" if source else f"{stamp} {text}\n")

    def _ended(self, event: PodEnded, name: str) -> None:
        for line in tail(event.log, None):
            self.say(line.rstrip(), name)
        if not event.failure:
            self.say(f"Task finished successfully ({event.seconds:.1f} s).", name)
            return
        self.say(f"Task failed ({event.failure}){': it is tried again' if event.retried else ''}.", name, bad=True)
        if not event.retried:
            self.failed.append(event)
