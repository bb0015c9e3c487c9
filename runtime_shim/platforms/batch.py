"""AWS Batch, started by Step Functions: everything stands in the environment, and Batch tries again itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from penstock.runtime_shim.jobs import Job, Tried, number, read_job, variable

if TYPE_CHECKING:
    from penstock.runtime_shim.policy import Policy

ATTEMPT_ENV = "AWS_BATCH_JOB_ATTEMPT"
"""Environment variable with the number of the attempt, from 1."""


class Batch:
    """A job of AWS Batch: PENSTOCK_STEP, _RUN and _PATH come from the state machine, the others from the definition."""

    image_key = "METAFLOW_BATCH_CONTAINER_IMAGE"

    def __init__(self, env: Mapping[str, str]) -> None:
        run, step, path = (variable(env, f"PENSTOCK_{name}") for name in ("RUN", "STEP", "PATH"))
        self.job = read_job(env, run, step, path, number(env, ATTEMPT_ENV, 1) - 1)

    def run(self, attempt: Callable[[Job], Tried], policy: Policy) -> int:
        """One try, and what :meth:`~penstock.runtime_shim.policy.Policy.at_once` adds to it."""
        return policy.at_once(self.job.tries, lambda tries: attempt(self.job._replace(tries=tries)).code)

    def finish(self, code: int) -> None:
        """Nothing: the state machine reads the record."""
