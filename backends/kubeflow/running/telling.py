"""What is said about a run while it is followed: lines where they are few, counts where they are many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from penstock.backends.kubeflow.running.server import ENDED
from penstock.backends.kubeflow.running.tables import duration

if TYPE_CHECKING:
    from penstock.backends.kubeflow.running.server import SeenRun, SeenTask
    from penstock.backends.reporting import Reporter

FEW = 5
"""Up to so many tasks of a step are told one by one."""
COUNTS_SECONDS = 30.0
"""Counts of one step are told no more often, except for the last."""
PENDING_SECONDS = 120.0
"""After so long without a pod it is said how to find out why."""
_UNSEEN = frozenset({"", "SKIPPED", "RUNTIME_STATE_UNSPECIFIED"})


class _Step:
    """The tasks of one step, by their last state."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.begun: set[str] = set()
        self.pending_since: float | None = None
        self.told_pending = False
        self.last_count: float | None = None

    def count(self, *states: str) -> int:
        return sum(state in states for state in self.states.values())


class Teller:
    """Tells ``reporter`` what happens in ``run``, whose tasks belong to ``steps`` by the server's names for them.

    ``table`` is true where the reporter keeps counts in sight by itself; ``namespace`` is where the pods are.
    """

    def __init__(
        self, reporter: Reporter, run: str, steps: Mapping[str, str], *, table: bool, namespace: str = ""
    ) -> None:
        self._reporter = reporter
        self._run = run
        self._names = steps
        self._table = table
        self._namespace = namespace
        self._steps: dict[str, _Step] = {}

    @property
    def succeeded(self) -> int:
        """Tasks that are done."""
        return sum(step.count("SUCCEEDED") for step in self._steps.values())

    def failed_steps(self) -> list[str]:
        """The steps that have failed tasks, those that were seen first first."""
        return [name for name, step in self._steps.items() if step.count("FAILED")]

    def seen(self, run: SeenRun, now: float) -> None:
        """Tell what is new; ``now`` in seconds of any clock."""
        mine = [(self._names[task.name], task) for task in run.tasks if task.name in self._names]
        mine = [(name, task) for name, task in mine if task.state not in _UNSEEN]
        for name, task in mine:  # all of them first: whether a step has few is told by their number
            if task.id not in self._steps.setdefault(name, _Step()).states:
                self._steps[name].states[task.id] = ""
                self._reporter.known(name, 1)
        changed = [(name, task) for name, task in mine if self._steps[name].states[task.id] != task.state]
        for name, task in changed:
            self._changed(name, task)
        for name in dict.fromkeys(name for name, _ in changed):
            self._tell_counts(name, now)
        for name, step in self._steps.items():
            self._tell_pending(name, step, run.uuid, now)

    def _changed(self, name: str, task: SeenTask) -> None:
        step = self._steps[name]
        source = f"{self._run}/{name}"
        step.states[task.id] = task.state
        if task.state != "PENDING" and task.id not in step.begun:
            step.begun.add(task.id)
            self._reporter.started(name)
            self._tell(step, "Task is running.", source)
        if task.state in ENDED:
            well = task.state == "SUCCEEDED"
            self._reporter.ended(name, well)
            if well:
                took = f" ({task.seconds:.1f} s)" if task.seconds is not None else ""
                self._tell(step, f"Task finished successfully{took}.", source)
            elif step.count("FAILED", "CANCELED") <= FEW:
                self._reporter.say(f"Task {'failed' if task.state == 'FAILED' else 'was ended'}.", source, bad=True)

    def _tell(self, step: _Step, text: str, source: str) -> None:
        if not self._table and len(step.states) <= FEW:
            self._reporter.say(text, source)

    def _tell_counts(self, name: str, now: float) -> None:
        step = self._steps[name]
        known, ended = len(step.states), step.count(*ENDED)
        if self._table or known <= FEW:
            return
        if ended < known and step.last_count is not None and now - step.last_count < COUNTS_SECONDS:
            return
        step.last_count = now
        failed = step.count("FAILED")
        counts = f"{step.count('SUCCEEDED'):,} of {known:,} done, {step.count('RUNNING'):,} running"
        self._reporter.say(counts + (f", {failed:,} failed." if failed else "."), f"{self._run}/{name}")

    def _tell_pending(self, name: str, step: _Step, uuid: str, now: float) -> None:
        if not step.count("PENDING"):
            step.pending_since = None
        elif step.pending_since is None:
            step.pending_since = now
        elif now - step.pending_since >= PENDING_SECONDS and not step.told_pending:
            step.told_pending = True
            self._reporter.say(
                f"Waits for its pod, for {duration(now - step.pending_since)} so far: "
                f"`{pods_command(uuid, self._namespace)}` says why.",
                f"{self._run}/{name}",
                bad=True,
            )


def pods_command(uuid: str, namespace: str) -> str:
    """How to see the pods of a run."""
    return f"kubectl get pods -n {namespace or 'kubeflow'} -l pipeline/runid={uuid}"
