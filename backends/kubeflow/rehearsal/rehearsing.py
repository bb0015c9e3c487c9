"""One rehearsal: a compiled pipeline is run from its very file, and what it stored is brought home."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from penstock.backends.kubeflow.rehearsal.interpreter import Interpreter, Phase, RunEnded
from penstock.backends.kubeflow.rehearsal.pods import Pods
from penstock.backends.kubeflow.rehearsal.reading import read_pipeline
from penstock.backends.rehearsal.collecting import EngineStore, collect
from penstock.backends.rehearsal.pods import Surroundings
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

if TYPE_CHECKING:
    from penstock.backends.kubeflow.compilation import CompiledFlow
    from penstock.backends.rehearsal.object_store import ObjectStore
    from penstock.runtime_shim.datastore.local import LocalDatastore


class PipelineEngine(Protocol):
    """Runs a pipeline document to its end."""

    def __call__(
        self, document: bytes, parameters: Mapping[str, Any], run_uuid: str, surroundings: Surroundings
    ) -> RunEnded:
        """Raises BadDocument where Kubeflow would not take the document or the parameters."""
        ...


def interpret(document: bytes, parameters: Mapping[str, Any], run_uuid: str, surroundings: Surroundings) -> RunEnded:
    """Run the pipeline by the interpreter: a :class:`PipelineEngine`."""
    pipeline = read_pipeline(document)
    pods = Pods(job_host(surroundings), surroundings)
    return Interpreter(pipeline, pods, run_uuid).run(parameters)


def put_flow_file(code_url: str, file: str, server: ObjectStore) -> None:
    """Put the flow file where its containers look for it on the rehearsal's S3.

    Raises StorageFailure.
    """
    folder, _, name = code_url.partition("#")[0].rpartition("/")
    store = EngineStore(folder, server)
    store.make_bucket()
    with open(file, "rb") as source:
        store.put(name, source.read())


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``quiet`` shows bad news only; ``command`` is how advice names the flow's command line."""

    engine: PipelineEngine = interpret
    limits: Limits = USUAL
    quiet: bool = False
    command: str = "python flow.py"


def rehearse(
    flow: str,
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    server: ObjectStore,
    target: LocalDatastore,
    write: Callable[[str], object],
    options: Options = Options(),
) -> Rehearsed:
    """Run the compiled pipeline of ``flow``, its containers against ``server``, and copy what they stored to
    ``target``; ``write`` takes lines of progress.

    Raises BadDocument, EngineFailed, StorageFailure.
    """
    with server.needed():
        return _rehearse(flow, compiled, parameters, server, target, Progress(write, quiet=options.quiet), options)


def _rehearse(
    flow: str,
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    server: ObjectStore,
    target: LocalDatastore,
    progress: Progress,
    options: Options,
) -> Rehearsed:
    begin = time.monotonic()
    run_uuid = str(uuid.uuid4())
    run = f"kfp-{run_uuid}"
    store = stocked_store(compiled.settings.datastore_root, flow, compiled.package, server)
    progress.say(f"Rehearsal starting (run-id {run}):")
    surroundings = surroundings_of(server, run_uuid, options.limits, progress)

    def bring_home() -> int:
        return collect(store, target, flow, run)

    with kept_at_ctrl_c(run, bring_home, target.root, options.command):
        ended = options.engine(compiled.document, parameters, run_uuid, surroundings)
    tasks = bring_home()
    failure = (
        None
        if ended.phase is Phase.SUCCEEDED
        else failure_of(progress.failed, ended.failures, "pipeline", "Kubeflow", options.command)
    )
    return Rehearsed(run, tasks, time.monotonic() - begin, failure)
