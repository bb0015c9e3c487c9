"""What happened in an execution, read from the events of its history (`HistoryEvent` of the Step Functions API)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.turns import WrongPlace, full_path

if TYPE_CHECKING:
    from penstock.runtime_shim.plan import Plan


class TaskRef(NamedTuple):
    """A task by its step and its id; of a state that runs no job of a flow, the state's name and no id."""

    step: str
    task: str = ""

    def __str__(self) -> str:
        return f"{self.step}/{self.task}" if self.task else self.step


class Attempt(NamedTuple):
    """One attempt of a Batch job that ended; ``reason`` in AWS's words, ``exit_code`` None where no container ended."""

    exit_code: int | None
    reason: str


class JobDetail(NamedTuple):
    """What AWS says of a job that ended: its ``attempts``, ``seconds`` of the last one, variables of its container."""

    attempts: tuple[Attempt, ...] = ()
    reason: str = ""
    seconds: float | None = None
    environment: Mapping[str, str] = MappingProxyType({})


class Began(NamedTuple):
    """A job was submitted; ``again`` where Step Functions itself had tried before."""

    task: TaskRef
    job: str
    again: bool = False


class Succeeded(NamedTuple):
    """A task is over; without a ``job`` it is a state of the machine's own that had failed before."""

    task: TaskRef
    job: str
    detail: JobDetail


class Failed(NamedTuple):
    """A task failed, of a job or of another state; Step Functions may try it again, which is then a :class:`Began`."""

    task: TaskRef
    job: str
    error: str
    cause: str
    detail: JobDetail | None


class MapBegan(NamedTuple):
    """A Map state runs over ``length`` items."""

    state: str
    length: int


class MapRunBegan(NamedTuple):
    """A Distributed Map began; what its iterations do stands in histories of their own."""

    state: str
    arn: str


class RunEnded(NamedTuple):
    """The execution is over; ``status`` as DescribeExecution names it."""

    status: str
    error: str
    cause: str


Change = Began | Succeeded | Failed | MapBegan | MapRunBegan | RunEnded


class _Open(NamedTuple):
    """Where a task state stands: the chain of events that began when it was entered."""

    state: str
    task: TaskRef | None = None
    job: str = ""
    failed: bool = False


_ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}
_TASK_FAILURES = frozenset({"TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed"})


