"""Tasks and artifacts."""

from __future__ import annotations

import json
import time
from collections import namedtuple
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.client.base import StoredObject
from penstock.runtime_shim.client.code import Code
from penstock.runtime_shim.client.failures import NotFound
from penstock.runtime_shim.client.metadata import Metadata, fact_of, stored_facts
from penstock.runtime_shim.datastore.finished import FinishedTask, NoSuchArtifact, NotFinished
from penstock.runtime_shim.datastore.logs import LogLine, read_log
from penstock.runtime_shim.datastore.protocol import Missing
from penstock.runtime_shim.datastore.tasks import TaskStore, highest_attempt, lowest_attempt
from penstock.runtime_shim.records import task_prefix

if TYPE_CHECKING:
    from penstock.runtime_shim.client.runs import Step


class DataArtifact(StoredObject[Any]):
    """``DataArtifact('Flow/run/step/task/name')``: one value that a task left."""

    _depth = 5
    _form = "Flow/run/step/task/artifact"

    @property
    def data(self) -> Any:
        """The value.

        Raises BrokenArtifact, UnknownClass, StorageFailure.
        """
        return self._done.load(self.id)

    @property
    def sha(self) -> str:
        """The sha1 of its pickle: equal values have equal shas."""
        return self._done.objects[self.id].sha

    @property
    def size(self) -> int:
        """Bytes of its pickle."""
        return self._done.objects[self.id].size

    @property
    def finished_at(self) -> datetime:
        """When its task ended, in local time."""
        return self.created_at

    @property
    def _done(self) -> FinishedTask:
        done = self.parent._done
        if done is None:
            raise NotFound(f"{self.parent} has not ended: it has no artifacts yet")
        left: FinishedTask = done
        return left

    def _exists(self) -> bool:
        done: FinishedTask | None = self.parent._done
        return done is not None and self.id in done.objects

    def _visible(self) -> bool:
        task: Task = self.parent
        return task._visible()

    def _created(self) -> float:
        task: Task = self.parent
        return task._ended() or task._created()

    def _children(self) -> Iterator[Any]:
        return iter(())

    def _child(self, id: str) -> Any:
        raise NotFound(f"{self} has no children")

    def _make_parent(self) -> Task:
        return Task("/".join(self._parts[:4]), self._attempt, store=self._store, _namespace=self._namespace, _seen=True)

    def _what_exists(self) -> str:
        done = self.parent._done
        return (
            f"the task has: {', '.join(sorted(done.objects))}" if done else "the task does not exist, or has not ended"
        )


