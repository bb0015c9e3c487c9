"""Runs a pipeline as the backend does: DAGs, loops and conditions here, containers by a :class:`Launcher`.

Written from the specification and the backend's sources (``driver``, ``argocompiler``, Argo's DAGs), not from what
Penstock's own lowering needs.  Everything is a step of one loop in the calling thread; nothing recurses.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from penstock.backends.kubeflow.rehearsal.document import Component, Dag, Executor, Pipeline, RetryPolicy, Task
from penstock.backends.kubeflow.rehearsal.inputs import (
    RunNames,
    Values,
    iterations,
    root_inputs,
    runs,
    task_inputs,
)
from penstock.backends.rehearsal.fields import BadDocument
from penstock.backends.rehearsal.waiting import next_of


class Phase(Enum):
    """How a task ended, in Argo's words.  ``OMITTED``: one of its dependencies did not succeed."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    OMITTED = "Omitted"


@dataclass(frozen=True, slots=True)
class Container:
    """One container to run: ``place`` is where it stands (``foreach-start[0].body``); ``retry`` is None where the
    backend tries once.  ``outputs`` are the types of what it must leave.
    """

    place: str
    executor: Executor
    inputs: Values
    outputs: Mapping[str, str]
    retry: RetryPolicy | None


@dataclass(frozen=True, slots=True)
class ContainerEnded:
    """``outputs`` as they were read; ``failure`` is a sentence where it failed, else empty; ``hopeless`` says that this
    machine cannot run it, however often it is tried.
    """

    outputs: Values = field(default_factory=dict)
    failure: str = ""
    hopeless: bool = False


class Launcher(Protocol):
    """Runs containers, several at once."""

    def launch(self, container: Container, ended: Callable[[ContainerEnded], None]) -> None:
        """Start, and call ``ended`` from any thread when it is over."""
        ...

    def stop(self) -> None:
        """End everything that runs."""
        ...


@dataclass(frozen=True, slots=True)
class RunEnded:
    """How a run ended; ``failures`` are ``(place, sentence)`` of the tasks that failed by themselves, in order."""

    phase: Phase
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False)
class _DagRun:
    """A DAG that runs; ``task`` is what it is an instance of, None for the root."""

    component: Component
    dag: Dag
    inputs: Values
    place: str
    in_loop: bool
    task: _TaskRun | None
    waiting: dict[str, int]
    phases: dict[str, Phase] = field(default_factory=dict)
    outputs: dict[str, Values] = field(default_factory=dict)
    failed: bool = False


@dataclass(eq=False)
class _LoopRun:
    """A loop that runs; ``left`` are the inputs of the iterations to come, last first."""

    task: _TaskRun
    component: Component
    left: list[tuple[int, dict[str, Any]]]
    running: int = 0
    failed: bool = False


@dataclass(eq=False)
class _TaskRun:
    """A task of a DAG, or, with ``loop``, one iteration of it."""

    dag: _DagRun
    task: Task
    place: str
    in_loop: bool
    loop: _LoopRun | None = None


