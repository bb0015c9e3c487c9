"""What one look at a run shows, whatever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from penstock.compiler.diagnostics import Refused

R = TypeVar("R")


class TaskState(Enum):
    """How a task is doing; one that waits was asked for, and its container does not run yet."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ENDED = "ended"

    @property
    def over(self) -> bool:
        """Whether the task stays as it is; ``ENDED`` is one that was ended before its time."""
        return self in (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.ENDED)


class SeenTask(NamedTuple):
    """One task of a step.  ``id`` is the scheduler's name for it, ``task`` the one in the datastore where it is known.

    ``seconds`` is how long it ran, None where that is not known; ``reason`` what the scheduler says of it: why it waits
    or failed; ``failed_tries`` how many tries of it failed and were followed, or will be, by another.
    """

    id: str
    step: str
    state: TaskState
    seconds: float | None = None
    task: str = ""
    reason: str = ""
    failed_tries: int = 0

    def within(self, run: str) -> str:
        """``run/step/task``, without the task where it is not known."""
        return "/".join(filter(None, (run, self.step, self.task)))


@dataclass(frozen=True)
class Sight(Generic[R]):
    """One look: the ``run`` in the target's own terms, whether it is ``over``, and the tasks of its steps."""

    run: R
    over: bool
    tasks: tuple[SeenTask, ...]


class Unanswered(Refused):
    """There was no answer, or none that counts; there may be one later."""


class SignedOut(Refused):
    """The server does not know who asks."""
