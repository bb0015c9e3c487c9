"""A compiled pipeline as the interpreter runs it.

These are the messages of ``pipeline_spec.proto`` that a pipeline without artifacts needs; :mod:`.reading` makes
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from penstock.backends.job_hosts.jobs import UNLIMITED, Resources


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """An input: ``kind`` is its type; ``default`` counts where ``has_default``."""

    kind: str
    optional: bool = False
    has_default: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Constant:
    """An input whose value stands in the document; the placeholders of a run and a task count where they are all of
    it.
    """

    value: Any


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """An input that is the output ``key`` of another task of the same DAG."""

    producer: str
    key: str


@dataclass(frozen=True, slots=True)
class ComponentInput:
    """An input that is one of the DAG around the task."""

    name: str


Source = Constant | TaskOutput | ComponentInput


@dataclass(frozen=True, slots=True)
class ParameterIterator:
    """A loop: ``item`` is the input that gets each item; ``items`` names the input that holds the list, or is the list.

    ``limit`` is how many iterations run at once, 0 for any number.
    """

    item: str
    items: str | tuple[Any, ...]
    limit: int = 0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``count`` more attempts; the first waits ``wait`` seconds, each further one ``factor`` times as long, ``longest``
    at most (0 for no bound).
    """

    count: int
    wait: float = 0.0
    factor: float = 2.0
    longest: float = 0.0

    def seconds(self, attempt: int) -> float:
        """What is waited before attempt ``attempt``, which is 1 for the first retry."""
        waited = self.wait * max(self.factor, 1.0) ** (attempt - 1)
        return min(waited, self.longest) if self.longest else waited


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a DAG, ``key`` in it; ``depends`` are the tasks that must have succeeded, producers of its inputs
    included.
    """

    key: str
    component: str
    depends: tuple[str, ...] = ()
    inputs: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    condition: str = ""
    iterator: ParameterIterator | None = None
    retry: RetryPolicy | None = None


@dataclass(frozen=True)
class Dag:
    """Tasks by key, and the outputs of the DAG as those of its tasks."""

    tasks: Mapping[str, Task]
    outputs: Mapping[str, TaskOutput] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def followers(self) -> Mapping[str, tuple[str, ...]]:
        """The tasks that depend on each."""
        found: dict[str, list[str]] = {key: [] for key in self.tasks}
        for task in self.tasks.values():
            for other in task.depends:
                found[other].append(task.key)
        return {key: tuple(following) for key, following in found.items()}


@dataclass(frozen=True, slots=True)
class Component:
    """What a task runs: either a ``dag`` or the executor of that label."""

    name: str
    inputs: Mapping[str, ParameterSpec] = field(default_factory=lambda: MappingProxyType({}))
    outputs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    dag: Dag | None = None
    executor: str = ""


@dataclass(frozen=True, slots=True)
class Executor:
    """A container: ``deadline`` in seconds for each of its pods, None for none."""

    label: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    resources: Resources = UNLIMITED
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A document that passed every check."""

    name: str
    root: Component
    components: Mapping[str, Component]
    executors: Mapping[str, Executor]
