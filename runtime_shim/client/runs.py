"""Flows, runs and steps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from penstock.runtime_shim.client.base import StoredObject
from penstock.runtime_shim.client.code import Code
from penstock.runtime_shim.client.failures import InvalidPathspec, NamespaceMismatch, NotFound
from penstock.runtime_shim.client.task import Task, TaskData
from penstock.runtime_shim.datastore.opening import client_store
from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.datastore.tasks import lowest_attempt
from penstock.runtime_shim.local_metadata import LATEST_RUN, META
from penstock.runtime_shim.records import run_prefix, task_prefix

_FLOW_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NOT_RUNS = ("data", META, LATEST_RUN)


class Metaflow:
    """All flows of a datastore, those with a run in the current namespace."""

    def __init__(self, *, store: Datastore | None = None) -> None:
        self._store = store or client_store()

    @property
    def flows(self) -> list[Flow]:
        """The flows, by name."""
        return list(self)

    def __iter__(self) -> Iterator[Flow]:
        for name in self._store.children(""):
            if _FLOW_NAME.match(name) and name in self:
                yield self[name]

    def __getitem__(self, name: str) -> Flow:
        """The flow.

        Raises KeyError where there is none.
        """
        try:
            return Flow(name, store=self._store)
        except (NotFound, InvalidPathspec) as error:
            raise KeyError(error.message) from error

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except (KeyError, NamespaceMismatch):
            return False
        return True

    def __repr__(self) -> str:
        return f"Metaflow({self._store.root!r})"


class Step(StoredObject[Task]):
    """``Step('Flow/run/step')``: its tasks, in the order of their splits."""

    _depth = 3
    _form = "Flow/run/step"

    @property
    def task(self) -> Task | None:
        """The first task: the only one outside a foreach."""
        return next(iter(self), None)

    def tasks(self, *tags: str) -> Iterator[Task]:
        """The tasks, if the run has all these ``tags``."""
        return (task for task in self if task.tags.issuperset(tags))

    @property
    def finished_at(self) -> datetime | None:
        """When its last task ended, None while one has not."""
        times = [task.finished_at for task in self]
        return None if None in times else max((time for time in times if time is not None), default=None)

    def _prefix(self) -> str:
        return run_prefix(*self._parts[:2]) + f"{self.id}/"

    def _task_ids(self) -> list[str]:
        return sorted((name for name in self._store.children(self._prefix()) if name != META), key=_by_number)

    def _exists(self) -> bool:
        return bool(self._store.children(self._prefix()))

    def _created(self) -> float:
        return _began(self._store, self._parts[0], self._parts[1], [self.id])[0]

    def _children(self) -> Iterator[Task]:
        return iter([Task(f"{self.pathspec}/{task}", **self._context(), _seen=True) for task in self._task_ids()])

    def _child(self, id: str) -> Task:
        return Task(f"{self.pathspec}/{id}", **self._context())

    def _make_parent(self) -> Run:
        return Run("/".join(self._parts[:2]), store=self._store, _namespace=self._namespace, _seen=True)

    def _what_exists(self) -> str:
        return f"the run has: {', '.join(_steps(self._store, self._parts[0], self._parts[1])) or 'no step'}"


class Run(StoredObject[Step]):
    """``Run('Flow/run')``: its steps, those that began last first."""

    _depth = 2
    _form = "Flow/run"

    @property
    def _names(self) -> tuple[str, str]:
        flow, run = self._parts
        return flow, run

    def steps(self, *tags: str) -> Iterator[Step]:
        """The steps, if the run has all these ``tags``."""
        return (step for step in self if step.tags.issuperset(tags))

    @property
    def end_task(self) -> Task | None:
        """The task of the step `end`, None while it has not begun."""
        try:
            return self["end"].task
        except KeyError:
            return None

    @property
    def data(self) -> TaskData | None:
        """The artifacts at the end of the run: ``run.data.x``."""
        end = self.end_task
        return end.data if end is not None else None

    @property
    def successful(self) -> bool:
        """Whether `end` ended well."""
        end = self.end_task
        return end is not None and end.successful

    @property
    def finished(self) -> bool:
        """Whether `end` ended."""
        end = self.end_task
        return end is not None and end.finished

    @property
    def finished_at(self) -> datetime | None:
        """When `end` ended, in local time."""
        end = self.end_task
        return end.finished_at if end is not None else None

    @property
    def code(self) -> Code | None:
        """The code package that its tasks ran, None where the flow's own file was run."""
        return next((task.code for step in self for task in [step.task] if task is not None and task.code), None)

    def _exists(self) -> bool:
        return self.id not in _NOT_RUNS and bool(self._store.children(run_prefix(*self._parts)))

    def _created(self) -> float:
        if "ts_epoch" in self._facts:
            return float(self._facts["ts_epoch"]) / 1000
        # Metaflow's runs outside the laptop have no facts of their own.
        names = ["_parameters", *_steps(self._store, *self._names)]
        return min((time for time in _began(self._store, *self._names, names) if time), default=0.0)

    def _children(self) -> Iterator[Step]:
        names = _steps(self._store, *self._names)
        times = _began(self._store, *self._names, names)
        latest_first = sorted(zip(times, names, strict=True), key=lambda pair: pair[0], reverse=True)
        return iter([Step(f"{self.pathspec}/{name}", **self._context(), _seen=True) for _, name in latest_first])

    def _child(self, id: str) -> Step:
        return Step(f"{self.pathspec}/{id}", **self._context())

    def _make_parent(self) -> Flow:
        return Flow(self._parts[0], store=self._store, _namespace=self._namespace, _seen=True)


