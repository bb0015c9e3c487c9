"""Tasks in a datastore: attempts that are being written, and finished ones.

What a reader may trust is decided here: the highest attempt that was begun must have its DONE marker, and must have
succeeded.  A task that is killed between any two writes leaves an attempt without one, and the next attempt starts
above it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from penstock.runtime_shim.datastore.attempts import AttemptWriter
from penstock.runtime_shim.datastore.finished import FinishedTask, NotFinished, Stored, finished_task
from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.local_metadata import LocalMetadata
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.records import task_prefix

__all__ = ["AttemptWriter", "FinishedTask", "NotFinished", "Stored", "TaskStore"]


class TaskStore:
    """The tasks of one flow."""

    def __init__(self, store: Datastore, flow: str) -> None:
        self.store = store
        self.flow = flow
        self._known: set[str] = set()
        """Shas of blobs that are stored: finished tasks of this flow name them."""
        self._metadata = LocalMetadata(store.root, flow) if store.kind == "local" else None

    def begin(self, run: str, step: str, task: str, *, path: Path | None, asked: Path | None = None) -> AttemptWriter:
        """Start an attempt, numbered one above the highest that was ever begun; ``asked`` is its path as a scheduler
        gave it, where that lacks the first turn of a loop.

        Costs one listing and one write.  Where the task is done already nothing is begun, and the writer's
        ``already_done`` is what it left.  Of two processes that begin one task at once each gets a number of its own.

        Raises StorageFailure.
        """
        prefix = task_prefix(self.flow, run, step, task)
        names = self.store.children(prefix)
        highest = highest_attempt(names)
        if f"{highest}.DONE.lock" in names:
            done = self._read(run, step, task, highest)
            if done.ok:
                return AttemptWriter(
                    self.store, done, highest, path, self._known, self._metadata, asked=asked, already_done=True
                )
        attempt = highest + 1
        while not self.store.put_if_absent(f"{prefix}{attempt}.attempt.json", _started()):
            attempt += 1
        begun = FinishedTask(self.store, self.flow, run, step, task, attempt)
        if self._metadata is not None:
            self._metadata.begin_task(run, step, task, attempt)
        return AttemptWriter(self.store, begun, attempt, path, self._known, self._metadata, asked=asked)

    def finished(self, run: str, step: str, task: str, attempt: int | None = None) -> FinishedTask:
        """A task that ended well: its last attempt, or ``attempt``.

        Costs one listing and one read.  Raises NotFinished where the attempt was never begun, runs, was killed or
        failed; StorageFailure.
        """
        return self.finished_many(run, [(step, task)], attempt)[0]

    def finished_many(
        self, run: str, tasks: Sequence[tuple[str, str]], attempt: int | None = None
    ) -> list[FinishedTask]:
        """Several tasks ``(step, task id)`` in their order, read together.

        Raises as :meth:`finished` for the first that has not ended well.
        """
        found = self._latest(run, tasks, attempt)
        for one in found:
            if not one.ok:
                raise NotFinished(f"task {one} failed in attempt {one.attempt}", help="see its log, then run it again")
        return found

    def ended(self, run: str, step: str, task: str, attempt: int | None = None) -> FinishedTask:
        """As :meth:`finished`, but one that failed is given too (its ``ok`` is False)."""
        return self._latest(run, [(step, task)], attempt)[0]

    def _latest(self, run: str, tasks: Sequence[tuple[str, str]], attempt: int | None) -> list[FinishedTask]:
        prefixes = [task_prefix(self.flow, run, step, task) for step, task in tasks]
        keys: list[str] = []
        for (step, task), prefix, names in zip(tasks, prefixes, self.store.children_many(prefixes), strict=True):
            number = highest_attempt(names) if attempt is None else attempt
            if f"{number}.attempt.json" not in names:
                raise NotFinished(
                    f"task {self.flow}/{run}/{step}/{task} has not been started"
                    + (f" for the {number + 1}. time" if attempt else "")
                    + f" in {self.store.root}",
                    help="check the id and the datastore",
                )
            if f"{number}.DONE.lock" not in names:
                raise NotFinished(
                    f"task {self.flow}/{run}/{step}/{task} has not finished: its attempt {number} runs, or was killed",
                    help="wait for it, or run it again",
                )
            keys.append(f"{prefix}{number}.data.json")
        documents = (data for _, data in self._read_documents(keys))
        found = [
            finished_task(self.store, (self.flow, run, step, task), data)
            for (step, task), data in zip(tasks, documents, strict=True)
        ]
        for one in found:
            self._known.update(stored.sha for stored in one.objects.values())
        return found

    def _read_documents(self, keys: Sequence[str]) -> list[tuple[str, bytes]]:
        try:
            return list(self.store.get_many(keys))
        except Missing as error:
            raise NotFinished(
                f"the datastore {self.store.root} has no object `{error.args[0]}`, although its task is marked done",
                help="run that task again",
            ) from error

    def _read(self, run: str, step: str, task: str, attempt: int) -> FinishedTask:
        key = f"{task_prefix(self.flow, run, step, task)}{attempt}.data.json"
        ((_, data),) = self._read_documents([key])
        found = finished_task(self.store, (self.flow, run, step, task), data)
        self._known.update(stored.sha for stored in found.objects.values())
        return found


def highest_attempt(names: Sequence[str]) -> int:
    """The highest number N of the names ``N.attempt.json``, -1 where there is none."""
    return max(_attempts(names), default=-1)


def lowest_attempt(names: Sequence[str]) -> int | None:
    """The lowest number N of the names ``N.attempt.json``, None where there is none."""
    return min(_attempts(names), default=None)


def _attempts(names: Sequence[str]) -> list[int]:
    numbers = (name.removesuffix(".attempt.json") for name in names if name.endswith(".attempt.json"))
    return [int(number) for number in numbers if number.isdecimal()]


def _started() -> bytes:
    document: dict[str, Any] = {"time": time.time()}
    return json.dumps(document).encode()