class History:
    """Takes the events of one execution, each once and in the order of their ids.

    ``plan`` is the flow's, where it is known: the path that a state machine gives a task lacks the first turn of a loop
    that a branch or an iteration begins with.
    """

    def __init__(self, plan: Plan | None = None) -> None:
        self._plan = plan
        self._open: dict[int, _Open] = {}
        self._maps: dict[int, str] = {}

    def take(self, events: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
        """What these events say."""
        for event in events:
            yield from self._one(event["type"], event)

    def _one(self, kind: str, event: Mapping[str, Any]) -> Iterator[Change]:
        """Every event of a task's chain takes the place of the one before: what is open is what AWS runs."""
        details = _details(kind, event)
        if kind == "TaskStateEntered":
            self._open[event["id"]] = _Open(details["name"])
        elif kind == "MapStateEntered":
            self._maps[event["id"]] = details["name"]
        elif kind == "MapStateStarted":
            state = self._maps.pop(event["previousEventId"], "")
            self._maps[event["id"]] = state
            yield MapBegan(state, int(details.get("length", 0)))
        elif kind == "MapRunStarted":
            yield MapRunBegan(self._maps.get(event["previousEventId"], ""), details["mapRunArn"])
        elif kind in _ENDS:
            yield RunEnded(_ENDS[kind], details.get("error", ""), details.get("cause", ""))
        elif kind.startswith("Task") and (before := self._open.pop(event.get("previousEventId", 0), None)):
            yield from self._of_task(kind, event, details, before)

    def _of_task(
        self, kind: str, event: Mapping[str, Any], details: Mapping[str, Any], before: _Open
    ) -> Iterator[Change]:
        after = before
        if kind == "TaskScheduled":
            after = before._replace(task=_task(details.get("parameters", ""), before.state, self._plan))
        elif kind == "TaskSubmitted" and before.task is not None:
            job = str(_object(details.get("output", "")).get("JobId", ""))
            yield Began(before.task, job, before.failed)
            after = before._replace(job=job, failed=False)
        elif kind == "TaskSucceeded" and before.task is not None and (before.job or before.failed):
            yield Succeeded(before.task, before.job, job_detail(_object(details.get("output", ""))))
        elif kind in _TASK_FAILURES:
            error, cause = details.get("error", ""), details.get("cause", "")
            described = _object(cause)
            detail = job_detail(described) if "JobId" in described else None
            yield Failed(before.task or TaskRef(before.state), before.job, error, cause, detail)
            after = before._replace(failed=True)
        if kind != "TaskStateExited":
            self._open[event["id"]] = after


def job_detail(described: Mapping[str, Any]) -> JobDetail:
    """A job as Step Functions passes it on: DescribeJobs, every name with a capital."""
    attempts = described.get("Attempts") or []
    container = described.get("Container") or {}
    last = attempts[-1] if attempts else {}
    began, ended = last.get("StartedAt"), last.get("StoppedAt")
    return JobDetail(
        attempts=tuple(
            attempt_of(each.get("Container") or {}, each, exit_code="ExitCode", reason="Reason", status="StatusReason")
            for each in attempts
        ),
        reason=str(container.get("Reason") or described.get("StatusReason") or ""),
        seconds=(ended - began) / 1000 if began and ended else None,
        environment={
            str(each.get("Name")): str(each.get("Value"))
            for each in container.get("Environment") or []
            if "Name" in each
        },
    )


def attempt_of(
    container: Mapping[str, Any], attempt: Mapping[str, Any], *, exit_code: str, reason: str, status: str
) -> Attempt:
    """An attempt of a described job; the keyword arguments are the names that its fields have there."""
    code = container.get(exit_code)
    said = container.get(reason) or attempt.get(status) or ""
    return Attempt(None if code is None else int(code), str(said))


def certain_steps(machine: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """By inline Map state the steps that run once in each of its iterations, as far as no choice comes before them.

    Steps of Maps inside belong to those.
    """
    found: dict[str, tuple[str, ...]] = {}
    pending = [machine]
    while pending:
        for name, state in pending.pop()["States"].items():
            pending += state.get("Branches", [])
            if state["Type"] == "Map":
                processor = state.get("ItemProcessor") or state["Iterator"]
                pending.append(processor)
                if processor.get("ProcessorConfig", {}).get("Mode") != "DISTRIBUTED":
                    found[name] = tuple(_certain(processor))
    return found


def _certain(machine: Mapping[str, Any]) -> Iterator[str]:
    pending = [machine]
    while pending:
        inner = pending.pop()
        name, seen = inner["StartAt"], set()
        while name is not None and name not in seen:
            seen.add(name)
            state = inner["States"][name]
            pending += state.get("Branches", [])
            if "batch:submitJob" in state.get("Resource", ""):
                yield _task(json.dumps(state["Parameters"]), name).step
            name = state.get("Next")  # a Choice has none: what follows is not certain


def _task(parameters: str, state: str, plan: Plan | None = None) -> TaskRef:
    """The task that a job is of, from the variables that its state gave it."""
    overrides = _object(parameters).get("ContainerOverrides") or {}
    given = {each.get("Name"): each.get("Value", "") for each in overrides.get("Environment", [])}
    if "PENSTOCK_STEP" not in given:
        return TaskRef(state)
    try:
        path = Path.parse(given.get("PENSTOCK_PATH") or "")
        if plan is not None and given["PENSTOCK_STEP"] in plan:
            # What is deployed may be another version of the flow, with other loops: then the path stays as it is.
            with contextlib.suppress(WrongPlace):
                path = full_path(plan[given["PENSTOCK_STEP"]], path)
        return TaskRef(given["PENSTOCK_STEP"], path.task_id)
    except InvalidName:
        return TaskRef(given["PENSTOCK_STEP"])


def _details(kind: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of an event that is named after its kind; those of states have one name for all kinds of states."""
    if kind.endswith("StateEntered"):
        return event.get("stateEnteredEventDetails") or {}
    if kind.endswith("StateExited"):
        return event.get("stateExitedEventDetails") or {}
    return event.get(f"{kind[0].lower()}{kind[1:]}EventDetails") or {}


def _object(text: str) -> Mapping[str, Any]:
    """A JSON object; an empty one where the text is none, or was cut off."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
