"""An attempt that is being written.

The order of writes is what makes a killed attempt harmless: blobs, ``N.data.json``, record, pointers, and
``N.DONE.lock`` last.  Nothing before the last is trusted by anyone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from penstock.runtime_shim.datastore.blobs import encode, sha_of
from penstock.runtime_shim.datastore.finished import PENSTOCK, FinishedTask, Stored
from penstock.runtime_shim.datastore.protocol import Datastore, Put
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.records import (
    RECORD_FILE_ENV,
    SPLITS_ENV,
    Record,
    blob_key,
    pointer_key,
    record_key,
    splits_key,
    task_prefix,
)
from penstock.runtime_shim.serialization import PROTOCOL, dump_pieces

if TYPE_CHECKING:
    from penstock.runtime_shim.local_metadata import LocalMetadata

ENCODING = f"pickle-v{PROTOCOL}"
PACKAGE_ENV = "PENSTOCK_PACKAGE"
"""Environment variable with the sha of the code package that the task runs."""


class AttemptWriter:
    """Attempt number ``attempt`` of a task in ``store``; ``already_done`` is what an earlier one left, where that ended
    well.
    """

    def __init__(
        self,
        store: Datastore,
        task: FinishedTask,
        attempt: int,
        path: Path | None,
        known: set[str],
        metadata: LocalMetadata | None,
        *,
        asked: Path | None = None,
        already_done: bool = False,
    ) -> None:
        self.attempt = attempt
        self.already_done: FinishedTask | None = task if already_done else None
        self.store = store
        self._task = task
        self._path = path
        self._asked = asked
        self._known = known
        self._metadata = metadata
        self._objects: dict[str, Stored] = {}

    def __str__(self) -> str:
        return str(self._task)

    def save(self, artifacts: Mapping[str, object]) -> None:
        """Store the values; those whose content is known to be stored cost no request.

        One value after the other is pickled, so that what is in memory beside the values is a few blobs at most.
        Raises Unpicklable, StorageFailure.
        """
        stored: set[str] = set()
        self.store.put_blobs(self._blobs(artifacts, stored))
        self._known |= stored

    def inherit(self, objects: Mapping[str, Stored]) -> None:
        """Take over artifacts of a finished task of this flow, without a request."""
        self._objects.update(objects)
        self._known.update(stored.sha for stored in objects.values())

    def commit(self, record: Record, pointers: Iterable[tuple[str, str]] = ()) -> None:
        """Say that the task ended well, and where its successors find it; ``pointers`` are ``(successor, its task
        id)``.

        Raises StorageFailure; the attempt then counts as killed.
        """
        self._end(record, tuple(pointers))

    def commit_failed(self) -> None:
        """Say that the task failed: its artifacts (``_exception``) can be read by the Client, but no task takes it
        for an input, and the next attempt runs.

        Raises StorageFailure.
        """
        self._end(None, ())

    def rewrite(self) -> None:
        """Write record and pointers of ``already_done`` again: they may have been lost, and are always the same."""
        done = self.already_done
        if done is not None and done.record is not None:
            self._write_record(done.record, done.path, done.pointers)

    def _blobs(self, artifacts: Mapping[str, object], under_way: set[str]) -> Iterator[Put]:
        for name, value in artifacts.items():
            pieces = dump_pieces(value, name)
            sha = sha_of(pieces)
            self._objects[name] = Stored(sha, sum(map(len, pieces)), str(type(value)), ENCODING)
            if sha not in self._known and sha not in under_way:
                under_way.add(sha)
                data, attributes = encode(pieces)
                del pieces
                yield blob_key(self._task.flow, sha), data, attributes

    def _end(self, record: Record | None, pointers: tuple[tuple[str, str], ...]) -> None:
        task = self._task
        prefix = task_prefix(task.flow, task.run, task.step, task.task)
        self.store.put(f"{prefix}{self.attempt}.data.json", self._document(record, pointers))
        if record is not None:
            self._write_record(record, self._path, pointers)
        if self._metadata is not None:
            self._metadata.end_task(task.run, task.step, task.task, self.attempt, self._objects, record is not None)
        self.store.put(f"{prefix}{self.attempt}.DONE.lock", b'""')

    def _document(self, record: Record | None, pointers: tuple[tuple[str, str], ...]) -> bytes:
        ours: dict[str, object] = {
            "ok": record is not None,
            "time": time.time(),
            "path": None if self._path is None else str(self._path),
            "record": None if record is None else record.to_json(),
        }
        if pointers:
            ours["pointers"] = pointers
        if package := os.environ.get(PACKAGE_ENV):
            ours["package"] = package
            ours["script"] = os.path.basename(sys.argv[0])
        info = {name: {"size": s.size, "type": s.type, "encoding": s.encoding} for name, s in self._objects.items()}
        document = {
            "datastore": self.store.kind,
            "version": "1.0",
            "attempt": self.attempt,
            "python_version": sys.version,
            "objects": {name: stored.sha for name, stored in self._objects.items()},
            "info": info,
            PENSTOCK: ours,
        }
        return json.dumps(document).encode()

    def _write_record(self, record: Record, path: Path | None, pointers: Iterable[tuple[str, str]]) -> None:
        task = self._task
        if told := os.environ.get(RECORD_FILE_ENV):
            with open(told, "wb") as file:
                file.write(record.to_bytes())
        # Also where a scheduler looks that has left out the first turn of a loop.
        for place in dict.fromkeys((path, self._asked or path)):
            if place is not None:
                if record.splits is not None and os.environ.get(SPLITS_ENV):
                    splits = json.dumps(list(range(record.splits)), separators=(",", ":")).encode()
                    self.store.put(splits_key(task.flow, task.run, task.step, place), splits)
                self.store.put(record_key(task.flow, task.run, task.step, place), record.to_bytes())
        own = f"{task.step}/{task.task}".encode()
        self.store.put_many(
            (pointer_key(task.flow, task.run, successor, name), own, None) for successor, name in pointers
        )
