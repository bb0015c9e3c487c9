"""A task that ended, read from its ``N.data.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from penstock.runtime_shim.datastore.blobs import BIG, decode, plain_file, sha_of
from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED, Failure, InvalidName
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.records import Record, blob_key
from penstock.runtime_shim.serialization import BrokenArtifact, dumps, load, loads

PENSTOCK = "penstock"
"""The entry of ``N.data.json`` that Metaflow does not have."""

_PICKLED_FALSE = (dumps(False), b"\x80\x02\x89.")
_FAILED_SHAS = frozenset(map(sha_of, _PICKLED_FALSE))
"""What ``_task_ok`` is in a task of Metaflow's that failed: known without reading it."""


class NotFinished(Failure):
    """A task that was to be read never started, has not ended, or failed."""

    code = "R160"
    exit_code = EXIT_RETRY_ALLOWED


class NoSuchArtifact(Failure):
    """A finished task has no artifact of that name."""

    code = "R166"
    exit_code = EXIT_DO_NOT_RETRY


class Stored(NamedTuple):
    """Where an artifact's value is: the ``sha`` of its blob; ``size`` in bytes of the pickle, ``type`` as text,
    ``encoding``.
    """

    sha: str
    size: int
    type: str
    encoding: str


class FinishedTask(NamedTuple):
    """One attempt of a task that ended.

    ``ok`` is False where it failed; ``path`` and ``record`` are None for tasks that Penstock did not make, ``record``
    also where it failed.  ``pointers`` are the ``(successor, task id)`` at which it names itself; ``ended`` in
    seconds since 1970, None where it is not known; ``package`` the sha of the code package it ran and ``script`` the
    flow file in it, None on the laptop.
    """

    store: Datastore
    flow: str
    run: str
    step: str
    task: str
    attempt: int
    objects: Mapping[str, Stored] = MappingProxyType({})
    ok: bool = True
    path: Path | None = None
    record: Record | None = None
    pointers: tuple[tuple[str, str], ...] = ()
    ended: float | None = None
    package: str | None = None
    script: str | None = None

    def __str__(self) -> str:
        return f"{self.flow}/{self.run}/{self.step}/{self.task}"

    def load(self, name: str) -> Any:
        """The value of the artifact ``name``.

        Raises NoSuchArtifact, BrokenArtifact, UnknownClass, StorageFailure.
        """
        return self.load_many([name])[name]

    def load_many(self, names: Iterable[str]) -> dict[str, Any]:
        """The values of several artifacts by name, fetched together; one blob is fetched once.

        Raises as :meth:`load`.
        """
        names = list(names)
        for name in names:
            if name not in self.objects:
                raise NoSuchArtifact(
                    f"task {self} has no artifact `{name}`", help=f"it has: {', '.join(sorted(self.objects))}"
                )
        big = [name for name in names if self.objects[name].size > BIG]
        shas = {self.objects[name].sha: name for name in names if name not in big}
        blobs = dict(zip(shas, self._blobs(shas), strict=True))
        found = {name: self._load_big(name) for name in big}
        # Two names of one blob get a value each, as if they had been read one by one.
        return {
            name: found[name] if name in found else loads(blobs[self.objects[name].sha], f"{self}/{name}")
            for name in names
        }

    def _load_big(self, name: str) -> Any:
        sha = self.objects[name].sha
        try:
            with self.store.open(blob_key(self.flow, sha)) as file:
                return load(plain_file(file), f"{self}/{name}")
        except (Missing, ValueError) as error:
            raise self._unreadable(name, error) from error

    def _blobs(self, shas: dict[str, str]) -> list[bytes]:
        """The blobs of these shas, each given with the name of an artifact that it is."""
        blobs: list[bytes] = []
        try:
            blobs.extend(decode(data) for _, data in self.store.get_many(blob_key(self.flow, sha) for sha in shas))
        except Missing as error:
            raise self._unreadable(shas[str(error.args[0]).rpartition("/")[2]], error) from error
        except ValueError as error:
            raise self._unreadable(list(shas.values())[len(blobs)], error) from error
        return blobs

    def _unreadable(self, name: str, error: Exception) -> BrokenArtifact:
        sha = self.objects[name].sha
        why = f"its blob is not in {self.store.root}" if isinstance(error, Missing) else str(error)
        return BrokenArtifact(
            f"the artifact {self}/{name} (sha {sha}) cannot be read: {why}", help="run the step that made it again"
        )


def finished_task(store: Datastore, names: tuple[str, str, str, str], data: bytes) -> FinishedTask:
    """Read ``N.data.json`` of the task ``(flow, run, step, task id)``.

    Raises BrokenArtifact where it is none.
    """
    try:
        document = json.loads(data)
        ours = document.get(PENSTOCK) or {}
        objects = {name: _stored(sha, document["info"].get(name, {})) for name, sha in document["objects"].items()}
        task_ok = objects.get("_task_ok")
        record = ours.get("record")
        return FinishedTask(
            store,
            *names,
            attempt=int(document.get("attempt", 0)),
            objects=objects,
            ok=bool(ours["ok"]) if "ok" in ours else task_ok is None or task_ok.sha not in _FAILED_SHAS,
            path=Path.parse(ours["path"]) if ours.get("path") is not None else None,
            record=Record.from_json(record) if record is not None else None,
            pointers=tuple((str(step), str(task)) for step, task in ours.get("pointers", ())),
            ended=ours.get("time"),
            package=ours.get("package"),
            script=ours.get("script"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, InvalidName) as error:
        raise BrokenArtifact(
            f"what task {'/'.join(names)} left in {store.root} cannot be read: {type(error).__name__}: {error}",
            help="run that task again",
        ) from error


def _stored(sha: str, info: Mapping[str, Any]) -> Stored:
    return Stored(
        sha=str(sha),
        size=int(info.get("size", 0)),
        type=str(info.get("type", "")),
        encoding=str(info.get("encoding", "gzip+pickle-v2")),
    )
