"""The pods of a rehearsal on Kubernetes' schedulers: side by side on threads, each attempt told to a listener."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from penstock.backends.job_hosts.jobs import Attempt, JobHost, Outcome, Place

_STOP_SECONDS = 3.0
"""What pods get to end by themselves when somebody ends the rehearsal."""
Pod = TypeVar("Pod")
Ended = TypeVar("Ended")


@dataclass(frozen=True, slots=True)
class PodStarted:
    """Attempt ``attempt`` (from 0) of the pod ``name`` runs at ``place``."""

    name: str
    attempt: int
    place: Place
    log: Path


@dataclass(frozen=True, slots=True)
class PodEnded:
    """That attempt is over; ``failure`` is a sentence where it failed, ``retried`` whether another one follows."""

    name: str
    attempt: int
    failure: str
    retried: bool
    seconds: float
    log: Path


PodEvent = PodStarted | PodEnded
ENDED_WITH_RUN = "it was ended with the run"
"""The failure of a pod that did nothing wrong: the run around it was over."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What pods run in: ``directory`` for their files, ``path`` and ``environment`` of every container, how many run
    ``at_once``, ``grace_seconds`` between SIGTERM and SIGKILL, and who hears of them, from several threads.

    ``containers`` is the URL of a container engine to run them on, in their images, under the label of ``rehearsal``;
    empty for processes of this machine.
    """

    directory: Path
    path: str
    environment: Mapping[str, str]
    at_once: int
    grace_seconds: float
    listener: Callable[[PodEvent], None]
    containers: str = ""
    rehearsal: str = ""


class Pods(ABC, Generic[Pod, Ended]):
    """Starts pods and says how they ended; a scheduler's own say what an attempt is and when another one follows.

    Their files and logs are named ``prefix`` with a number.
    """

    def __init__(self, host: JobHost, surroundings: Surroundings, prefix: str = "pod") -> None:
        self.host = host
        self.surroundings = surroundings
        self.stopping = threading.Event()
        self._threads = ThreadPoolExecutor(surroundings.at_once, thread_name_prefix="pod")
        self._count = 0
        self._prefix = prefix

    def launch(self, pod: Pod, ended: Callable[[Ended], None]) -> None:
        """Queue a pod; ``ended`` is called from a thread when its last attempt is over."""
        self._count += 1
        name = f"{self._prefix}-{self._count}"
        self._threads.submit(self._run, name, pod, ended)

    def stop(self) -> None:
        """End everything that runs, at once after a few seconds; returns when it is gone."""
        self.stopping.set()
        # The first process of a container that has just begun hears no signal but SIGKILL.
        last = threading.Timer(_STOP_SECONDS, self.host.kill_all)
        last.start()
        try:
            self._threads.shutdown(wait=True, cancel_futures=True)
        finally:
            last.cancel()

    @abstractmethod
    def attempts(self, name: str, pod: Pod) -> Ended:
        """Run a pod to its end, with all its attempts, under a name of their own."""

    @abstractmethod
    def refused(self, sentence: str) -> Ended:
        """The end of a pod that cannot be run."""

    def attempt(
        self,
        attempt: Attempt,
        number: int,
        shown: str,
        timeout: float | None,
        result: Callable[[Outcome], tuple[Ended, str, bool]],
    ) -> Ended:
        """Run attempt ``number`` of the pod that is ``shown`` so.  ``result`` makes of its outcome what the scheduler
        does, why it failed (empty where it did not), and whether another attempt follows.
        """
        log = self.surroundings.directory / f"{attempt.name}.log"
        begin = time.monotonic()
        listener = self.surroundings.listener
        outcome = self.host.run(
            attempt,
            log,
            timeout=timeout,
            stop=self.stopping,
            started=lambda place: listener(PodStarted(shown, number, place, log)),
        )
        ended, failure, again = result(outcome)
        retried = again and not self.stopping.is_set()
        listener(PodEnded(shown, number, failure, retried, time.monotonic() - begin, log))
        return ended

    def _run(self, name: str, pod: Pod, ended: Callable[[Ended], None]) -> None:
        try:
            result = self.attempts(name, pod)
        except Exception as error:  # the run must end, whatever went wrong here
            result = self.refused(getattr(error, "message", f"the rehearsal could not run it: {error!r}"))
        ended(result)
