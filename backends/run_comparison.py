"""Whether two stored runs of one flow did the same: the same tasks, from the same inputs, with the same artifacts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from penstock.runtime_shim.datastore.finished import FinishedTask, finished_task
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.records import run_prefix, task_prefix
from penstock.runtime_shim.wrapped_exceptions import MetaflowExceptionWrapper

_ATTEMPT = re.compile(r"(\d+)\.data\.json\Z")


@dataclass(frozen=True)
class StoredRun:
    """A run in a local datastore at ``root``."""

    root: str
    flow: str
    run: str

    @cached_property
    def tasks(self) -> dict[str, FinishedTask]:
        """The last attempt of every task that ended, well or not, by ``step/task``."""
        store = LocalDatastore(self.root)
        prefix = run_prefix(self.flow, self.run)
        found: dict[str, FinishedTask] = {}
        for step in store.children(prefix):
            if (step.startswith("_") and step != "_parameters") or "." in step:
                continue
            for task in store.children(f"{prefix}{step}/"):
                folder = task_prefix(self.flow, self.run, step, task)
                attempts = sorted(int(m[1]) for name in store.children(folder) if (m := _ATTEMPT.match(name)))
                if attempts and task != "_meta":
                    data = store.get(f"{folder}{attempts[-1]}.data.json")
                    found[f"{step}/{task}"] = finished_task(store, (self.flow, self.run, step, task), data)
        return found


def differences(first: StoredRun, second: StoredRun, fails_at: str | None = None) -> list[str]:
    """Sentences about everything in which the runs differ; none where they did the same.

    Where the run is to fail at the task ``fails_at``, tasks beside it may or may not have ended; it failed in both, and
    nothing after it ran.
    """
    ours, theirs = first.tasks, second.tasks
    found: list[str] = []
    if fails_at is None:
        found += [f"{task} ran in {first.run} only" for task in sorted(ours.keys() - theirs.keys())]
        found += [f"{task} ran in {second.run} only" for task in sorted(theirs.keys() - ours.keys())]
    else:
        found += [f"{fails_at} did not fail in {run.run}" for run in (first, second) if _went_well(run, fails_at)]
    for task in sorted(ours.keys() & theirs.keys()):
        found += [f"{task}: {what}" for what in _task_differences(ours[task], theirs[task])]
    return found


def _went_well(run: StoredRun, task: str) -> bool:
    return task not in run.tasks or run.tasks[task].ok


def _task_differences(first: FinishedTask, second: FinishedTask) -> Iterator[str]:
    if first.ok != second.ok:
        yield f"ended {'well' if first.ok else 'badly'} in {first.run}, not so in {second.run}"
        return
    for what in ("path", "next", "splits", "parents"):
        one, other = (getattr(task.record, what, None) for task in (first, second))
        if one != other:
            yield f"its record's {what} is {one!r} in {first.run}, {other!r} in {second.run}"
    for name in sorted(first.objects.keys() ^ second.objects.keys()):
        yield f"`{name}` is an artifact in {(first if name in first.objects else second).run} only"
    for name in sorted(first.objects.keys() & second.objects.keys()):
        if first.objects[name].sha != second.objects[name].sha and not _same_value(first, second, name):
            yield f"`{name}` differs: {_shown(first, name)} in {first.run}, {_shown(second, name)} in {second.run}"


def _same_value(first: FinishedTask, second: FinishedTask, name: str) -> bool:
    """Whether values of different bytes are equal: sets have no order, a run may have stored its own id, and the
    same exception came from another folder.
    """
    try:
        one, other = first.load(name), second.load(name)
    except Failure:
        return False
    if isinstance(one, MetaflowExceptionWrapper) and type(one) is type(other):
        return str(one).splitlines()[-1:] == str(other).splitlines()[-1:]  # what stands before it are folders
    return bool(type(one) is type(other) and _without_run(one, first.run) == _without_run(other, second.run))


def _without_run(value: Any, run: str) -> Any:
    """The value with ``RUN`` for the run's id in its texts; plain containers only."""
    if isinstance(value, str):
        return value.replace(run, "RUN")
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_without_run(each, run) for each in value)
    if type(value) is dict:
        return {_without_run(key, run): _without_run(each, run) for key, each in value.items()}
    return value


def _shown(task: FinishedTask, name: str) -> str:
    try:
        text = repr(task.load(name))
    except Failure as failure:
        text = failure.message
    return text if len(text) <= 200 else f"{text[:200]}…"
