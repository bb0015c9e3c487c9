"""One attempt of a container job: what is to run, what it may use, how it ended, and who runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

CANNOT_START = 127
"""What a container host reports when the command does not exist."""
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
"""The reason of a container that the kernel ended at its memory limit, in the words of ECS and AWS Batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a container gets; memory in MiB, None where nothing is said.

    ``vcpus`` is a share of the processors where they are scarce, not a ceiling: so Batch has it, and so a laptop can
    rehearse what asks for 64.  ``swap`` is what the container may use beyond ``memory``: none without it.
    """

    memory: int | None = None
    vcpus: float | None = None
    gpus: int = 0
    shared_memory: int | None = None
    swap: int | None = None
    swappiness: int | None = None


UNLIMITED = Resources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a job, under a ``name`` of its own.

    ``command`` is an argv, which no shell sees; ``environment`` is everything that the job is told.  ``image``,
    ``user`` (the image's own where empty) and ``resources`` count in a container only.  ``leaves`` are files that the
    job may write, by what it calls them (:meth:`JobHost.inside`), with where they are afterwards on this machine.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    image: str = ""
    user: str = ""
    resources: Resources = UNLIMITED
    leaves: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt runs: in the process group that ``pid`` leads, or in the container of that (short) id."""

    pid: int | None = None
    container: str = ""

    def __str__(self) -> str:
        return f"container {self.container}" if self.container else f"pid {self.pid}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: ``exit_code`` as a container reports it (128 + n for signal n), None when nothing was
    started.

    ``timed_out`` and ``stopped`` say who ended it; ``reason`` is the container's own, empty where there is none.
    ``hopeless`` means that no further attempt could go otherwise: this machine cannot run the job.
    """

    exit_code: int | None
    reason: str = ""
    timed_out: bool = False
    stopped: bool = False
    hopeless: bool = False


class JobHost(Protocol):
    """Runs attempts, several at once; safe to use from several threads."""

    def run(
        self,
        attempt: Attempt,
        log: Path,
        *,
        timeout: float | None,
        stop: threading.Event,
        started: Callable[[Place], None],
    ) -> Outcome:
        """Run one attempt to its end, its output in ``log``; ``started`` is called once it runs.

        ``timeout`` in seconds from the start, None for none; setting ``stop`` ends the attempt.  Either asks first
        (SIGTERM) and kills after a while.
        """
        ...

    def inside(self, file: Path) -> str:
        """How an attempt calls a file that is to be at ``file`` on this machine when it has ended."""
        ...

    def kill_all(self) -> None:
        """End every attempt that runs, at once."""
        ...