class Interpreter:
    """One run of one pipeline."""

    def __init__(self, pipeline: Pipeline, launcher: Launcher, uuid: str) -> None:
        self._pipeline = pipeline
        self._launcher = launcher
        self._names = RunNames(uuid, f"{pipeline.name}-{uuid[:5]}")
        self._ended: queue.Queue[tuple[_TaskRun, ContainerEnded]] = queue.Queue()
        self._ready: deque[tuple[_DagRun, str]] = deque()
        self._over: deque[tuple[_TaskRun, Phase, Values]] = deque()
        self._failures: list[tuple[str, str]] = []
        self._phase: Phase | None = None

    def run(self, parameters: Values) -> RunEnded:
        """Run to the end.

        Raises BadDocument for parameters that the pipeline does not take.  However it is left, no container runs
        afterwards.
        """
        root = self._pipeline.root
        try:
            self._start_dag(root, root_inputs(root, parameters), "", in_loop=False, task=None)
            while self._phase is None:
                if self._over:
                    self._end(*self._over.popleft())
                elif self._ready:
                    self._consider(*self._ready.popleft())
                else:
                    task, ended = next_of(self._ended)
                    self._container_ended(task, ended)
        finally:
            self._launcher.stop()
        return RunEnded(self._phase, tuple(self._failures))

    def _start_dag(
        self, component: Component, inputs: Values, place: str, *, in_loop: bool, task: _TaskRun | None
    ) -> None:
        dag = component.dag
        if dag is None:
            raise AssertionError(f"{component.name} is no dag")
        waiting = {key: len(each.depends) for key, each in dag.tasks.items()}
        run = _DagRun(component, dag, inputs, place, in_loop, task, waiting)
        self._ready.extend((run, key) for key, count in waiting.items() if not count)

    def _consider(self, run: _DagRun, key: str) -> None:
        """A task whose dependencies are over: it runs, or it is left out."""
        task = run.dag.tasks[key]
        # Argo's DAG fails fast: nothing new begins in it once a task has failed.
        if run.failed or any(run.phases[other] is not Phase.SUCCEEDED for other in task.depends):
            self._settle(run, key, Phase.OMITTED, {})
            return
        place = f"{run.place}.{key}" if run.place else key
        task_run = _TaskRun(run, task, place, run.in_loop)
        try:
            self._drive(task_run)
        except BadDocument as failure:
            self._fail(task_run, failure.message)

    def _drive(self, task_run: _TaskRun) -> None:
        run, task = task_run.dag, task_run.task
        component = self._pipeline.components[task.component]
        inputs = task_inputs(task, component, run.inputs, run.outputs, self._names)
        if task.iterator is not None:
            # A loop whose condition is false has no iteration; the loop itself succeeds (argocompiler, iteratorTask).
            found = iterations(task, task.iterator, component, inputs) if runs(task, inputs) else []
            loop = _LoopRun(task_run, component, list(reversed(list(enumerate(found)))))
            self._advance(loop)
        elif not runs(task, inputs):
            self._over.append((task_run, Phase.SKIPPED, {}))
        else:
            self._begin(task_run, component, inputs)

    def _begin(self, task_run: _TaskRun, component: Component, inputs: Values) -> None:
        if component.dag is not None:
            self._start_dag(component, inputs, task_run.place, in_loop=task_run.in_loop, task=task_run)
            return
        # The backend ignores the retry policy of whatever is inside of a loop (kubeflow/pipelines issue 12389).
        retry = None if task_run.in_loop else task_run.task.retry
        executor = self._pipeline.executors[component.executor]
        container = Container(task_run.place, executor, inputs, component.outputs, retry)
        self._launcher.launch(container, lambda ended: self._ended.put((task_run, ended)))

    def _advance(self, loop: _LoopRun) -> None:
        """Begin as many iterations as may run at once; the loop is over when none is left."""
        task_run = loop.task
        iterator = task_run.task.iterator
        limit = iterator.limit if iterator is not None else 0
        while loop.left and not loop.failed and (not limit or loop.running < limit):
            number, inputs = loop.left.pop()
            loop.running += 1
            place = f"{task_run.place}[{number}]"
            self._begin(_TaskRun(task_run.dag, task_run.task, place, True, loop), loop.component, inputs)
        if not loop.running:
            self._over.append((task_run, Phase.FAILED if loop.failed else Phase.SUCCEEDED, {}))

    def _container_ended(self, task_run: _TaskRun, ended: ContainerEnded) -> None:
        if ended.failure:
            self._fail(task_run, ended.failure)
        else:
            self._over.append((task_run, Phase.SUCCEEDED, ended.outputs))

    def _fail(self, task_run: _TaskRun, sentence: str) -> None:
        self._failures.append((task_run.place, sentence))
        self._over.append((task_run, Phase.FAILED, {}))

    def _end(self, task_run: _TaskRun, phase: Phase, outputs: Values) -> None:
        """A task, or an iteration of one, is over."""
        loop = task_run.loop
        if loop is not None:
            loop.running -= 1
            loop.failed = loop.failed or phase is Phase.FAILED
            self._advance(loop)
            return
        self._settle(task_run.dag, task_run.task.key, phase, outputs)

    def _settle(self, run: _DagRun, key: str, phase: Phase, outputs: Values) -> None:
        run.phases[key] = phase
        run.outputs[key] = outputs
        run.failed = run.failed or phase is Phase.FAILED
        for follower in run.dag.followers[key]:
            run.waiting[follower] -= 1
            if not run.waiting[follower]:
                self._ready.append((run, follower))
        if len(run.phases) == len(run.dag.tasks):
            self._dag_over(run)

    def _dag_over(self, run: _DagRun) -> None:
        phase = Phase.FAILED if run.failed else Phase.SUCCEEDED
        if run.task is None:
            self._phase = phase
            return
        outputs = {}
        for name, source in () if run.failed else run.dag.outputs.items():
            given = run.outputs[source.producer]
            if source.key not in given:
                self._failures.append((run.place, f"{source.producer} did not run, and gave no output `{source.key}`"))
                phase = Phase.FAILED
                break
            outputs[name] = given[source.key]
        self._over.append((run.task, phase, outputs))
