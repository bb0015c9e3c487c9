"""An AWS of one's own for a while: S3, Batch and Step Functions on the loopback interface, in a process of its own."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from penstock.backends.job_hosts.processes import kill_group
from penstock.backends.rehearsal.embedded import REGION, EmbeddedServer
from penstock.backends.step_functions.rehearsal.messages import (
    HISTORY_LIMIT,
    EngineOptions,
    Event,
    ExecutionEnded,
    JobEnded,
    JobStarted,
    Ready,
    from_line,
)

if TYPE_CHECKING:
    from penstock.backends.job_hosts.container_engine import ContainerEngine

QUEUE = "penstock-rehearsal"
"""The job queue that is there from the start."""
ACCOUNT = "123456789012"
"""moto's account."""


class Engine(EmbeddedServer):
    """Runs while it is entered; jobs are processes, or containers on the engine ``containers``::

        with Engine() as engine:
            engine.client("s3").create_bucket(Bucket="b")

    Its events go to every listener, from a thread of its own.  Several rehearsals may share one engine.  However the
    block is left, the engine's process and every job are gone afterwards; they are too when this process is killed.
    """

    def __init__(
        self,
        *,
        jobs_at_once: int | None = None,
        grace_seconds: float = 30.0,
        history_limit: int = HISTORY_LIMIT,
        containers: ContainerEngine | None = None,
    ) -> None:
        super().__init__("penstock.backends.step_functions.rehearsal.server")
        self._options = EngineOptions(
            secret=self.secret,
            directory=str(self.directory),
            python=sys.executable,
            region=REGION,
            jobs_at_once=jobs_at_once or max(4, 2 * (os.cpu_count() or 1)),
            grace_seconds=grace_seconds,
            history_limit=history_limit,
            containers=containers.url if containers else "",
            rehearsal=secrets.token_hex(8),
        )
        self._containers = containers
        self._listeners: list[Callable[[Event], None]] = []
        self._groups: dict[tuple[str, int], int] = {}

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` with every event from now on; returns the function that ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def options(self) -> str:
        """What the engine is to be, as JSON."""
        return self._options.to_line()

    def hear(self, line: str) -> None:
        """Take an event, and tell every listener."""
        event = from_line(line)
        match event:
            case Ready(port=port):
                self.answers_on(port)
            case JobStarted(job=job, attempt=attempt, pid=int(pid)):
                self._groups[job, attempt] = pid
            case JobEnded(job=job, attempt=attempt):
                self._groups.pop((job, attempt), None)
            case JobStarted() | ExecutionEnded():  # a container is ended by its label
                pass
        for listener in list(self._listeners):
            listener(event)

    def ended(self, well: bool) -> None:
        """End what the engine has left: processes where it died before it could, containers in any case."""
        for leader in () if well else list(self._groups.values()):
            kill_group(leader)
        if self._containers is not None:
            self._containers.remove(self._options.rehearsal)
