"""How a followed run of a pipeline ended, as one sentence and the command that shows more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.backends.following.ending import RunFailed, last_word

if TYPE_CHECKING:
    from penstock.backends.following.ending import Logs
    from penstock.backends.kubeflow.running.server import SeenRun


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


def pods_command(uuid: str, namespace: str) -> str:
    """How to see the pods of a run."""
    return f"kubectl get pods -n {namespace or 'kubeflow'} -l pipeline/runid={uuid}"
