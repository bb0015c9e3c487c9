"""What is said about a run while it is followed: lines where they are few, counts where they are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from penstock.backends.following.seen import TaskState
from penstock.backends.tables import duration

if TYPE_CHECKING:
    from penstock.backends.following.seen import SeenTask
    from penstock.backends.reporting import Reporter

FEW = 5
"""Up to so many tasks of a step are told one by one."""
COUNTS_SECONDS = 30.0
"""Counts of one step are told no more often, except for the last."""
WAITING_SECONDS = 120.0
"""After so long without a container it is said why, or how to find out."""


class _Step:
    """The tasks of one step, by their last state."""

    def __init__(self) -> None:
        self.states: dict[str, TaskState | None] = {}
        self.begun: set[str] = set()
        self.failed_tries: dict[str, int] = {}
        self.waiting_since: float | None = None
        self.told_waiting = False
        self.last_count: float | None = None

    def count(self, *states: TaskState) -> int:
        return sum(state in states for state in self.states.values())

    @property
    def over(self) -> int:
        return sum(state is not None and state.over for state in self.states.values())


class Teller:
    """Tells ``reporter`` what happens in ``run``.

    ``table`` is true where the reporter keeps counts in sight by itself; ``pods`` says how the user sees the pod of a
    task that waits.
    """

    def __init__(self, reporter: Reporter, run: str, *, table: bool, pods: Callable[[SeenTask], str]) -> None:
        self._reporter = reporter
        self._run = run
        self._table = table
        self._pods = pods
        self._steps: dict[str, _Step] = {}

    @property
    def succeeded(self) -> int:
        """Tasks that are done."""
        return sum(step.count(TaskState.SUCCEEDED) for step in self._steps.values())

    def failed_steps(self) -> list[str]:
        """The steps that have failed tasks, those that were seen first first."""
        return [name for name, step in self._steps.items() if step.count(TaskState.FAILED)]

    def seen(self, tasks: Sequence[SeenTask], now: float) -> None:
        """Tell what is new; ``now`` in seconds of any clock."""
        for task in tasks:  # all of them first: whether a step has few is told by their number
            step = self._steps.setdefault(task.step, _Step())
            if task.id not in step.states:
                step.states[task.id] = None
                self._reporter.known(task.step, 1)
        for task in tasks:
            self._tell_tries(task)
        changed = [task for task in tasks if self._steps[task.step].states[task.id] is not task.state]
        for task in changed:
            self._changed(task)
        for name in dict.fromkeys(task.step for task in changed):
            self._tell_counts(name, now)
        waiting: dict[str, list[SeenTask]] = {name: [] for name in self._steps}
        for task in tasks:
            if task.state is TaskState.WAITING:
                waiting[task.step].append(task)
        for name, step in self._steps.items():
            self._tell_waiting(step, waiting[name], now)

    def _changed(self, task: SeenTask) -> None:
        step = self._steps[task.step]
        step.states[task.id] = task.state
        if task.state is not TaskState.WAITING:
            self._began(step, task)
        if task.state.over:
            well = task.state is TaskState.SUCCEEDED
            self._reporter.ended(task.step, well)
            if well:
                took = f" ({task.seconds:.1f} s)" if task.seconds is not None else ""
                self._tell(step, f"Task finished successfully{took}.", task)
            elif step.count(TaskState.FAILED, TaskState.ENDED) <= FEW:
                what = "failed" if task.state is TaskState.FAILED else "was ended"
                reason = f": {task.reason.rstrip('.')}" if task.reason and task.state is TaskState.FAILED else ""
                self._reporter.say(f"Task {what}{reason}.", task.within(self._run), bad=True)

    def _began(self, step: _Step, task: SeenTask) -> None:
        if task.id not in step.begun:
            step.begun.add(task.id)
            self._reporter.started(task.step)
            if task.state is not TaskState.ENDED:  # what was ended may never have run
                self._tell(step, "Task is running.", task)

    def _tell_tries(self, task: SeenTask) -> None:
        """Tries that failed and are made up for, or are going to be."""
        step = self._steps[task.step]
        if task.failed_tries > step.failed_tries.get(task.id, 0):
            step.failed_tries[task.id] = task.failed_tries
            self._began(step, task)
            if sum(map(bool, step.failed_tries.values())) <= FEW:
                self._reporter.say(
                    f"Try {task.failed_tries} failed, and is made again.", task.within(self._run), bad=True
                )

    def _tell(self, step: _Step, text: str, task: SeenTask) -> None:
        if not self._table and len(step.states) <= FEW:
            self._reporter.say(text, task.within(self._run))

    def _tell_counts(self, name: str, now: float) -> None:
        step = self._steps[name]
        known, ended = len(step.states), step.over
        if self._table or known <= FEW:
            return
        if ended < known and step.last_count is not None and now - step.last_count < COUNTS_SECONDS:
            return
        step.last_count = now
        failed = step.count(TaskState.FAILED)
        counts = f"{step.count(TaskState.SUCCEEDED):,} of {known:,} done, {step.count(TaskState.RUNNING):,} running"
        self._reporter.say(counts + (f", {failed:,} failed." if failed else "."), f"{self._run}/{name}")

    def _tell_waiting(self, step: _Step, waiting: list[SeenTask], now: float) -> None:
        if not waiting:
            step.waiting_since = None
        elif step.waiting_since is None:
            step.waiting_since = now
        elif now - step.waiting_since >= WAITING_SECONDS and not step.told_waiting:
            step.told_waiting = True
            first = next((task for task in waiting if task.reason), waiting[0])
            why = f"{first.reason.rstrip('.')}; `{self._pods(first)}` says more" if first.reason else ""
            self._reporter.say(
                f"Waits for its pod, for {duration(now - step.waiting_since)} so far: "
                f"{why or f'`{self._pods(first)}` says why'}.",
                f"{self._run}/{first.step}",
                bad=True,
            )
