"""Which tasks can start, given the records of those that ended: no processes, no clock, no storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.plan import Plan, PlannedStep
from penstock.runtime_shim.pointers import slots_of
from penstock.runtime_shim.policy import Policy, policy_of
from penstock.runtime_shim.records import Record
from penstock.runtime_shim.turns import full_path


class TooManySplits(Failure):
    """A foreach is wider than the run allows."""

    code = "R170"


class Task(NamedTuple):
    """A task by where it stands."""

    step: str
    path: Path

    def __str__(self) -> str:
        return f"{self.step}/{self.path.task_id}"


class Schedule:
    """Interprets a plan: every task that ends makes others ready, a join when the last of its inputs has ended.

    The work per task that ends is constant, an opener's linear in its splits.
    """

    def __init__(self, plan: Plan, max_num_splits: int) -> None:
        self._plan = plan
        self._max_num_splits = max_num_splits
        self._steps: dict[str, PlannedStep] = {}
        self._policies: dict[str, Policy] = {}
        self._widths: dict[Task, int] = {}
        self._arrived: dict[Task, int] = {}
        self._known: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()

    def first(self) -> Task:
        """The task that every run begins with."""
        name = self._plan.names[0]
        return self._counted(Task(name, full_path(self._step(name), Path())))

    def ended(self, task: Task, record: Record) -> Iterator[Task]:
        """The tasks that are ready now that ``task`` has ended with ``record``, in the order in which to start them.

        Raises TooManySplits where a foreach is wider than allowed.
        """
        self._finished[task.step] += 1
        ready = self._followers(record) if record.splits is None else self._opened(task, record, record.splits)
        yield from map(self._counted, ready)

    def policy(self, step: str) -> Policy:
        """What happens when a task of ``step`` fails."""
        policy = self._policies.get(step)
        if policy is None:
            policy = self._policies[step] = policy_of(self._step(step))
        return policy

    def left(self) -> list[str]:
        """What has not finished, in the order of the plan: steps, with numbers of tasks where some are known."""
        left = []
        for step in self._plan.names:
            known, finished = self._known[step], self._finished[step]
            if not known:
                left.append(step)
            elif finished < known:
                left.append(f"{step} ({known - finished:,} of {known:,})")
        return left

    def _counted(self, task: Task) -> Task:
        self._known[task.step] += 1
        return task

    def _followers(self, record: Record) -> Iterator[Task]:
        for name in record.next:
            planned = self._step(name)
            successor = Task(name, full_path(planned, record.path))
            if not planned.is_join or self._is_last_arrival(successor):
                yield successor

    def _opened(self, opener: Task, record: Record, width: int) -> Iterator[Task]:
        if width > self._max_num_splits:
            raise TooManySplits(
                f"the foreach in step `{opener.step}` has {width:,} splits; this run allows {self._max_num_splits:,}",
                help=f"raise the maximum with `--max-num-splits {width}` if that many tasks are meant",
            )
        if width == 0:
            yield Task(self._joins[opener.step], record.path)
            return
        self._widths[Task(opener.step, record.path)] = width
        first = self._step(record.next[0])
        for index in range(width):
            yield Task(first.name, full_path(first, record.path.split(index)))

    def _is_last_arrival(self, join: Task) -> bool:
        """Count one more input of ``join``."""
        planned = self._step(join.step)
        opener = Task(planned.opener or "", join.path)
        expected = self._widths[opener] if planned.closes == "foreach" else len(slots_of(planned))
        arrived = self._arrived.get(join, 0) + 1
        if arrived < expected:
            self._arrived[join] = arrived
            return False
        self._arrived.pop(join, None)
        if planned.closes == "foreach":
            del self._widths[opener]
        return True

    def _step(self, name: str) -> PlannedStep:
        planned = self._steps.get(name)
        if planned is None:
            planned = self._steps[name] = self._plan[name]
        return planned

    @cached_property
    def _joins(self) -> dict[str, str]:
        """The join of each foreach, by its opener."""
        steps = map(self._step, self._plan.names)
        return {step.opener: step.name for step in steps if step.closes == "foreach" and step.opener is not None}
