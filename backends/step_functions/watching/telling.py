"""What is said about an execution while it is watched: lines where they are few, counts where they are many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from penstock.backends.step_functions.watching.history import (
    Attempt,
    Began,
    Change,
    Failed,
    MapBegan,
    MapRunBegan,
    RunEnded,
    Succeeded,
)
from penstock.backends.step_functions.watching.jobs import TriedAgain, Waiting
from penstock.backends.step_functions.watching.map_runs import Iterations
from penstock.backends.tables import duration

if TYPE_CHECKING:
    from penstock.backends.reporting import Reporter

FEW = 5
"""Up to so many tasks of a step are told one by one, and of its failures so many."""
_COUNTS_SECONDS = 30.0
"""Counts of one step are told no more often, except for the first and the last."""
_EXITED = "Essential container in task exited"
"""What AWS says of every container that ended by itself."""
_KILLED = 137


class _Step:
    """The tasks of one step, counted; ``promised`` are those that a foreach is going to start."""

    __slots__ = ("bad_news", "begun", "done", "failed", "last", "promised", "running")

    def __init__(self) -> None:
        self.begun = self.done = self.failed = self.running = self.promised = self.bad_news = 0
        self.last: float | None = None

    @property
    def expected(self) -> int:
        return self.begun + self.promised

    @property
    def over(self) -> bool:
        return self.done + self.failed == self.expected


class Teller:
    """Tells ``reporter`` what happens in ``run``; ``table`` where that one keeps counts in sight by itself.

    ``certain`` are the steps that each iteration of a Map runs, by Map.
    """

    def __init__(self, reporter: Reporter, run: str, *, table: bool, certain: Mapping[str, Sequence[str]]) -> None:
        self._reporter = reporter
        self._run = run
        self._table = table
        self._certain = certain
        self._steps: dict[str, _Step] = {}
        self._changed: dict[str, None] = {}
        self._iterated: dict[str, None] = {}

    @property
    def summary(self) -> str:
        """What is done, in a few words."""
        iterations = sum(self._steps[state].done for state in self._iterated)
        tasks = sum(step.done for step in self._steps.values()) - iterations
        outside = f", and {iterations:,} iterations of Distributed Maps" if self._iterated else ""
        return f"{tasks:,} {'task' if tasks == 1 else 'tasks'}{outside}"

    def changes(self, changes: Iterable[Change], now: float) -> None:
        """Tell what the history says; ``now`` in seconds of any clock."""
        for change in changes:
            match change:
                case Began():
                    self._began(change, now)
                case Succeeded():
                    self._succeeded(change, now)
                case Failed():
                    self._failed(change)
                case MapBegan(state=state, length=length):
                    for step in self._certain.get(state, ()):
                        self._step(step).promised += length
                        self._reporter.known(step, length)
                case MapRunBegan() | RunEnded():
                    pass
        for step in list(self._changed):
            self._tell_counts(step, now)

    def iterations(self, seen: Iterations, now: float) -> None:
        """Tell how the iterations of a Distributed Map are doing; they are counted under the name of their state."""
        step = self._step(seen.state)
        before = (step.done, step.failed)
        self._iterated[seen.state] = None
        more = max(0, seen.total - step.expected)
        self._reporter.known(seen.state, more)
        step.promised += more
        for _ in range(seen.running + seen.succeeded + seen.failed - step.begun):
            self._submitted(seen.state)
        for count, well in ((seen.succeeded - step.done, True), (seen.failed - step.failed, False)):
            for _ in range(count):
                step.running -= 1
                self._reporter.ended(seen.state, well)
        step.done, step.failed = max(step.done, seen.succeeded), max(step.failed, seen.failed)
        if step.last is None or before != (step.done, step.failed):
            self._tell_counts(seen.state, now)

    def noticed(self, notices: Iterable[TriedAgain | Waiting]) -> None:
        """Tell what AWS Batch says."""
        for notice in notices:
            match notice:
                case TriedAgain(task=task, number=number, attempt=attempt):
                    text = f"Attempt {number} failed ({how_it_ended(attempt)}): it is tried again."
                    self._bad_news(task.step, f"{self._run}/{task}", text)
                case Waiting():
                    self._reporter.say(_waiting(notice), f"{self._run}/{notice.step}", bad=True)

    def _began(self, change: Began, now: float) -> None:
        name = change.task.step
        if change.again:
            step = self._step(name)
            step.failed -= 1
            step.running += 1
            self._reporter.again(name)
            self._reporter.started(name)
        else:
            self._submitted(name)
        again = " again" if change.again else ""
        self._told(name, f"{self._run}/{change.task}", f"Task is submitted{again} (job {change.job}).", now)

    def _submitted(self, name: str) -> None:
        """One more task of a step is under way."""
        step = self._step(name)
        if step.promised:
            step.promised -= 1
        else:
            self._reporter.known(name, 1)
        step.begun += 1
        step.running += 1
        self._reporter.started(name)

    def _succeeded(self, change: Succeeded, now: float) -> None:
        if not change.job:
            return  # a state of the machine's own: only its failures are told
        step = self._step(change.task.step)
        step.running -= 1
        step.done += 1
        self._reporter.ended(change.task.step, True)
        detail = change.detail
        notes = [] if detail.seconds is None else [f"{detail.seconds:.1f} s"]
        notes += [f"attempt {len(detail.attempts)}"] if len(detail.attempts) > 1 else []
        noted = f" ({', '.join(notes)})" if notes else ""
        self._told(change.task.step, f"{self._run}/{change.task}", f"Task finished successfully{noted}.", now)

    def _failed(self, change: Failed) -> None:
        name = change.task.step
        self._bad_news(name, f"{self._run}/{change.task}", f"Task failed: {why(change)}.")
        if not change.task.task:
            return
        if not change.job:  # it could not be submitted
            self._submitted(name)
        step = self._step(name)
        step.running -= 1
        step.failed += 1
        self._reporter.ended(name, False)
        if step.expected > FEW:
            self._changed[name] = None

    def _told(self, name: str, source: str, text: str, now: float) -> None:
        """One line for a task of a step that has few; else the step's counts have changed."""
        step = self._steps[name]
        if self._table:
            return
        if step.expected <= FEW:
            self._reporter.say(text, source)
        elif step.over:  # told before what comes after it
            self._tell_counts(name, now)
        else:
            self._changed[name] = None

    def _bad_news(self, step: str, source: str, text: str) -> None:
        known = self._step(step)
        known.bad_news += 1
        if known.bad_news <= FEW:
            more = " More of this step is counted only." if known.bad_news == FEW else ""
            self._reporter.say(text + more, source, bad=True)

    def _tell_counts(self, name: str, now: float) -> None:
        step = self._steps[name]
        self._changed.pop(name, None)
        if self._table or (not step.over and step.last is not None and now - step.last < _COUNTS_SECONDS):
            return
        step.last = now
        failed = f", {step.failed:,} failed" if step.failed else ""
        text = f"{step.done:,} of {step.expected:,} done, {step.running:,} under way{failed}."
        self._reporter.say(text, f"{self._run}/{name}")

    def _step(self, name: str) -> _Step:
        return self._steps.setdefault(name, _Step())


