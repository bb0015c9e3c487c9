"""Runs one step in a container: the step in a child, its output passed on and stored by the parent.

What to run is told by the environment and the arguments, in each scheduler's own way (:mod:`.platforms`).  The current
folder is the unpacked code package.
"""

from __future__ import annotations

import os
import re
import runpy
import sys
import tempfile
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED, EXIT_USER_FAILED, Failure
from penstock.runtime_shim.jobs import CODE_URL_ENV, Job, NotInContainer, Tried
from penstock.runtime_shim.plan import PLAN_ENV, PLAN_FILE
from penstock.runtime_shim.platforms import platform_of
from penstock.runtime_shim.supervision import Supervisor
from penstock.runtime_shim.task_logs import ATTEMPT_FILE_ENV, StreamLog, log_key, told_attempt

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.protocol import Datastore
    from penstock.runtime_shim.paths import Path
    from penstock.runtime_shim.plan import PlannedStep
    from penstock.runtime_shim.policy import Policy

_ALIASED = ("-m", "penstock")
_MISSING_MODULE = re.compile(rb"^ModuleNotFoundError: No module named '([^']+)'", re.MULTILINE)


def main() -> int:
    """Run the step that this container was started for; returns its exit code (128 + N where signal N ended it).

    Returns in the parent only: the child leaves by SystemExit, as a script does.
    """
    parent = os.getpid()
    try:
        platform = platform_of(os.environ, sys.argv[1:])
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return EXIT_DO_NOT_RETRY
    code = EXIT_RETRY_ALLOWED
    try:
        if CODE_URL_ENV in os.environ:
            from penstock.runtime_shim.code_url import place_code

            place_code(platform.job, os.environ)
        if os.path.exists(PLAN_FILE):
            os.environ[PLAN_ENV] = os.path.abspath(PLAN_FILE)
        code = platform.run(lambda job: _supervised(job, platform.image_key), _policy(platform.job.step))
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        code = failure.exit_code
    finally:
        if os.getpid() == parent:
            platform.finish(code)
    return code


def _supervised(job: Job, image_key: str) -> Tried:
    """One try: the step in a child, its output passed on and stored."""
    attempt_file = os.path.join(tempfile.mkdtemp(prefix="penstock-"), "attempt")
    os.environ[ATTEMPT_FILE_ENV] = attempt_file
    supervisor = Supervisor(LogStore(job, attempt_file).store)
    if supervisor.fork() == 0:
        _run_step(job)
    code = supervisor.watch()
    missing = _MISSING_MODULE.search(supervisor.logs["stderr"].tail) if code else None
    if missing:
        supervisor.add("stderr", _explain(job, missing.group(1).decode("utf-8", "replace"), image_key))
    supervisor.end()
    return Tried(code, supervisor.stopped)


class LogStore:
    """Stores the logs of a job beside its other files."""

    def __init__(self, job: Job, attempt_file: str) -> None:
        self._job = job
        self._attempt_file = attempt_file
        self._stored: dict[str, int] = {}

    def store(self, logs: Mapping[str, StreamLog], complete: bool) -> None:
        """Store the logs that have grown; a failure to is told once the step has ended, and changes nothing else."""
        try:
            self._store(logs, complete)
        except Exception as error:  # whatever it is, the step's own end is what the platform must hear of
            if complete:
                sys.stderr.write(f"the output of the step could not be stored: {error}\n")

    def _store(self, logs: Mapping[str, StreamLog], complete: bool) -> None:
        grown = {name: log.stored() for name, log in logs.items() if log.size > self._stored.get(name, 0)}
        if not grown:
            return
        from penstock.runtime_shim.configuration import Configuration
        from penstock.runtime_shim.datastore.opening import open_datastore

        job = self._job
        told = told_attempt(self._attempt_file)
        store = open_datastore("s3", job.root, Configuration.load())
        if told is None and complete:
            told = self._begin(store)
        if told is None:
            return
        task, attempt = told
        store.put_many(
            (log_key(job.flow, job.run, job.step, task, attempt, name), data, None) for name, data in grown.items()
        )
        self._stored.update((name, len(data)) for name, data in grown.items())

    def _begin(self, store: Datastore) -> tuple[str, int] | None:
        """An attempt of its own for a step that ended before it began one, as where its file can't be imported.

        None where the task is done already: what was printed then belongs to no attempt.
        """
        from penstock.runtime_shim.datastore.tasks import TaskStore

        job = self._job
        path = _whole_path(job)
        writer = TaskStore(store, job.flow).begin(job.run, job.step, path.task_id, path=path)
        return (path.task_id, writer.attempt) if writer.already_done is None else None


def _run_step(job: Job) -> None:
    """In the child: run the flow file as a script.  Never returns."""
    aliased = job.entry[: len(_ALIASED)] == _ALIASED
    script = job.entry[-1]
    sys.argv = [script, *job.arguments]
    try:
        # Before the flow file is imported: some libraries read theirs at import.
        os.environ.update(_policy(job.step).environment)
        if aliased:
            from penstock.runtime_shim.aliasing import run_file

            sys.exit(run_file(script, job.arguments))
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        raise
    except Exception as error:
        frame = error.__traceback__
        while frame is not None and not frame.tb_frame.f_code.co_filename.endswith(script):
            frame = frame.tb_next
        traceback.print_exception(type(error), error, frame or error.__traceback__)
        sys.exit(EXIT_USER_FAILED)
    sys.stderr.write(str(NotInContainer(f"{script} ended without starting the flow {job.flow}")) + "\n")
    sys.exit(EXIT_DO_NOT_RETRY)


def _policy(step: str) -> Policy:
    """What the decorators of the step say."""
    from penstock.runtime_shim.policy import PLAIN, policy_of

    planned = _planned(step)
    return PLAIN if planned is None else policy_of(planned)


def _whole_path(job: Job) -> Path:
    """The job's path with the first turns that a state machine leaves out."""
    from penstock.runtime_shim.turns import WrongPlace, full_path

    planned = _planned(job.step)
    try:
        return job.path if planned is None else full_path(planned, job.path)
    except WrongPlace:
        return job.path  # the step says so itself


def _planned(step: str) -> PlannedStep | None:
    """The step in the plan of this code package; None where there is none, which the step itself tells."""
    from penstock.runtime_shim.plans import UnusablePlan, read_plan_file

    try:
        plan = read_plan_file(os.environ.get(PLAN_ENV, PLAN_FILE))
    except UnusablePlan:
        return None
    if step not in plan:
        return None
    return plan[step]


def _explain(job: Job, module: str, image_key: str) -> bytes:
    beside = "with --code-url containers fetch the flow file, and nothing beside it"
    failure = Failure(
        f"step `{job.step}` could not import `{module}`, which the image {job.image} does not have",
        help=f"use an image that has it ({image_key}), or put the file beside the flow"
        if CODE_URL_ENV not in os.environ
        else f"use an image that has it ({image_key}): {beside}",
        code="R193",
    )
    return f"{failure}\n".encode()
