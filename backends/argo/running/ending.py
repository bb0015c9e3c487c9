"""How a followed run ended, as one sentence and the command that shows more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.backends.argo.running.workflows import WORKFLOW_LABEL
from penstock.backends.following.ending import RunFailed, last_word
from penstock.backends.following.seen import TaskState

if TYPE_CHECKING:
    from penstock.backends.argo.running.workflows import SeenWorkflow
    from penstock.backends.following.ending import Logs

_OUT_OF_TIME = "Max duration limit exceeded"
"""What Argo says of a workflow that took longer than its activeDeadlineSeconds."""


def run_failed(seen: SeenWorkflow, logs: Logs, namespace: str) -> RunFailed:
    """The failure of a run that is over."""
    said = seen.message.strip().partition("\n")[0].rstrip(".")
    if seen.shutdown:
        shown = f"`{logs.command} logs {seen.run}/start` shows logs"
        return RunFailed(f"run {seen.run} was ended before its time", help=shown)
    if said == _OUT_OF_TIME:
        help_text = "give it more time with `create --workflow-timeout`, or find out what took so long"
        return RunFailed(f"run {seen.run} took longer than it may, and was ended", help=help_text)
    failed = next((task for task in seen.tasks if task.state is TaskState.FAILED), None)
    if failed is None:
        pods = f"`{pods_command(seen.name, namespace)}` shows its pods"
        return RunFailed(f"run {seen.run} failed: {said}" if said else f"run {seen.run} failed", help=pods)
    name = failed.within(seen.run)
    found = last_word(seen.run, failed.step, logs, failed.task)
    why = found.line if found is not None else failed.reason.partition("\n")[0].rstrip(".")
    message = f"step `{failed.step}` failed: task {name}"
    return RunFailed(f"{message}: {why}" if why else message, help=f"`{logs.command} logs {name}` shows its log")


def pods_command(workflow: str, namespace: str) -> str:
    """How to see the pods of a run."""
    return f"kubectl get pods -n {namespace} -l {WORKFLOW_LABEL}={workflow}"
