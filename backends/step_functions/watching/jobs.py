"""What the jobs of an execution wait for, and which of their attempts failed: asked of AWS Batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.step_functions.watching.history import Attempt, TaskRef, attempt_of

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

AT_ONCE = 100
"""Jobs that one DescribeJobs takes."""
_WAITING = ("SUBMITTED", "PENDING", "RUNNABLE")
_FIRST_WORD_SECONDS = 120.0
"""A machine that has to be started takes a minute or two: less is not worth a word."""


class TriedAgain(NamedTuple):
    """Attempt ``number`` (from 1) of a running job failed, and Batch made another one."""

    task: TaskRef
    number: int
    attempt: Attempt


class Waiting(NamedTuple):
    """``jobs`` of a step have waited for a machine for ``seconds``, the longest of them; ``reason`` as AWS tells it,
    often empty.
    """

    step: str
    jobs: int
    seconds: float
    queue: str
    reason: str


@dataclass(slots=True)
class _Job:
    task: TaskRef
    asked: int = 0
    attempts: int = 0
    waiting: bool = True
    since: float = 0.0
    queue: str = ""
    reason: str = ""


class OpenJobs:
    """The jobs that were submitted and have not ended.  ``now`` is in seconds since 1970."""

    def __init__(self, batch: BatchClient) -> None:
        self._batch = batch
        self._jobs: dict[str, _Job] = {}
        self._round = 0
        self._next_word: dict[str, float] = {}

    def add(self, job: str, task: TaskRef) -> None:
        """A job was submitted."""
        self._jobs[job] = _Job(task)

    def remove(self, job: str) -> None:
        """A job ended."""
        self._jobs.pop(job, None)

    def look(self, now: float) -> Iterator[TriedAgain | Waiting]:
        """Ask AWS about those that were not asked about for longest, in one request, and none where no job is open.

        Raises what botocore raises.
        """
        if not self._jobs:
            return
        self._round += 1
        chosen = sorted(self._jobs, key=lambda job: self._jobs[job].asked)[:AT_ONCE]
        for described in self._batch.describe_jobs(jobs=chosen)["jobs"]:
            yield from self._heard(described, now)
        for job in chosen:
            self._jobs[job].asked = self._round
        yield from self._waits(now)

    def _heard(self, described: Any, now: float) -> Iterator[TriedAgain]:
        job = self._jobs[described["jobId"]]
        job.waiting = described["status"] in _WAITING
        job.since = described.get("createdAt", now * 1000) / 1000
        job.queue = described.get("jobQueue", "").rpartition("/")[2]
        job.reason = described.get("statusReason") or ""
        # While a job is open, each attempt that is over was followed by another one, or soon will be; of a job that has
        # just failed its history will tell.
        if described["status"] in ("SUCCEEDED", "FAILED"):
            return
        over = [each for each in described.get("attempts", []) if each.get("stoppedAt")]
        for number, each in enumerate(over[job.attempts :], start=job.attempts + 1):
            container = each.get("container") or {}
            names = {"exit_code": "exitCode", "reason": "reason", "status": "statusReason"}
            yield TriedAgain(job.task, number, attempt_of(container, each, **names))
        job.attempts = max(job.attempts, len(over))
        if over and job.waiting:  # it waits for the next attempt, since the last one ended
            job.since = over[-1]["stoppedAt"] / 1000

    def _waits(self, now: float) -> Iterator[Waiting]:
        """A word about each step with jobs that wait, after two minutes, and each time that it was twice as long."""
        steps: dict[str, list[_Job]] = {}
        for job in self._jobs.values():
            if job.waiting and job.asked and job.since:
                steps.setdefault(job.task.step, []).append(job)
        for step in self._next_word.keys() - steps.keys():
            del self._next_word[step]
        for step, jobs in steps.items():
            first = min(jobs, key=lambda job: job.since)
            seconds = now - first.since
            if seconds >= self._next_word.get(step, _FIRST_WORD_SECONDS):
                self._next_word[step] = 2 * seconds
                reason = next((job.reason for job in jobs if job.reason), "")
                yield Waiting(step, len(jobs), seconds, first.queue, reason)
