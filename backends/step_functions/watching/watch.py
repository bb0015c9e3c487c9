"""Follows one execution until it is over, with few requests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.backends.step_functions.aws import asking
from penstock.backends.step_functions.watching.history import (
    Began,
    Change,
    Failed,
    History,
    MapBegan,
    MapRunBegan,
    RunEnded,
    Succeeded,
    TaskRef,
    certain_steps,
)
from penstock.backends.step_functions.watching.jobs import OpenJobs
from penstock.backends.step_functions.watching.map_runs import MapRuns
from penstock.backends.step_functions.watching.questions import Questions
from penstock.backends.step_functions.watching.telling import Teller
from penstock.compiler.diagnostics import Refused

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from penstock.backends.reporting import Reporter
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.executions import Started
    from penstock.runtime_shim.plan import Plan

_MOST_EVENTS = 1000
"""Events of a history that one request gives."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_PAUSE_SHARE = 1 / 20
"""Of the time that a run has taken: after 200 seconds the pause between two questions is the longest."""


class Watch:
    """Watches the execution ``started``.  ``clock`` and ``sleep`` count seconds; ``wall`` gives those since 1970.

    In each turn AWS is asked for the newest events, about jobs that are open, and about a Distributed Map that runs.
    ``plan`` is that of the flow here, where it can be read.  ``table`` says that ``reporter`` keeps counts in sight.
    """

    def __init__(
        self,
        clients: AwsClients,
        started: Started,
        reporter: Reporter,
        *,
        plan: Plan | None = None,
        table: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._states = clients.states
        self._arn = started.arn
        self._run = started.run
        self._reporter = reporter
        self._clock, self._sleep, self._wall = clock, sleep, wall
        self._questions = Questions(f"ask how {started.run} is doing", self._warn, clock)
        self._plan = plan
        self._history = History(plan)
        self._last_event = 0
        self._jobs: OpenJobs | None = OpenJobs(clients.batch)
        self._map_runs = MapRuns(clients.states)
        self._failed: dict[TaskRef, Failed] = {}
        self._teller = Teller(reporter, started.run, table=table, certain=_certain_steps(clients.states, started.arn))
        self._begin = clock()

    @property
    def first_failure(self) -> Failed | None:
        """The first failure for which nothing made up."""
        return next(iter(self._failed.values()), None)

    @property
    def summary(self) -> str:
        """What is done, in a few words."""
        return self._teller.summary

    @property
    def seconds(self) -> float:
        """For how long the execution has been watched."""
        return self._clock() - self._begin

    def follow(self, timeout: float | None = None) -> RunEnded | None:
        """How the execution ended; None where that takes longer than ``timeout`` seconds.

        Raises Refused where AWS does not answer for ten minutes, or does not allow to ask.
        """
        while True:
            ended = self._turn()
            left = None if timeout is None else timeout - self.seconds
            if ended is not None or (left is not None and left <= 0):
                return ended
            pause = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, self.seconds * _PAUSE_SHARE))
            self._pause(pause if left is None else min(pause, left))

    def _turn(self) -> RunEnded | None:
        changes = self._questions.ask(self._new_changes)
        if changes is None:
            return None
        self._note(changes)
        self._teller.changes(changes, self._clock())
        ended = next((change for change in changes if isinstance(change, RunEnded)), None)
        iterations = self._questions.ask(self._map_runs.look)
        if iterations is not None:
            self._teller.iterations(iterations, self._clock())
        if ended is None:
            self._look_at_jobs()
        elif ended.status == "FAILED" and not self._failed:
            self._look_into_iterations()
        return ended

    def _note(self, changes: list[Change]) -> None:
        for change in changes:
            match change:
                case Began(task=task, job=job):
                    self._failed.pop(task, None)
                    if self._jobs is not None:
                        self._jobs.add(job, task)
                case Failed(task=task, job=job):
                    self._failed[task] = change
                    self._forget(job)
                case Succeeded(task=task, job=job):
                    self._failed.pop(task, None)
                    self._forget(job)
                case MapRunBegan(state=state, arn=arn):
                    self._map_runs.add(arn, state)
                case MapBegan() | RunEnded():
                    pass

    def _forget(self, job: str) -> None:
        if self._jobs is not None:
            self._jobs.remove(job)

    def _new_changes(self) -> list[Change]:
        """Newest first until the first that is known: one request, unless a thousand events came at once."""
        new: dict[int, Mapping[str, Any]] = {}
        for page in _pages_of_events(self._states, self._arn):
            unknown = {event["id"]: event for event in page if event["id"] > self._last_event}
            new |= unknown
            if len(unknown) < len(page) and page[0]["id"] > page[-1]["id"]:
                break  # stand-ins for AWS may give the oldest first, whatever they are asked: those are read to the end
        self._last_event = max(new, default=self._last_event)
        return list(self._history.take([new[number] for number in sorted(new)]))

    def _look_at_jobs(self) -> None:
        jobs = self._jobs
        if jobs is None:
            return
        try:
            notices = self._questions.ask(lambda: list(jobs.look(self._wall())))
        except Refused as refused:
            self._jobs = None
            self._warn(f"What jobs wait for can't be told: {refused.diagnostics[0].message}.")
        else:
            self._teller.noticed(notices or [])

    def _look_into_iterations(self) -> None:
        """The execution failed by a Distributed Map: the failure stands in the history of an iteration."""
        child = self._questions.ask(self._map_runs.failed_iteration)
        if child is not None:
            pages = self._questions.ask(lambda: list(_pages_of_events(self._states, child))) or []
            events = (event for page in pages for event in page)
            self._note(list(History(self._plan).take(sorted(events, key=lambda event: int(event["id"])))))

    def _pause(self, seconds: float) -> None:
        """Wait, with the display kept up to date."""
        end = self._clock() + seconds
        while (left := end - self._clock()) > 0:
            until_drawn = self._reporter.refresh()
            self._sleep(left if until_drawn is None else min(left, until_drawn))

    def _warn(self, text: str) -> None:
        self._reporter.say(text, self._run, bad=True)


def _pages_of_events(states: SFNClient, arn: str) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The events of an execution, the newest first; pages are asked for as they are needed."""
    request: dict[str, Any] = {"executionArn": arn, "reverseOrder": True, "maxResults": _MOST_EVENTS}
    while True:
        answer: Any = states.get_execution_history(**request)
        yield answer["events"]
        if not answer.get("nextToken"):
            return
        request["nextToken"] = answer["nextToken"]


def _certain_steps(states: SFNClient, arn: str) -> dict[str, tuple[str, ...]]:
    """How many tasks a foreach makes known when it begins; nothing where one may not read the state machine."""
    try:
        with asking("read the state machine"):
            described = states.describe_state_machine_for_execution(executionArn=arn)
        return certain_steps(json.loads(described["definition"]))
    except Refused:
        return {}
