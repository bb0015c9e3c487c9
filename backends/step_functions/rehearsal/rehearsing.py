"""One rehearsal: a compiled flow is deployed to the engine as to AWS, started, and its run brought home."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from penstock.backends.job_hosts.jobs import OUT_OF_MEMORY
from penstock.backends.rehearsal.collecting import EngineStore, collect
from penstock.backends.rehearsal.running import ROOT, RehearsalFailed, Rehearsed, interrupted
from penstock.backends.step_functions.deploying import deploy
from penstock.backends.step_functions.executions import start
from penstock.backends.step_functions.jobs import job_of
from penstock.backends.step_functions.machines import demand_machine
from penstock.backends.step_functions.rehearsal.engine import ACCOUNT, QUEUE
from penstock.backends.step_functions.rehearsal.fleet import CONTAINER_EXITED
from penstock.backends.step_functions.rehearsal.progress import Progress, tail
from penstock.backends.step_functions.resolution import with_placeholders

if TYPE_CHECKING:
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.compilation import CompiledFlow
    from penstock.backends.step_functions.rehearsal.engine import Engine
    from penstock.backends.step_functions.rehearsal.messages import ExecutionEnded, JobEnded
    from penstock.backends.step_functions.settings import StepFunctionsSettings
    from penstock.compiler.program import Program
    from penstock.runtime_shim.datastore.local import LocalDatastore

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/penstock-rehearsal"
_WAIT_SECONDS = 1.0
_OF_THE_CLOUD = ("METAFLOW_S3_ENDPOINT_URL", "METAFLOW_AWS_S3_REGION")


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedExecution(Rehearsed):
    """A run that is over, with its ``status`` as Step Functions names it."""

    status: str


class RehearsalClients:
    """The engine's control plane, in the place of AWS's."""

    def __init__(self, engine: Engine) -> None:
        self.batch: Any = engine.client("batch")
        self.states: Any = engine.client("stepfunctions")
        self.scheduler: Any = engine.client("scheduler")


def rehearsal_settings(settings: StepFunctionsSettings) -> StepFunctionsSettings:
    """The settings with queue, roles and S3 of the rehearsal: a configured root stays, so that its name is rehearsed
    too; where S3 is, the engine tells the jobs.
    """
    placed = with_placeholders(settings, ROOT)
    config = {key: value for key, value in placed.config.items() if key not in _OF_THE_CLOUD}
    return replace(
        placed, job_queue=QUEUE, one_queue=True, job_role=_ROLE, sfn_role=_ROLE, config=MappingProxyType(config)
    )


def images(program: Program, settings: StepFunctionsSettings) -> dict[str, list[str]]:
    """The images that jobs run in, each with its steps."""
    found: dict[str, list[str]] = {}
    for step in program.graph.steps.values():
        found.setdefault(job_of(step, settings).shape.image, []).append(step.name)
    return found


def rehearse(
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    engine: Engine,
    target: LocalDatastore,
    *,
    write: Callable[[str], object],
    quiet: bool = False,
    command: str = "python flow.py",
) -> RehearsedExecution:
    """Run the compiled machine on ``engine`` and copy what it stored to ``target``; ``write`` takes lines of progress,
    ``command`` is how advice names the flow's command line.

    Raises EngineFailed, Refused where the engine takes the machine as little as AWS would, StorageFailure.
    """
    with engine.needed():
        return _rehearse(compiled, parameters, engine, target, Progress(write, compiled.plan, quiet=quiet), command)


def _rehearse(
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    engine: Engine,
    target: LocalDatastore,
    progress: Progress,
    command: str,
) -> RehearsedExecution:
    begin = time.monotonic()
    deployment = compiled.deployment
    store = EngineStore(compiled.settings.datastore_root, engine)
    store.make_bucket()
    # Of the same shape, though not of the same class: three clients.
    clients = cast("AwsClients", RehearsalClients(engine))
    for _ in deploy(deployment, store, clients):
        pass
    machine = demand_machine(clients.states, deployment.name, deployment.flow)
    stop_listening = engine.listen(progress)
    try:
        started = start(clients.states, machine, parameters)
        progress.follow(started.run)
        ended = _wait(progress, engine)
    except KeyboardInterrupt:
        if progress.run is None:
            raise
        tasks = collect(store, target, deployment.flow, progress.run)
        raise interrupted(progress.run, tasks, target.root, command) from None
    finally:
        stop_listening()
    tasks = collect(store, target, deployment.flow, started.run)
    failure = None if ended.status == "SUCCEEDED" else _failure(progress, ended, command)
    return RehearsedExecution(started.run, tasks, time.monotonic() - begin, failure, status=ended.status)


def _wait(progress: Progress, engine: Engine) -> ExecutionEnded:
    while True:
        ended = progress.wait(_WAIT_SECONDS)
        if ended is not None:
            return ended
        if not engine.alive:
            raise engine.failed("ended before the run did")


def _failure(progress: Progress, ended: ExecutionEnded, command: str) -> RehearsalFailed:
    """The first failure that nothing made up for: a job's, with what it wrote last, or the machine's."""
    if not progress.failed:
        cause = ended.cause or "no cause is given"
        message = f"the state machine failed: {ended.error or ended.status}: {cause}"
        return RehearsalFailed(message, help="the execution would fail on AWS too", code="R181")
    job = progress.failed[0]
    lines = "".join(f"\n    | {line}" for line in tail(job.log))
    name = progress.task_name(job)
    message = f"task {name} failed: {_how(job, ended)}{lines}"
    advice = f"its whole output: {command} logs {name}"
    if job.exit_code is None:
        advice = "nothing of it ran, so it has no output"
    if job.reason == OUT_OF_MEMORY:
        advice = f"give the step more memory, with @resources(memory=...); {advice}"
    return RehearsalFailed(message, help=advice)


def _how(job: JobEnded, ended: ExecutionEnded) -> str:
    """How a job failed: its exit code, and what the container host says where it says more."""
    if job.exit_code is None:
        return job.reason if job.reason != CONTAINER_EXITED else _status_reason(ended) or job.reason
    return f"exit code {job.exit_code}" + ("" if job.reason == CONTAINER_EXITED else f", {job.reason}")


def _status_reason(ended: ExecutionEnded) -> str:
    """Batch's reason in the cause of States.TaskFailed, which is the description of the job as JSON."""
    try:
        return str(json.loads(ended.cause or "")["StatusReason"])
    except (ValueError, KeyError, TypeError):
        return ended.cause or ""
