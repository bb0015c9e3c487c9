"""How a followed run ended, as one sentence and the command that shows more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.backends.kubeflow.running.telling import pods_command
from penstock.runtime_shim.datastore.logs import read_log
from penstock.runtime_shim.datastore.opening import open_datastore
from penstock.runtime_shim.datastore.tasks import TaskStore, highest_attempt
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.records import run_prefix, task_prefix

if TYPE_CHECKING:
    from penstock.backends.kubeflow.running.server import SeenRun
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


def run_failed(run: SeenRun, failed_steps: list[str], logs: Logs, namespace: str) -> RunFailed:
    """The failure of a run; ``failed_steps`` are the steps of which a task failed."""
    pods = f"`{pods_command(run.uuid, namespace)}` shows its pods"
    if run.state == "CANCELED":
        shown = f"`{logs.command} logs {run.run}/start` shows logs"
        return RunFailed(f"run {run.run} was ended before its time", help=shown)
    said = run.error.strip().partition("\n")[0].rstrip(".")
    if not failed_steps:
        others = [task.name for task in run.tasks if task.state == "FAILED"]
        where = f" in `{others[0]}`, a pod of Kubeflow's own," if others else ""
        message = f"run {run.run} failed{where} before a step did"
        return RunFailed(f"{message}: {said}" if said else message, help=pods)
    step = failed_steps[0]
    found = last_word(run.run, step, logs)
    if found is None:
        message = f"step `{step}` of run {run.run} failed"
        shown = f"`{logs.command} logs {run.run}/{step}` shows logs"
        return RunFailed(f"{message}: {said}" if said else message, help=shown)
    name = f"{run.run}/{step}/{found.task}"
    message = f"step `{step}` failed: task {name}: {found.line}"
    return RunFailed(message, help=f"`{logs.command} logs {name}` shows its log")


class LastWord(NamedTuple):
    """The last line that a task wrote to stderr, most often its exception."""

    task: str
    line: str


def last_word(run: str, step: str, logs: Logs) -> LastWord | None:
    """Of a task of the step that did not end well; None where there is none, or it can't be read from here."""
    try:
        store = open_datastore("s3", logs.root, logs.configuration)
        for child in store.children(f"{run_prefix(logs.flow, run)}{step}/")[:_MOST_TASKS]:
            task = (logs.flow, run, step, child.rstrip("/"))
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