class TaskData:
    """A task's artifacts by attribute: ``task.data.x``; each value is read when it is asked for."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        done = self._task._done
        try:
            if done is None:
                raise AttributeError(f"{self._task} has not ended: it has no artifacts yet")
            return done.load(name)
        except NoSuchArtifact as error:
            raise AttributeError(error.message) from error

    def __contains__(self, name: object) -> bool:
        done = self._task._done
        return done is not None and name in done.objects

    def __dir__(self) -> Iterable[str]:
        return self._task._public_names()

    def __repr__(self) -> str:
        return f"<{self._task} has: {', '.join(self._task._public_names()) or 'nothing'}>"


class Task(StoredObject[DataArtifact]):
    """``Task('Flow/run/step/task')``: its last attempt, or ``attempt``; iterating gives the public artifacts."""

    _depth = 4
    _form = "Flow/run/step/task"

    _left: FinishedTask | None = None
    """What it left, once it has ended."""

    @property
    def successful(self) -> bool:
        """Whether it ended well; False for a failure that was caught."""
        done = self._done
        if done is None or "_success" not in done.objects:
            return done is not None and done.ok
        return bool(done.load("_success"))

    @property
    def finished(self) -> bool:
        """Whether it ended well, or its failure was caught."""
        done = self._done
        return done is not None and done.ok

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, in local time; None while it has not."""
        ended = self._ended()
        return datetime.fromtimestamp(ended) if ended is not None else None

    @property
    def exception(self) -> Any:
        """What its code raised, with ``type``, ``exception`` and ``stacktrace`` as text, caught or not; None where
        nothing was raised.
        """
        done = self._done
        name = "_exception" if done is None or "_catch_exception" not in done.objects else "_catch_exception"
        return done.load(name) if done is not None and name in done.objects else None

    @property
    def index(self) -> int | None:
        """The number of its split in the innermost foreach, None outside one."""
        done = self._done
        stack = done.load("_foreach_stack") if done is not None and "_foreach_stack" in done.objects else None
        return int(stack[-1].index) if stack else None

    @property
    def data(self) -> TaskData:
        """Its artifacts: ``task.data.x``."""
        return TaskData(self)

    @property
    def artifacts(self) -> Any:
        """Its public artifacts as a named tuple of DataArtifact."""
        found = list(self)
        made: Any = namedtuple("Artifacts", [artifact.id for artifact in found])  # type: ignore[misc]  # names of this task
        return made(*found)

    @property
    def stdout(self) -> str:
        """What it has printed so far."""
        return self._log("stdout")

    @property
    def stderr(self) -> str:
        """What it has written to standard error so far."""
        return self._log("stderr")

    def loglines(self, stream: str) -> Iterator[tuple[datetime | None, str]]:
        """The lines of ``stdout`` or ``stderr`` with their times in UTC, in that order."""
        return ((line.time, line.text.decode("utf-8", "replace")) for line in self._loglines(stream))

    @property
    def current_attempt(self) -> int:
        """The attempt that is shown: the one asked for, else the last one begun."""
        return self._attempt if self._attempt is not None else max(0, highest_attempt(self._names()))

    @property
    def metadata(self) -> list[Metadata]:
        """Facts about the task, of all attempts or of the one asked for."""
        found = [fact_of(document, self) for document in self._stored_facts()]
        return found or [
            Metadata(name, value, int(self._created() * 1000), name, self) for name, value in self._own_facts().items()
        ]

    @property
    def metadata_dict(self) -> dict[str, Any]:
        """The latest fact of each name."""
        return {fact.name: fact.value for fact in sorted(self.metadata, key=lambda fact: fact.created_at)}

    @property
    def code(self) -> Code | None:
        """The code package it ran, None where it ran the flow's own file."""
        done = self._done
        if done is not None and done.package:
            return Code(self._store, self._parts[0], done.package, done.script)
        facts = self.metadata_dict
        package = json.loads(facts.get("code-package") or "{}").get("sha")
        return Code(self._store, self._parts[0], package, facts.get("script-name")) if package else None

    # Of the base class

    @property
    def _prefix(self) -> str:
        return task_prefix(*self._parts)

    def _names(self) -> list[str]:
        """The names of its files, as they are now."""
        return self._store.children(self._prefix)

    def _exists(self) -> bool:
        return bool(self._names())

    def _created(self) -> float:
        first = lowest_attempt(self._names())
        return self._began(first) if first is not None else time.time()

    def _began(self, attempt: int) -> float:
        try:
            return float(json.loads(self._store.get(f"{self._prefix}{attempt}.attempt.json"))["time"])
        except (Missing, ValueError, KeyError):
            return 0.0

    def _ended(self) -> float | None:
        done = self._done
        if done is None or done.ended is not None:
            return done.ended if done is not None else None
        # Metaflow notes the time of the end in the metadata alone, and on S3 nowhere: the begin is the nearest thing.
        times = [document["ts_epoch"] / 1000 for document in self._stored_facts("sysmeta_attempt-done_")]
        return max(times, default=self._began(done.attempt))

    @property
    def _done(self) -> FinishedTask | None:
        """What it left, None while it has not ended; once it has, that does not change."""
        if self._left is None:
            flow, run, step, task = self._parts
            try:
                self._left = TaskStore(self._store, flow).ended(run, step, task, self._attempt)
            except NotFinished:
                return None
        return self._left

    def _public_names(self) -> list[str]:
        done = self._done
        return sorted(name for name in done.objects if not name.startswith("_")) if done is not None else []

    def _children(self) -> Iterator[DataArtifact]:
        return iter([self._child(name) for name in self._public_names()])

    def _child(self, id: str) -> DataArtifact:
        return DataArtifact(f"{self.pathspec}/{id}", self._attempt, **self._context())

    def _make_parent(self) -> Step:
        from penstock.runtime_shim.client.runs import Step

        return Step("/".join(self._parts[:3]), store=self._store, _namespace=self._namespace, _seen=True)

    # Logs and metadata

    def _loglines(self, stream: str) -> list[LogLine]:
        flow, run, step, task = self._parts
        names = self._names()
        attempt = self._attempt if self._attempt is not None else max(0, highest_attempt(names))
        return read_log(self._store, (flow, run, step, task), attempt, stream, names)

    def _log(self, stream: str) -> str:
        return "".join(f"{text}\n" for _, text in self.loglines(stream))

    def _stored_facts(self, start: str = "sysmeta_") -> list[dict[str, Any]]:
        return stored_facts(self._store, self._prefix, self._names(), self._attempt, start)

    def _own_facts(self) -> dict[str, str]:
        """What the task's own files say, where there is no metadata."""
        facts = {"attempt": str(self.current_attempt), "ds-type": self._store.kind, "ds-root": self._store.root}
        if self._done is not None:
            facts["attempt-done"] = str(self._done.attempt)
        return facts


__all__ = ["DataArtifact", "Metadata", "Task", "TaskData"]
