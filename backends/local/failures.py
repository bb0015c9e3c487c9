"""Why a local run ends early, and how that is said."""

from __future__ import annotations

import signal

from penstock.backends.local.output import RunningTask
from penstock.runtime_shim.failures import Failure

MUTE_END = "exit code 0, before its step had come to an end"
"""How a task ended that left without a word and without a record."""
_SHOWN_STEPS = 8


class RunFailed(Failure):
    """A task failed, and with it the run."""

    code = "R171"


class Interrupted(Failure):
    """The user ended the run."""

    code = "R172"


class NotStarted(Failure):
    """The system would not make another process or pipe."""

    code = "R174"


def task_failed(command: str, running: RunningTask, how: str) -> RunFailed:
    """A task that ended with ``how``; ``command`` is how the user starts the flow file."""
    return RunFailed(
        f"step `{running.task.step}` failed: task {running.pathspec} ended with {how}",
        help=f"`{command} logs {running.pathspec}` shows what it wrote",
    )


def not_started(pathspec: str, reason: str, max_workers: int) -> NotStarted:
    """A task that the system refused; ``reason`` in its words."""
    return NotStarted(
        f"task {pathspec} could not be started: {reason}",
        help=f"allow fewer tasks at once than {max_workers} (`--max-workers`), or raise the limit",
    )


def ended_with(code: int) -> str:
    """An exit code, or where it is negative a signal, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def named(left: list[str]) -> str:
    """The first of what is left, and how many more."""
    more = f" and {len(left) - _SHOWN_STEPS:,} more steps" if len(left) > _SHOWN_STEPS else ""
    return ", ".join(left[:_SHOWN_STEPS]) + more
