"""One rehearsal: compiled manifests are run from their very files, and what the run stored is brought home."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.backends.argo.names import run_name
from penstock.backends.argo.parameters import argument_value, demand_room
from penstock.backends.argo.rehearsal.checks import check
from penstock.backends.argo.rehearsal.dependencies import Phase
from penstock.backends.argo.rehearsal.interpreter import Interpreter
from penstock.backends.argo.rehearsal.pods import Naming, Pods
from penstock.backends.argo.rehearsal.reading import read_manifests
from penstock.backends.rehearsal.collecting import collect
from penstock.backends.rehearsal.progress import Progress
from penstock.backends.rehearsal.running import (
    USUAL,
    Limits,
    Rehearsed,
    failure_of,
    job_host,
    kept_at_ctrl_c,
    stocked_store,
    surroundings_of,
)
from penstock.runtime_shim.argo_names import RUN_PREFIX
from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.paths import Path as TaskPath
from penstock.runtime_shim.turns import WrongPlace, full_path

if TYPE_CHECKING:
    from penstock.backends.argo.compilation import CompiledFlow
    from penstock.backends.rehearsal.object_store import ObjectStore
    from penstock.runtime_shim.datastore.local import LocalDatastore
    from penstock.runtime_shim.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``quiet`` shows bad news only; ``command`` is how advice names the flow's command line."""

    limits: Limits = USUAL
    quiet: bool = False
    command: str = "python flow.py"


def rehearse(
    plan: Plan,
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    server: ObjectStore,
    target: LocalDatastore,
    write: Callable[[str], object],
    options: Options = Options(),
) -> Rehearsed:
    """Run the compiled workflow of the flow of ``plan``, its pods against ``server``, and copy what they stored to
    ``target``; ``write`` takes lines of progress.

    Raises Refused for parameters that are too large, BadDocument, EngineFailed, StorageFailure.
    """
    with server.needed():
        return _rehearse(plan, compiled, parameters, server, target, Progress(write, quiet=options.quiet), options)


def _rehearse(
    plan: Plan,
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    server: ObjectStore,
    target: LocalDatastore,
    progress: Progress,
    options: Options,
) -> Rehearsed:
    begin = time.monotonic()
    main = compiled.settings.name
    templates = read_manifests(compiled.bundle.files[compiled.bundle.main])
    check(templates, main)
    given = {name: argument_value(value) for name, value in parameters.items()}
    demand_room([{"name": name, "value": value} for name, value in given.items()])
    workflow = run_name(main)
    run = RUN_PREFIX + workflow
    store = stocked_store(compiled.settings.datastore_root, plan.flow, compiled.package, server)
    progress.say(f"Rehearsal starting (run-id {run}):")
    surroundings = surroundings_of(server, workflow, options.limits, progress)
    host, naming = job_host(surroundings), _naming(plan)
    interpreter = Interpreter(templates, main, lambda word: Pods(host, surroundings, naming, word), workflow)

    def bring_home() -> int:
        return collect(store, target, plan.flow, run)

    with kept_at_ctrl_c(run, bring_home, target.root, options.command):
        ended = interpreter.run(given)
    if ended.not_run:
        progress.say(f"The exit handler {ended.not_run} is the cluster's: it is not rehearsed.", bad=True)
    tasks = bring_home()
    failure = (
        None
        if ended.phase is Phase.SUCCEEDED
        else failure_of(progress.failed, ended.failures, "workflow", "Argo Workflows", options.command)
    )
    return Rehearsed(run, tasks, time.monotonic() - begin, failure)


def _naming(plan: Plan) -> Naming:
    """Tasks as ``run/step/task``: the path that a workflow gives lacks the first turn of a loop."""

    def name(environment: Mapping[str, str], place: str) -> str:
        try:
            run, step, path = (environment[f"PENSTOCK_{name}"] for name in ("RUN", "STEP", "PATH"))
            return f"{RUN_PREFIX}{run}/{step}/{full_path(plan[step], TaskPath.parse(path)).task_id}"
        except (KeyError, InvalidName, WrongPlace):
            return place

    return name
