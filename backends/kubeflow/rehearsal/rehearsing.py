"""One rehearsal: a compiled pipeline is run from its very file, and what it stored is brought home."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from penstock.backends.kubeflow.rehearsal.interpreter import Interpreter, Phase, RunEnded
from penstock.backends.kubeflow.rehearsal.pods import Pods
from penstock.backends.kubeflow.rehearsal.reading import read_pipeline
from penstock.backends.rehearsal.collecting import EngineStore
from penstock.backends.rehearsal.running import Options, Piece, Rehearsed, job_host, rehearse_piece

if TYPE_CHECKING:
    from penstock.backends.kubeflow.compilation import CompiledFlow
    from penstock.backends.rehearsal.object_store import ObjectStore
    from penstock.backends.rehearsal.pods import Surroundings
    from penstock.backends.rehearsal.progress import Progress
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


def rehearse(
    flow: str,
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    server: ObjectStore,
    target: LocalDatastore,
    write: Callable[[str], object],
    options: Options,
    engine: PipelineEngine = interpret,
) -> Rehearsed:
    """Run the compiled pipeline of ``flow`` by ``engine``, its containers against ``server``, and copy what they stored
    to ``target``; ``write`` takes lines of progress.

    Raises BadDocument, EngineFailed, StorageFailure.
    """
    run_uuid = str(uuid.uuid4())

    def play(surroundings: Surroundings, _: Progress) -> Sequence[tuple[str, str]] | None:
        ended = engine(compiled.document, parameters, run_uuid, surroundings)
        return None if ended.phase is Phase.SUCCEEDED else ended.failures

    piece = Piece(
        flow=flow,
        name=run_uuid,
        run=f"kfp-{run_uuid}",
        root=compiled.settings.datastore_root,
        package=compiled.package,
        kind="pipeline",
        scheduler="Kubeflow",
    )
    return rehearse_piece(piece, play, server, target, write, options)
