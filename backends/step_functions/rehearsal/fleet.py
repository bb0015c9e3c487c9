"""AWS Batch's part of a rehearsal: which attempts a job gets, with which environment, and how many jobs run at once.

Written from the AWS Batch user guide ("Automated job retries", "Job timeouts", "Job environment variables"),
without moto: :mod:`.mends.batch` puts it in the place of moto's own job.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from penstock.backends.job_hosts.jobs import UNLIMITED, Attempt, JobHost, Outcome, Place, Resources
from penstock.backends.step_functions.rehearsal.messages import EngineOptions, Event, JobEnded, JobStarted

CONTAINER_EXITED = "Essential container in task exited"
TIMED_OUT = "Job attempt duration exceeded timeout"
OVERRIDE_CHARACTERS = 8192
"""ECS takes at most that many characters of container overrides, the JSON around them included."""


@dataclass(frozen=True, slots=True)
class ExitCondition:
    """One ``evaluateOnExit`` entry: the patterns that are given must all match; ``retry`` is its action."""

    retry: bool
    exit_code: str | None = None
    reason: str | None = None
    status_reason: str | None = None

    def matches(self, outcome: Outcome) -> bool:
        """Whether this condition decides about an attempt that ended so."""
        code = "" if outcome.exit_code is None else str(outcome.exit_code)
        pairs = ((self.exit_code, code), (self.reason, outcome.reason), (self.status_reason, CONTAINER_EXITED))
        return all(pattern is None or _matches(pattern, text) for pattern, text in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerJob:
    """A submitted job: what its definition and its overrides say together."""

    id: str
    name: str
    queue: str
    command: Sequence[str]
    environment: Mapping[str, str]
    image: str = ""
    user: str = ""
    resources: Resources = UNLIMITED
    override_characters: int = 0
    attempts: int = 1
    timeout: float | None = None
    conditions: Sequence[ExitCondition] = ()
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class JobResult:
    """How the whole job ended; ``exit_code`` is the last attempt's, None when none was started."""

    succeeded: bool
    exit_code: int | None
    status_reason: str


def retries(job: ContainerJob, attempt: int, outcome: Outcome) -> bool:
    """Whether Batch makes another attempt after ``attempt`` (from 1) ended so.

    An attempt that exceeded its timeout, or that was terminated, is the last one, as is one that this machine cannot
    run; the first exit condition that matches decides; without any that matches the job is retried.
    """
    ended = outcome.timed_out or outcome.stopped or outcome.hopeless
    if attempt >= job.attempts or ended or outcome.exit_code == 0:
        return False
    return next((condition.retry for condition in job.conditions if condition.matches(outcome)), True)


class Fleet:
    """The machines behind the queue: runs jobs on ``host``, ``options.jobs_at_once`` at a time."""

    def __init__(self, options: EngineOptions, endpoint: str, outlet: Callable[[Event], None], host: JobHost) -> None:
        self._logs = Path(options.directory) / "logs"
        self._logs.mkdir()
        self._host = host
        self._places = threading.BoundedSemaphore(options.jobs_at_once)
        self._outlet = outlet
        self._credentials = {
            "AWS_ACCESS_KEY_ID": options.secret,
            "AWS_SECRET_ACCESS_KEY": options.secret,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._lock = threading.Lock()
        self._running: dict[str, ContainerJob] = {}
        self._closed = False

    def run(self, job: ContainerJob, started: Callable[[int], None], ended: Callable[[Outcome], None]) -> JobResult:
        """Run a job to its end; ``started`` and ``ended`` are called around each attempt."""
        if job.override_characters > OVERRIDE_CHARACTERS:
            return JobResult(False, None, f"Container Overrides length must be at most {OVERRIDE_CHARACTERS}")
        with self._lock:
            self._running[job.id] = job
            if self._closed:
                job.stop.set()
        try:
            return self._attempts(job, started, ended)
        finally:
            with self._lock:
                del self._running[job.id]

    def _attempts(
        self, job: ContainerJob, started: Callable[[int], None], ended: Callable[[Outcome], None]
    ) -> JobResult:
        attempt = 0
        while True:
            attempt += 1
            with self._places:
                if job.stop.is_set():
                    return JobResult(False, None, "terminated before it started")
                started(attempt)
                outcome = self._attempt(job, attempt)
                ended(outcome)
            if not retries(job, attempt, outcome):
                reason = TIMED_OUT if outcome.timed_out else CONTAINER_EXITED
                succeeded = outcome.exit_code == 0 and not outcome.timed_out and not outcome.stopped
                return JobResult(succeeded, outcome.exit_code, reason)

    def _attempt(self, job: ContainerJob, attempt: int) -> Outcome:
        name = f"{job.id.replace(':', '-')}.{attempt}"
        log = self._logs / f"{name}.log"
        environment = {
            **self._credentials,
            **job.environment,
            "AWS_BATCH_JOB_ID": job.id,
            "AWS_BATCH_JOB_ATTEMPT": str(attempt),
            "AWS_BATCH_JQ_NAME": job.queue,
            "AWS_BATCH_CE_NAME": "penstock-rehearsal",
        }
        begin = time.monotonic()

        def announce(place: Place) -> None:
            self._outlet(JobStarted(job.id, job.name, attempt, place.pid, place.container, str(log), job.environment))

        given = Attempt(
            name=name,
            command=job.command,
            environment=environment,
            image=job.image,
            user=job.user,
            resources=job.resources,
        )
        outcome = self._host.run(given, log, timeout=job.timeout, stop=job.stop, started=announce)
        seconds = time.monotonic() - begin
        retried = retries(job, attempt, outcome)
        reason = TIMED_OUT if outcome.timed_out else outcome.reason or CONTAINER_EXITED
        self._outlet(
            JobEnded(job.id, job.name, attempt, outcome.exit_code, reason, retried, seconds, str(log), job.environment)
        )
        return outcome

    def stop_all(self, grace_seconds: float) -> None:
        """End every job and start no other; returns when all are gone, or after ``grace_seconds`` have killed them."""
        with self._lock:
            self._closed = True
            running = list(self._running.values())
        for job in running:
            job.stop.set()
        end = time.monotonic() + grace_seconds
        while self._running and time.monotonic() < end:
            time.sleep(0.02)
        self._host.kill_all()


def _matches(pattern: str, text: str) -> bool:
    """Batch's patterns: case-insensitive, with ``*`` at the end only."""
    if pattern.endswith("*"):
        return text.lower().startswith(pattern[:-1].lower())
    return text.lower() == pattern.lower()