def why(failed: Failed) -> str:
    """Why a task failed, in a few words."""
    detail = failed.detail
    if detail is None:
        said = failed.cause.strip().partition("\n")[0].rstrip(".")
        return f"{failed.error}: {said}" if said else failed.error or "no reason is given"
    last = detail.attempts[-1] if detail.attempts else Attempt(None, "")
    words = how_it_ended(last if last.reason else last._replace(reason=detail.reason))
    return f"{words}, in the last of {len(detail.attempts)} attempts" if len(detail.attempts) > 1 else words


def how_it_ended(attempt: Attempt) -> str:
    """An exit code, and a reason where it says more than that."""
    reason = "" if attempt.reason.startswith(_EXITED) else attempt.reason.rstrip(".")
    if attempt.exit_code is None:
        return reason or "no reason is given"
    words = f"exit code {attempt.exit_code}"
    if attempt.exit_code == _KILLED and not reason:
        reason = "killed, most often for want of memory"
    return f"{words}: {reason}" if reason else words


def _waiting(notice: Waiting) -> str:
    jobs = "1 job waits" if notice.jobs == 1 else f"{notice.jobs:,} jobs wait"
    text = f"{jobs} for a machine in the queue {notice.queue}, for {duration(notice.seconds)} so far"
    if notice.reason:
        return f"{text}: {notice.reason.rstrip('.')}."
    return f"{text}: its compute environments may be full, disabled, or without machines that are large enough."
