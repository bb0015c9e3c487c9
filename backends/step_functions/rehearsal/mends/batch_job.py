"""A Batch job of moto's that is run by the fleet.  Imported in the engine's process only: it subclasses moto's job."""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from moto.batch.models import Job
from moto.batch.utils import JobStatus

from penstock.backends.job_hosts.jobs import Outcome, Resources
from penstock.backends.step_functions.rehearsal.fleet import ContainerJob, ExitCondition, Fleet

retry_strategy: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar(
    "retry strategy", default=None
)
"""The ``retryStrategy`` of the submission that this thread answers."""


class RehearsedJob(Job):  # type: ignore[misc] # moto is untyped here
    """A Batch job whose attempts the fleet runs; ``fleet`` is set once for the process."""

    fleet: ClassVar[Fleet]

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.job_stopped_reason: str | None = None
        self.ended = threading.Event()
        self._stop_asked = threading.Event()
        self._retry_strategy = retry_strategy.get() or self.job_definition.retry_strategy or {}
        # moto moves a job on by itself whenever it is looked at; here run() alone does.
        self._transitions = [(JobStatus.SUBMITTED, JobStatus.SUBMITTED)]
        self._status = JobStatus.SUBMITTED

    def run(self) -> None:
        """The thread that moto starts for the job."""
        self.status = JobStatus.RUNNABLE
        try:
            result = self.fleet.run(_container_job(self), self._attempt_started, self._attempt_ended)
            self.exit_code = result.exit_code
            self.job_stopped_reason = self.job_stopped_reason or result.status_reason
            self._mark_stopped(success=result.succeeded)
        except Exception as error:  # a mistake of the engine must not leave an execution waiting for ever
            self.job_stopped_reason = f"the rehearsal engine failed: {error!r}"
            self._mark_stopped(success=False)
            raise
        finally:
            self.ended.set()

    def terminate(self, reason: str) -> None:
        """End the job, whether it runs or waits."""
        super().terminate(reason)
        self._stop_asked.set()

    def _attempt_started(self, number: int) -> None:
        self.job_started_at = datetime.now()
        self.log_stream_name = f"{self._stream_name}/{number}"
        self.status = JobStatus.RUNNING
        self._start_attempt()

    def _attempt_ended(self, outcome: Outcome) -> None:
        self.job_stopped_at = datetime.now()
        container = self.latest_attempt["container"]
        container["exitCode"] = outcome.exit_code
        if outcome.reason:
            container["reason"] = outcome.reason
        self._stop_attempt()

    def _container_details(self) -> dict[str, Any]:
        details = {
            "image": _properties(self).get("image"),
            "command": _command(self),
            "environment": [{"name": name, "value": value} for name, value in _environment(self).items()],
            "logStreamName": self.log_stream_name,
            "exitCode": self.exit_code,
        }
        return {name: value for name, value in details.items() if value is not None}


def _container_job(job: Any) -> ContainerJob:
    strategy = job._retry_strategy
    properties = _properties(job)
    return ContainerJob(
        id=job.job_id,
        name=job.job_name,
        queue=job.job_queue.name,
        command=_command(job),
        environment=_environment(job),
        image=properties.get("image") or "",
        user=properties.get("user") or "",
        resources=_resources(job),
        override_characters=len(json.dumps(job.container_overrides, separators=(",", ":"), ensure_ascii=False)),
        attempts=int(strategy.get("attempts") or 1),
        timeout=job._get_attempt_duration(),
        conditions=[_condition(each) for each in strategy.get("evaluateOnExit") or []],
        stop=job._stop_asked,
    )


def _condition(entry: Mapping[str, str]) -> ExitCondition:
    return ExitCondition(
        retry=entry["action"].upper() == "RETRY",
        exit_code=entry.get("onExitCode"),
        reason=entry.get("onReason"),
        status_reason=entry.get("onStatusReason"),
    )


def _properties(job: Any) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = job.job_definition.container_properties or {}
    return properties


def _resources(job: Any) -> Resources:
    """What the job definition asks for, the submission's own requirements winning.

    The fields ``vcpus`` and ``memory`` are the older way to say it.  A container has swap only where ``maxSwap`` says
    so (AWS, "LinuxParameters"); ``swappiness`` counts with it.
    """
    properties = _properties(job)
    entries = [
        *(properties.get("resourceRequirements") or []),
        *(job.container_overrides.get("resourceRequirements") or []),
    ]
    asked = {entry["type"].upper(): entry["value"] for entry in entries}
    linux = properties.get("linuxParameters") or {}
    vcpus, memory = asked.get("VCPU", properties.get("vcpus")), asked.get("MEMORY", properties.get("memory"))
    swap = linux.get("maxSwap")
    return Resources(
        memory=None if memory is None else int(memory),
        vcpus=None if vcpus is None else float(vcpus),
        gpus=int(asked.get("GPU", 0)),
        shared_memory=linux.get("sharedMemorySize"),
        swap=swap,
        swappiness=linux.get("swappiness") if swap is not None else None,
    )


def _command(job: Any) -> list[str]:
    command = job.container_overrides.get("command") or _properties(job).get("command") or []
    return list(job._add_parameters_to_command(command))


def _environment(job: Any) -> dict[str, str]:
    """The job definition's variables, those of the submission winning."""
    entries = [*(_properties(job).get("environment") or []), *(job.container_overrides.get("environment") or [])]
    return {entry["name"]: entry.get("value") or "" for entry in entries}
