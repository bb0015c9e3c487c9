"""Tasks that wait for their job (``.sync``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.backends.step_functions.rehearsal.mends import Surroundings

_WAIT_SECONDS = 0.05


class JobWait:
    """Waits for a Batch job: called, it gives the described job once that has ended and None after a short while
    before.

    ``describe`` is moto's own resolver, which raises when the job failed.
    """

    def __init__(self, job: Any, describe: Callable[[], Any]) -> None:
        self._job = job
        self._describe = describe

    def __call__(self) -> Any:
        """The job's description, or None while it runs."""
        return self._describe() if self._job.ended.wait(_WAIT_SECONDS) else None

    def give_up(self) -> None:
        """Nobody waits any more: end the job."""
        self._job.terminate("Stopped by Step Functions")


def job_waits(_: Surroundings) -> None:
    """moto asks DescribeJobs over HTTP twice a second for every job; here the job is in the same process and tells."""
    from moto.batch.models import batch_backends
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
        StateTaskServiceBatch,
    )

    original = StateTaskServiceBatch._build_sync_resolver

    def build(
        self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> JobWait:
        job_id = env.stack[-1]["JobId"]
        describe = original(self, env, resource_runtime_part, normalised_parameters, state_credentials)
        backend = batch_backends[resource_runtime_part.account][resource_runtime_part.region]
        return JobWait(backend.get_job_by_id(job_id), describe)

    StateTaskServiceBatch._build_sync_resolver = build


def waiting_without_token(_: Surroundings) -> None:
    """A ``.sync`` task waits for its job and for nothing else, and ends the job when it is aborted or times out (AWS,
    "Run a Job").

    moto gives it a task token's endpoint too; the first attempt's failure interrupts that, so that with Retry the
    second attempt dies at once of States.Timeout.  And moto leaves the job running when the execution is stopped.
    """
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
        StateTaskServiceCallback,
    )

    def eval_sync(
        self: Any, env: Any, sync_resolver: Any, timeout_seconds: Any, callback_endpoint: Any, heartbeat_endpoint: Any
    ) -> Any:
        while env.is_running():
            result = sync_resolver()
            if result:
                return result
        sync_resolver.give_up()
        return None

    StateTaskServiceCallback._eval_sync = eval_sync


MENDS: tuple[Callable[[Surroundings], None], ...] = (job_waits, waiting_without_token)
