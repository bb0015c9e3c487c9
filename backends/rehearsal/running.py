"""What one rehearsal on Kubernetes' schedulers is made of, whoever interprets the document."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar

from penstock.backends.job_hosts.jobs import OUT_OF_MEMORY
from penstock.backends.job_hosts.processes import ProcessHost, interpreter_folder
from penstock.backends.protocol import Settings
from penstock.backends.rehearsal.collecting import EngineStore, collect
from penstock.backends.rehearsal.pods import ENDED_WITH_RUN, PodEnded, PodEvent, Surroundings
from penstock.backends.rehearsal.progress import Progress, tail
from penstock.compiler.packaging import STORED_RAW
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.records import blob_key

if TYPE_CHECKING:
    from penstock.backends.job_hosts.jobs import JobHost
    from penstock.backends.rehearsal.object_store import ObjectStore
    from penstock.compiler.packaging import CodePackage
    from penstock.runtime_shim.datastore.local import LocalDatastore

S = TypeVar("S", bound=Settings)
ROOT = "s3://penstock-rehearsal/metaflow"
"""The datastore of a rehearsal where none is configured."""
_OF_THE_CLOUD = ("METAFLOW_S3_ENDPOINT_URL", "METAFLOW_AWS_S3_REGION", "METAFLOW_AWS_ARN")
"""Configuration that says where S3 is: in a rehearsal the environment does."""
_PATH = "/usr/local/bin:/usr/bin:/bin"


def rehearsal_settings(settings: S) -> S:
    """The settings with a root where none is configured: a configured one stays, so that its name is rehearsed too;
    where S3 is, the environment tells the containers.
    """
    config = {key: value for key, value in settings.config.items() if key not in _OF_THE_CLOUD}
    return replace(settings, datastore_root=settings.datastore_root or ROOT, config=MappingProxyType(config))


class RehearsalFailed(Failure):
    """A step of the rehearsed flow failed (R180), or the scheduler's document did by itself (R181)."""

    code = "R180"
    exit_code = 1


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A run that is over, well without a ``failure``: ``tasks`` is how many ended, ``seconds`` how long it took."""

    run: str
    tasks: int
    seconds: float
    failure: RehearsalFailed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``at_once`` pods run side by side, twice the processors where it is None; ``grace_seconds`` lie between SIGTERM
    and SIGKILL.
    """

    at_once: int | None = None
    grace_seconds: float = 30.0


USUAL = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``quiet`` shows bad news only; ``command`` is how advice names the flow's command line."""

    limits: Limits = USUAL
    quiet: bool = False
    command: str = "python flow.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is rehearsed: the run ``name`` of a scheduler, which is ``run`` in the datastore ``root``; ``kind`` and
    ``scheduler`` are the words that failures use.
    """

    flow: str
    name: str
    run: str
    root: str
    package: CodePackage | None
    kind: str
    scheduler: str


class Play(Protocol):
    """Runs a piece to its end, its pods in the surroundings."""

    def __call__(self, surroundings: Surroundings, progress: Progress, /) -> Sequence[tuple[str, str]] | None:
        """None where all went well, else what failed by itself, as places and sentences: nothing, where pods did."""
        ...


def rehearse_piece(
    piece: Piece,
    play: Play,
    server: ObjectStore,
    target: LocalDatastore,
    write: Callable[[str], object],
    options: Options,
) -> Rehearsed:
    """``play`` the piece, its pods against ``server``, and copy what they stored to ``target``, also at Ctrl-C;
    ``write`` takes lines of progress.

    Raises what ``play`` raises, EngineFailed, StorageFailure, RehearsalFailed (R172) at Ctrl-C.
    """
    begin = time.monotonic()
    progress = Progress(write, quiet=options.quiet)
    with server.needed():
        store = _stocked_store(piece, server)
        progress.say(f"Rehearsal starting (run-id {piece.run}):")
        surroundings = _surroundings(server, piece.name, options.limits, progress)
        try:
            failures = play(surroundings, progress)
        except KeyboardInterrupt:
            tasks = collect(store, target, piece.flow, piece.run)
            raise interrupted(piece.run, tasks, target.root, options.command) from None
        tasks = collect(store, target, piece.flow, piece.run)
    failure = None if failures is None else _failure(progress.failed, failures, piece, options.command)
    return Rehearsed(piece.run, tasks, time.monotonic() - begin, failure)


def _surroundings(server: ObjectStore, name: str, limits: Limits, progress: Progress) -> Surroundings:
    """What the pods of the run ``name`` run in: a folder of their own, and the keys of the rehearsal's S3."""
    directory = server.directory / name
    directory.mkdir()

    def listener(event: PodEvent) -> None:
        server.guard(event)
        progress(event)

    return Surroundings(
        directory,
        path=f"{interpreter_folder(directory, sys.executable)}:{_PATH}",
        environment={
            "AWS_ACCESS_KEY_ID": server.secret,
            "AWS_SECRET_ACCESS_KEY": server.secret,
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        at_once=limits.at_once or max(4, 2 * (os.cpu_count() or 1)),
        grace_seconds=limits.grace_seconds,
        listener=listener,
        containers=server.containers,
        rehearsal=server.rehearsal,
    )


def job_host(surroundings: Surroundings) -> JobHost:
    """Who runs the pods: the container engine of the surroundings, or this machine."""
    if surroundings.containers:
        from penstock.backends.job_hosts.containers import ContainerHost

        return ContainerHost(surroundings.containers, surroundings.rehearsal, surroundings.grace_seconds)
    return ProcessHost(surroundings.directory / "work", surroundings.path, surroundings.grace_seconds)


def _stocked_store(piece: Piece, server: ObjectStore) -> EngineStore:
    store = EngineStore(piece.root, server)
    store.make_bucket()
    if piece.package is not None:
        store.put(blob_key(piece.flow, piece.package.sha), piece.package.data, STORED_RAW)
    return store


def interrupted(run: str, tasks: int, root: str, command: str) -> RehearsalFailed:
    """What Ctrl-C leaves: the ``tasks`` that had ended are in the datastore ``root`` by then."""
    message = f"the rehearsal {run} was ended by Ctrl-C"
    if not tasks:
        return RehearsalFailed(f"{message}: no task had ended", code="R172")
    ended = "1 task that had ended is" if tasks == 1 else f"{tasks} tasks that had ended are"
    return RehearsalFailed(f"{message}: {ended} stored in {root}", help=f"`{command} logs {run}/start`", code="R172")


def _failure(
    failed: Sequence[PodEnded], by_itself: Sequence[tuple[str, str]], piece: Piece, command: str
) -> RehearsalFailed:
    """The first failure that nothing made up for: a pod's, with what it wrote last, or the piece's by itself."""
    failed = [pod for pod in failed if pod.failure != ENDED_WITH_RUN]
    if not failed:
        place, sentence = by_itself[0]
        message = f"the {piece.kind} failed at {place}: {sentence}"
        return RehearsalFailed(message, help=f"the run would fail on {piece.scheduler} too", code="R181")
    pod = failed[0]
    lines = "".join(f"\n    | {line}" for line in tail(pod.log))
    message = f"task {pod.name} failed: {pod.failure}{lines}"
    advice = f"its whole output: {command} logs {pod.name}"
    if OUT_OF_MEMORY in pod.failure:
        advice = f"give the step more memory, with @resources(memory=...); {advice}"
    return RehearsalFailed(message, help=advice)
