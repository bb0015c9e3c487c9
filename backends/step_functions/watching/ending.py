"""How a watched execution ended, as one sentence and the command that shows more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.backends.step_functions.watching.history import Failed, JobDetail, RunEnded
from penstock.backends.step_functions.watching.telling import why
from penstock.runtime_shim.datastore.logs import read_log
from penstock.runtime_shim.datastore.opening import open_datastore
from penstock.runtime_shim.datastore.tasks import highest_attempt
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED, EXIT_USER_FAILED, Failure
from penstock.runtime_shim.records import task_prefix

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration

_LONGEST_LINE = 300
_OWN_EXITS = (EXIT_USER_FAILED, EXIT_DO_NOT_RETRY, EXIT_RETRY_ALLOWED)
"""How a step ends by itself: only then its last line says why."""


class RunFailed(Failure):
    """A watched run failed, was ended, or took too long."""

    code = "R183"
    exit_code = 1


class StillRunning(Failure):
    """A watched run takes longer than its watcher wanted to wait."""

    code = "R184"
    exit_code = 1


def run_failed(
    run: str, ended: RunEnded, failed: Failed | None, *, command: str, configuration: Configuration
) -> RunFailed:
    """The failure of a run; ``failed`` is the first task for which nothing made up, ``command`` how the user starts
    the flow file.
    """
    if ended.status == "ABORTED":
        cause = f": {ended.cause}" if ended.cause else ""
        return RunFailed(f"run {run} was ended before its time{cause}", help=f"`{command} logs {run}/start` shows logs")
    if ended.status == "TIMED_OUT":
        help_text = "give it more time with `create --workflow-timeout`, or find out what took so long"
        return RunFailed(f"run {run} took longer than its state machine allows, and was ended", help=help_text)
    if failed is None:
        message = f"run {run} failed: {ended.error or 'no error is named'}"
        return RunFailed(f"{message}: {ended.cause}" if ended.cause else message, help=_help(ended.error))
    if not failed.task.task:
        message = f"run {run} failed in the state `{failed.task.step}`: {why(failed)}"
        return RunFailed(message, help=_help(f"{failed.error} {failed.cause}"))
    name = f"{run}/{failed.task}"
    word = last_word(run, failed, configuration)
    message = f"step `{failed.task.step}` failed: task {name} ended with {why(failed)}"
    return RunFailed(f"{message}: {word}" if word else message, help=f"`{command} logs {name}` shows what it wrote")


def last_word(run: str, failed: Failed, configuration: Configuration) -> str:
    """The last line that a failed task wrote to stderr, where it can be read from here; most often its exception."""
    detail = failed.detail or JobDetail()
    root, flow = detail.environment.get("PENSTOCK_ROOT", ""), detail.environment.get("PENSTOCK_FLOW", "")
    said_itself = bool(detail.attempts) and detail.attempts[-1].exit_code in _OWN_EXITS
    if not root or not flow or not said_itself:
        return ""
    task = (flow, run, failed.task.step, failed.task.task)
    try:
        store = open_datastore("s3", root, configuration)
        names = store.children(task_prefix(*task))
        lines = read_log(store, task, max(0, highest_attempt(names)), "stderr", names)
    except Failure:  # whoever may start runs need not be allowed to read their logs
        return ""
    texts = [line.text.decode("utf-8", "replace").strip() for line in lines]
    return next(
        (text[:_LONGEST_LINE].rstrip(".") for text in reversed(texts) if text and not text.startswith("= help:")), ""
    )


def _help(text: str) -> str:
    if "AccessDenied" in text or "not authorized" in text:
        return "`step-functions create --show-policy` prints what the role of the state machine must allow"
    return "the execution's history in the console of Step Functions shows its states"
