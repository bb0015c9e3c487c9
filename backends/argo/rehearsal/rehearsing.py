"""One rehearsal: compiled manifests are run from their very files, and what the run stored is brought home."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from penstock.backends.argo.names import run_name
from penstock.backends.argo.parameters import argument_value, demand_room
from penstock.backends.argo.rehearsal.checks import check
from penstock.backends.argo.rehearsal.dependencies import Phase
from penstock.backends.argo.rehearsal.interpreter import Interpreter
from penstock.backends.argo.rehearsal.pods import Naming, Pods
from penstock.backends.argo.rehearsal.reading import read_manifests
from penstock.backends.rehearsal.running import Options, Piece, Rehearsed, job_host, rehearse_piece
from penstock.runtime_shim.argo_names import RUN_PREFIX
from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.paths import Path as TaskPath
from penstock.runtime_shim.turns import WrongPlace, full_path

if TYPE_CHECKING:
    from penstock.backends.argo.compilation import CompiledFlow
    from penstock.backends.rehearsal.object_store import ObjectStore
    from penstock.backends.rehearsal.pods import Surroundings
    from penstock.backends.rehearsal.progress import Progress
    from penstock.runtime_shim.datastore.local import LocalDatastore
    from penstock.runtime_shim.plan import Plan


def rehearse(
    plan: Plan,
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    server: ObjectStore,
    target: LocalDatastore,
    write: Callable[[str], object],
    options: Options,
) -> Rehearsed:
    """Run the compiled workflow of the flow of ``plan``, its pods against ``server``, and copy what they stored to
    ``target``; ``write`` takes lines of progress.

    Raises Refused for parameters that are too large, BadDocument, EngineFailed, StorageFailure.
    """
    settings = compiled.settings
    templates = read_manifests(compiled.bundle.files[compiled.bundle.main])
    check(templates, settings.name)
    given = {name: argument_value(value) for name, value in parameters.items()}
    demand_room([{"name": name, "value": value} for name, value in given.items()])
    workflow = run_name(settings.name)

    def play(surroundings: Surroundings, progress: Progress) -> Sequence[tuple[str, str]] | None:
        host, naming = job_host(surroundings), _naming(plan)
        pods = partial(Pods, host, surroundings, naming)
        ended = Interpreter(templates, settings.name, pods, workflow).run(given)
        if ended.not_run:
            progress.say(f"The exit handler {ended.not_run} is the cluster's: it is not rehearsed.", bad=True)
        return None if ended.phase is Phase.SUCCEEDED else ended.failures

    piece = Piece(
        flow=plan.flow,
        name=workflow,
        run=RUN_PREFIX + workflow,
        root=settings.datastore_root,
        package=compiled.package,
        kind="workflow",
        scheduler="Argo Workflows",
    )
    return rehearse_piece(piece, play, server, target, write, options)


def _naming(plan: Plan) -> Naming:
    """Tasks as ``run/step/task``: the path that a workflow gives lacks the first turn of a loop."""

    def name(environment: Mapping[str, str], place: str) -> str:
        try:
            run, step, path = (environment[f"PENSTOCK_{name}"] for name in ("RUN", "STEP", "PATH"))
            return f"{RUN_PREFIX}{run}/{step}/{full_path(plan[step], TaskPath.parse(path)).task_id}"
        except (KeyError, InvalidName, WrongPlace):
            return place

    return name
