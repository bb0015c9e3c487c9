"""Batch jobs: run as AWS Batch would, by the fleet, instead of in Docker or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from penstock.backends.step_functions.rehearsal.mends import Surroundings

_QUEUE = "penstock-rehearsal"


def job_names(_: Surroundings) -> None:
    """A job name has 1 to 128 letters, digits, hyphens and underscores, the first a letter or digit; moto wants two
    at least.
    """
    from moto.batch import models

    models.JOB_NAME_REGEX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")


def retry_strategies(_: Surroundings) -> None:
    """SubmitJob's ``retryStrategy`` overrides the job definition's; moto drops it."""
    from moto.batch.responses import BatchResponse

    from penstock.backends.step_functions.rehearsal.mends.batch_job import retry_strategy

    original = BatchResponse.submitjob

    def submitjob(self: Any) -> Any:
        token = retry_strategy.set(self._get_param("retryStrategy"))
        try:
            return original(self)
        finally:
            retry_strategy.reset(token)

    BatchResponse.submitjob = submitjob


def queues(surroundings: Surroundings) -> None:
    """Nothing that AWS does differently: one queue is there from the start, so that nobody has to make a compute
    environment, roles and a network first.
    """
    from moto.batch.models import JobQueue, batch_backends
    from moto.core import DEFAULT_ACCOUNT_ID

    backend = batch_backends[DEFAULT_ACCOUNT_ID][surroundings.options.region]
    queue = JobQueue(_QUEUE, "1", "ENABLED", [], [], schedule_policy=None, backend=backend)
    backend._job_queues[queue.arn] = queue


def jobs(surroundings: Surroundings) -> None:
    """moto runs a job once in Docker, or reports success without running it; it knows no attempts (``RetryStrategy``,
    ``AWS_BATCH_JOB_ATTEMPT``), retries none, and takes a job that timed out for one that failed.
    """
    from moto.batch import models

    from penstock.backends.step_functions.rehearsal.mends.batch_job import RehearsedJob

    RehearsedJob.fleet = surroundings.fleet
    models.Job = RehearsedJob


MENDS: tuple[Callable[[Surroundings], None], ...] = (job_names, retry_strategies, queues, jobs)
