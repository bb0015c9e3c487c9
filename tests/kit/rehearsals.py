"""A flow file rehearsed on a shared engine, from inside a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compiler_flows import load_file

from penstock.backends.step_functions.bundle import Deployment
from penstock.backends.step_functions.compilation import CompiledFlow, compile_for_step_functions
from penstock.backends.step_functions.lowering import JOB_DEFINITIONS
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.backends.step_functions.rehearsal.rehearsing import RehearsedExecution, rehearsal_settings, rehearse
from penstock.backends.step_functions.resolution import Chosen
from penstock.cli.state import CliState
from penstock.runtime_shim.datastore.finished import FinishedTask
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.tasks import TaskStore


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal that is over, with its lines of progress."""

    flow: str
    store: LocalDatastore
    done: RehearsedExecution
    lines: list[str]

    def task(self, step: str, task: str = "t") -> FinishedTask:
        """A task that ended well."""
        return TaskStore(self.store, self.flow).finished(self.done.run, step, task)


def compiled(file: Path, chosen: Chosen | None = None) -> CompiledFlow:
    """The flow of a file, compiled for a rehearsal with these options of the command line."""
    state = CliState(load_file(file), (str(file),))
    return compile_for_step_functions(state, chosen or Chosen(), amend=rehearsal_settings)


def with_attempts(flow: CompiledFlow, attempts: int) -> CompiledFlow:
    """The same with so many attempts for every job."""

    def give(definition: dict[str, Any]) -> dict[str, Any]:
        return {
            **definition,
            "jobDefinitionName": definition["jobDefinitionName"],
            "retryStrategy": {"attempts": attempts},
        }

    definitions = [give(each) for each in flow.deployment.job_definitions]
    files = {**flow.deployment.files, JOB_DEFINITIONS: json.dumps(definitions).encode()}
    return replace(flow, deployment=Deployment(flow.deployment.manifest, files))


def rehearsed(
    flow: CompiledFlow,
    engine: Engine,
    folder: Path,
    parameters: Mapping[str, object] | None = None,
    write: Callable[[str], object] | None = None,
) -> Rehearsal:
    """Rehearse; the run is stored below ``folder``."""
    lines: list[str] = []
    store = LocalDatastore(str(folder / ".metaflow"))
    done = rehearse(flow, parameters or {}, engine, store, write=write or lines.append)
    return Rehearsal(flow.deployment.flow, store, done, lines)
