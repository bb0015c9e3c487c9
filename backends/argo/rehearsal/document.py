"""Templates and tasks as the interpreter runs them: what workflows without artifacts need, from :mod:`.reading`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from penstock.backends.job_hosts.jobs import UNLIMITED, Resources


class Reference(NamedTuple):
    """A template by the WorkflowTemplate it stands in, and its name there."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Input:
    """A parameter of a template: ``value`` where it is fixed, else ``default`` where nothing is passed."""

    name: str
    value: str | None = None
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """An output: of a pod the content of the file ``path``, of a DAG that of a task (``parameter``, in double braces)
    or an ``expression``; ``default`` where there is none.
    """

    name: str
    path: str = ""
    parameter: str = ""
    expression: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """``duration`` seconds before the first retry, each further one ``factor`` times as long, ``cap`` at most; none
    that would begin later than ``longest`` seconds after the first try.
    """

    duration: float
    factor: int = 0
    cap: float | None = None
    longest: float | None = None

    def seconds(self, retry: int) -> float:
        """What is waited before retry ``retry``, from 0."""
        waited = self.duration * self.factor**retry if self.factor > 0 else self.duration
        return waited if self.cap is None else min(waited, self.cap)


@dataclass(frozen=True, slots=True)
class RetryStrategy:
    """``limit`` retries at most, any number where it is None, of what ended as ``policy`` says while ``expression``
    holds.
    """

    limit: int | None = None
    policy: str = "OnFailure"
    expression: str = ""
    backoff: Backoff | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable; ``value`` is None where the cluster has it."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Container:
    """What a pod runs."""

    image: str
    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    environment: tuple[Variable, ...] = ()
    resources: Resources = UNLIMITED


@dataclass(frozen=True, slots=True)
class Sequence:
    """``withSequence``: whole numbers as texts, from tags at first."""

    start: str | None = None
    end: str | None = None
    count: str | None = None
    format: str = ""


@dataclass(frozen=True, slots=True)
class ContinueOn:
    """Ends of a task that count as success for those which name it in ``dependencies``, and for its DAG."""

    failed: bool = False
    error: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a DAG; ``raw`` is its JSON, in which tags are replaced before it runs.

    ``owner`` of the template is empty for one beside the DAG's own.  At most one of ``items``, ``param`` and
    ``sequence`` is there.
    """

    name: str
    template: Reference
    raw: Mapping[str, Any]
    arguments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    depends: str = ""
    dependencies: tuple[str, ...] = ()
    when: str = ""
    items: tuple[Any, ...] | None = None
    param: str | None = None
    sequence: Sequence | None = None
    continue_on: ContinueOn = ContinueOn()

    @property
    def expands(self) -> bool:
        """Whether it runs once for each of several items."""
        return self.items is not None or self.param is not None or self.sequence is not None


@dataclass(frozen=True, slots=True)
class Template:
    """A template: either a ``container`` or ``tasks``; ``raw`` is its JSON.

    ``parallelism`` is how many of a DAG's tasks run at once, None for any number; ``deadline`` in seconds ends a pod.
    """

    name: str
    raw: Mapping[str, Any]
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    container: Container | None = None
    tasks: tuple[Task, ...] | None = None
    parallelism: int | None = None
    deadline: float | None = None
    retry: RetryStrategy | None = None


@dataclass(frozen=True, slots=True)
class WorkflowTemplate:
    """A WorkflowTemplate: ``parameters`` by name, None for one without a value; ``on_exit`` names a template, empty
    for none; ``deadline`` in seconds ends the whole workflow.
    """

    name: str
    templates: Mapping[str, Template]
    entrypoint: str = ""
    parameters: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    descriptions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    on_exit: str = ""
    deadline: float | None = None
    service_account: str = ""
