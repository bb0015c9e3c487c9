"""What the engine's process and the process that started it say to each other: JSON, one message a line.

Downwards goes one line of :class:`EngineOptions` and then nothing: the engine lives as long as that pipe is open,
so that it ends with whoever started it, however that one ended.  Upwards go the events below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType

HISTORY_LIMIT = 25_000
"""Events that AWS keeps of one execution of a standard workflow; an execution that needs more fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """``secret`` is the access key id that every request must carry, ``directory`` the engine's own folder,
    ``python`` the interpreter that jobs find as `python`, ``jobs_at_once`` how many jobs run side by side (the
    others are RUNNABLE). ``grace_seconds`` lie between the SIGTERM and the SIGKILL of a job that is stopped.
    ``containers`` is the URL of the container engine that runs the jobs, empty for processes; ``rehearsal`` is what
    containers are labelled with.
    """

    secret: str
    directory: str
    python: str
    region: str = "us-east-1"
    jobs_at_once: int = 4
    grace_seconds: float = 30.0
    history_limit: int = HISTORY_LIMIT
    containers: str = ""
    rehearsal: str = ""

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> EngineOptions:
        """Read what :meth:`to_line` wrote."""
        return cls(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Ready:
    """The engine answers on ``port`` of the loopback interface."""

    port: int


@dataclass(frozen=True, slots=True)
class JobStarted:
    """Attempt ``attempt`` (from 1) of a Batch job runs: as process ``pid``, which leads its own process group, or in
    the ``container`` of that id.
    """

    job: str
    name: str
    attempt: int
    pid: int | None
    container: str
    log: str
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class JobEnded:
    """That attempt is over; ``retried`` when another one follows.  ``exit_code`` is None where no process was
    started.
    """

    job: str
    name: str
    attempt: int
    exit_code: int | None
    reason: str
    retried: bool
    seconds: float
    log: str
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """An execution of a state machine is over: ``status`` as DescribeExecution gives it."""

    execution: str
    status: str
    error: str | None
    cause: str | None


Event = Ready | JobStarted | JobEnded | ExecutionEnded
_KINDS: Mapping[str, type[Event]] = MappingProxyType(
    {kind.__name__: kind for kind in (Ready, JobStarted, JobEnded, ExecutionEnded)}
)


def to_line(event: Event) -> str:
    """One line of JSON; :func:`from_line` reads it."""
    fields = {name: getattr(event, name) for name in event.__dataclass_fields__}
    plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in fields.items()}
    return json.dumps([type(event).__name__, plain]) + "\n"


def from_line(line: str) -> Event:
    """Read what :func:`to_line` wrote.

    Raises ValueError or KeyError for anything else.
    """
    kind, fields = json.loads(line)
    return _KINDS[kind](**fields)