class Flow(StoredObject[Run]):
    """``Flow('Name')``: its runs in the current namespace, the latest first."""

    _depth = 1
    _form = "Flow"

    @property
    def latest_run(self) -> Run | None:
        """The run that began last, whether it has ended or not."""
        return next(iter(self), None)

    @property
    def latest_successful_run(self) -> Run | None:
        """The run that began last of those that ended well."""
        return next((run for run in self if run.successful), None)

    def runs(self, *tags: str) -> Iterator[Run]:
        """The runs that have all these ``tags``, the latest first."""
        return (run for run in self if run.tags.issuperset(tags))

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return {}

    def _run_ids(self) -> list[str]:
        return [name for name in self._store.children(f"{self.id}/") if name not in _NOT_RUNS]

    def _exists(self) -> bool:
        return bool(self._run_ids())

    def _visible(self) -> bool:
        return self._namespace is None or any(self._runs())

    def _created(self) -> float:
        return min((run._created() for run in self._runs()), default=0.0)

    def _runs(self) -> Iterator[Run]:
        for id in self._run_ids():
            run = Run(f"{self.id}/{id}", **self._context(), _seen=True)
            if run._visible():
                yield run

    def _children(self) -> Iterator[Run]:
        return iter(sorted(self._runs(), key=lambda run: (run._created(), _by_number(run.id)), reverse=True))

    def _child(self, id: str) -> Run:
        return Run(f"{self.id}/{id}", **self._context())


def _steps(store: Datastore, flow: str, run: str) -> list[str]:
    return [name for name in store.children(run_prefix(flow, run)) if not name.startswith("_")]


def _began(store: Datastore, flow: str, run: str, steps: Sequence[str]) -> list[float]:
    """When the first task of each step began, 0 where none did."""
    listings = store.children_many([f"{run_prefix(flow, run)}{step}/" for step in steps])
    firsts = [min((name for name in names if name != META), key=_by_number, default=None) for names in listings]
    prefixes = [task_prefix(flow, run, step, task or "t") for step, task in zip(steps, firsts, strict=True)]
    attempts = [lowest_attempt(names) for names in store.children_many(prefixes)]
    keys = [f"{prefix}{at}.attempt.json" for prefix, at in zip(prefixes, attempts, strict=True) if at is not None]
    try:
        found = dict(store.get_many(keys))
    except Missing:
        found = {}
    return [_time_of(found.get(f"{prefix}{at}.attempt.json")) for prefix, at in zip(prefixes, attempts, strict=True)]


def _time_of(data: bytes | None) -> float:
    return float(json.loads(data)["time"]) if data is not None else 0.0


def _by_number(name: str) -> list[tuple[int, str]]:
    """``t.2`` before ``t.10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
