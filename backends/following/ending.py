"""How a followed run ended: the failures, and the last words of tasks that did not end well."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.datastore.logs import read_log
from penstock.runtime_shim.datastore.opening import open_datastore
from penstock.runtime_shim.datastore.tasks import TaskStore, highest_attempt
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.records import run_prefix, task_prefix

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.runtime_shim.configuration import Configuration
    from penstock.runtime_shim.datastore.protocol import Datastore

_LONGEST_LINE = 300
_MOST_TASKS = 20
"""Of a step that failed, whose logs are looked for."""


class RunFailed(Failure):
    """A followed run failed or was ended."""

    code = "R185"
    exit_code = 1


class StillRunning(Failure):
    """A followed run takes longer than its watcher wanted to wait."""

    code = "R186"
    exit_code = 1


class Logs(NamedTuple):
    """Where the logs of a flow's tasks are, and ``command``, with which the user reads them."""

    flow: str
    root: str
    configuration: Configuration
    command: str


def logs_of(state: State, root: str) -> Logs:
    """The logs of the command line's flow, in the S3 datastore at ``root``."""
    command = " ".join(["python", *state.entry])
    on_s3 = state.configuration.get("METAFLOW_DEFAULT_DATASTORE") == "s3"
    return Logs(state.flow_class.__name__, root, state.configuration, command if on_s3 else f"{command} --datastore=s3")


class LastWord(NamedTuple):
    """The last line that a task wrote to stderr, most often its exception."""

    task: str
    line: str


def last_word(run: str, step: str, logs: Logs, known: str = "") -> LastWord | None:
    """Of the task ``known`` of the step, or of any that did not end well; None where it can't be read from here."""
    try:
        store = open_datastore("s3", logs.root, logs.configuration)
        names = [known] if known else store.children(f"{run_prefix(logs.flow, run)}{step}/")[:_MOST_TASKS]
        for name in names:
            task = (logs.flow, run, step, name.rstrip("/"))
            line = "" if _went_well(store, *task) else _last_line(store, task)
            if line:
                return LastWord(task[-1], line)
    except Failure:  # whoever may start runs need not be allowed to read their logs
        return None
    return None


def _went_well(store: Datastore, flow: str, run: str, step: str, task: str) -> bool:
    try:
        return TaskStore(store, flow).ended(run, step, task).ok
    except Failure:  # it never ended
        return False


def _last_line(store: Datastore, task: tuple[str, str, str, str]) -> str:
    names = store.children(task_prefix(*task))
    lines = read_log(store, task, max(0, highest_attempt(names)), "stderr", names)
    texts = [line.text.decode("utf-8", "replace").strip() for line in lines]
    return next((text[:_LONGEST_LINE].rstrip(".") for text in reversed(texts) if text), "")
