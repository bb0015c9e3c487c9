"""One try of a task: what it is started with, what it writes, and what is stored of it when it has ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

from penstock.backends.local.failures import RunFailed
from penstock.backends.local.output import RunningTask
from penstock.backends.local.schedule import Task
from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.tasks import highest_attempt
from penstock.runtime_shim.policy import PLAIN, Policy
from penstock.runtime_shim.records import Record, record_key, task_prefix
from penstock.runtime_shim.task_logs import log_key


@dataclass(frozen=True, slots=True)
class RunSettings:
    """``run`` is the run's id; ``arguments`` are those of a `step` command after its path and try, equal for all tasks;
    ``log_bytes`` is what is kept of each stream of each task; ``command`` is how the user starts the flow file
    (``python flow.py``).
    """

    flow: str
    run: str
    arguments: tuple[str, ...]
    max_workers: int
    log_bytes: int
    command: str


class Try(NamedTuple):
    """Try ``number`` of a task, from 0, under its step's ``policy``."""

    task: Task
    number: int = 0
    policy: Policy = PLAIN

    @property
    def arguments(self) -> list[str]:
        """The beginning of its `step` command."""
        return [
            "step",
            self.task.step,
            f"--split-path={self.task.path}",
            f"--retry-count={self.number}",
            f"--max-user-code-retries={self.policy.retries}",
        ]

    @property
    def greeting(self) -> str:
        """What is said when it starts, as Metaflow does."""
        if self.policy.falls_back(self.number, self.policy.retries):
            return "Task fallback is starting to handle the failure."
        return "Task is starting (retry)." if self.number else "Task is starting."

    def again(self, code: int) -> Try | None:
        """The next try after this one has ended with ``code``, None where there is none."""
        following = self.policy.next_try(self.number, code)
        return None if following is None else self._replace(number=following)

    @property
    def wait(self) -> float:
        """Seconds before it starts: none before the first try and those of a fallback."""
        return self.policy.wait if 0 < self.number <= self.policy.retries else 0.0


class RunningTry(RunningTask):
    """A try that has been launched; ``following`` is the next one, where this one failed and there is one."""

    def __init__(self, settings: RunSettings, tried: Try) -> None:
        super().__init__(settings.run, tried.task, settings.log_bytes)
        self.tried = tried
        self.following: Try | None = None


def settle(store: Datastore, settings: RunSettings, ended: RunningTry, succeeded: bool) -> Record | None:
    """Store what the try wrote; the record of the task where it ``succeeded``.

    Raises Missing where a task that should have left a record did not; storage failures.
    """
    step, path = ended.task
    names = (settings.flow, settings.run, step, path.task_id)
    written = [(stream.name, data) for stream in ended.streams if (data := stream.stored())]
    if written:
        attempt = _attempt(store, names, ended.tried.number)
        for name, data in written:
            store.put(log_key(*names, attempt, name, "runtime"), data)
    if not succeeded:
        return None
    key = record_key(settings.flow, settings.run, step, path)
    data = store.get(key)
    try:
        return Record.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError) as error:
        raise RunFailed(f"the record {store.location(key)} cannot be read: {error}") from error


def _attempt(store: Datastore, names: tuple[str, str, str, str], number: int) -> int:
    """The storage attempt of a try: fewer where an earlier try was killed before it began one."""
    if number == 0:
        return 0  # the run's id is new
    return max(0, highest_attempt(store.children(task_prefix(*names))))


def duration(seconds: float) -> str:
    """``90`` as ``1.5 minutes``."""
    number, unit = (seconds, "second") if seconds < 60 else (seconds / 60, "minute")
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
