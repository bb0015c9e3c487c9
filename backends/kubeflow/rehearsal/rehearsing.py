"""One rehearsal: a compiled pipeline is run from its very file, and what it stored is brought home."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from penstock.backends.job_hosts.processes import ProcessHost, interpreter_folder
from penstock.backends.kubeflow.rehearsal.interpreter import Interpreter, Phase, RunEnded
from penstock.backends.kubeflow.rehearsal.pods import PodEnded, PodEvent, Pods
from penstock.backends.kubeflow.rehearsal.progress import Progress, pod_name, tail
from penstock.backends.kubeflow.rehearsal.reading import read_pipeline
from penstock.backends.kubeflow.resolution import with_placeholders
from penstock.backends.rehearsal.collecting import EngineStore, collect
from penstock.compiler.packaging import STORED_RAW
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.records import blob_key

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.backends.kubeflow.compilation import CompiledFlow
    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.backends.rehearsal.embedded import EmbeddedServer
    from penstock.runtime_shim.datastore.local import LocalDatastore

ROOT = "s3://penstock-rehearsal/metaflow"
_OF_THE_CLOUD = ("METAFLOW_S3_ENDPOINT_URL", "METAFLOW_AWS_S3_REGION", "METAFLOW_AWS_ARN")
_PATH = "/usr/local/bin:/usr/bin:/bin"


class RehearsalFailed(Failure):
    """A step of the rehearsed pipeline failed (R180), or the pipeline did by itself (R181)."""

    code = "R180"
    exit_code = 1


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A run that is over: ``tasks`` is how many ended, ``seconds`` how long it took."""

    run: str
    phase: Phase
    tasks: int
    seconds: float
    failure: RehearsalFailed | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engine runs a pipeline in: ``directory`` for its files, ``path`` and ``environment`` of every container,
    how many run ``at_once``, and who hears of them.
    """

    directory: Path
    path: str
    environment: Mapping[str, str]
    at_once: int
    grace_seconds: float
    listener: Callable[[PodEvent], None]


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
    host = ProcessHost(surroundings.directory / "work", surroundings.path, surroundings.grace_seconds)
    pods = Pods(
        host, surroundings.directory / "pods", surroundings.environment, surroundings.at_once, surroundings.listener
    )
    return Interpreter(pipeline, pods, run_uuid).run(parameters)


def rehearsal_settings(settings: KubeflowSettings) -> KubeflowSettings:
    """The settings with a root where none is configured: a configured one stays, so that its name is rehearsed too;
    where S3 is, the environment tells the containers.
    """
    placed = with_placeholders(settings, ROOT)
    config = {key: value for key, value in placed.config.items() if key not in _OF_THE_CLOUD}
    return replace(placed, config=MappingProxyType(config))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``at_once`` pods run side by side, twice the processors where it is None; ``grace_seconds`` lie between SIGTERM
    and SIGKILL.  ``quiet`` shows bad news only; ``command`` is how advice names the flow's command line.
    """

    engine: PipelineEngine = interpret
    at_once: int | None = None
    grace_seconds: float = 30.0
    quiet: bool = False
    command: str = "python flow.py"


def rehearse(
    flow: str,
    compiled: CompiledFlow,
    parameters: Mapping[str, object],
    server: EmbeddedServer,
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
    server: EmbeddedServer,
    target: LocalDatastore,
    progress: Progress,
    options: Options,
) -> Rehearsed:
    begin = time.monotonic()
    run_uuid = str(uuid.uuid4())
    run = f"kfp-{run_uuid}"
    store = EngineStore(compiled.settings.datastore_root, server)
    store.make_bucket()
    store.put(blob_key(flow, compiled.package.sha), compiled.package.data, STORED_RAW)
    progress.say(f"Rehearsal starting (run-id {run}):")
    ended = options.engine(compiled.document, parameters, run_uuid, _surroundings(server, run_uuid, options, progress))
    tasks = collect(store, target, flow, run)
    failure = None if ended.phase is Phase.SUCCEEDED else _failure(progress.failed, ended, options.command)
    return Rehearsed(run, ended.phase, tasks, time.monotonic() - begin, failure)


def _surroundings(server: EmbeddedServer, run_uuid: str, options: Options, listener: Progress) -> Surroundings:
    directory = server.directory / run_uuid
    directory.mkdir()
    return Surroundings(
        directory,
        path=f"{interpreter_folder(directory, sys.executable)}:{_PATH}",
        environment={
            "AWS_ACCESS_KEY_ID": server.secret,
            "AWS_SECRET_ACCESS_KEY": server.secret,
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        at_once=options.at_once or max(4, 2 * (os.cpu_count() or 1)),
        grace_seconds=options.grace_seconds,
        listener=listener,
    )


def _failure(failed: list[PodEnded], ended: RunEnded, command: str) -> RehearsalFailed:
    """The first failure that nothing made up for: a container's, with what it wrote last, or the pipeline's."""
    if not failed:
        place, sentence = ended.failures[0]
        return RehearsalFailed(
            f"the pipeline failed at {place}: {sentence}", help="the run would fail on Kubeflow too", code="R181"
        )
    pod = failed[0]
    lines = "".join(f"\n    | {line}" for line in tail(pod.log))
    name = pod_name(pod.container)
    return RehearsalFailed(f"task {name} failed: {pod.failure}{lines}", help=f"its whole output: {command} logs {name}")
