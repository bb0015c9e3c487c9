"""Runs a workflow as the controller does: DAGs, items and templates here, pods by a :class:`Launcher`.

From ``workflow/controller`` (operator, dag, scope) and ``workflow/common`` of 3.7 and 4.1.  Everything is a step of one
loop in the calling thread; nothing recurses.  By those sources a failed task ends nothing beside it, whatever
``failFast`` says: what does not depend on it goes on.
"""

from __future__ import annotations

import math
import queue
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from penstock.backends.argo.rehearsal.dags import DagRun, TaskRun
from penstock.backends.argo.rehearsal.dependencies import Phase, TaskEnd
from penstock.backends.argo.rehearsal.document import Reference, Template, WorkflowTemplate
from penstock.backends.argo.rehearsal.operations import BadExpression
from penstock.backends.argo.rehearsal.scopes import (
    Outputs,
    Workflow,
    ending_values,
    instantiated,
    parameters_given,
)
from penstock.backends.argo.rehearsal.substitution import Unresolvable, Values
from penstock.backends.argo.rehearsal.templates import read_template
from penstock.backends.rehearsal.fields import BadDocument
from penstock.backends.rehearsal.waiting import next_of

_ON_EXIT = ".onExit"
DEEPEST = 100
"""Levels of templates of which the controller refuses the last (``maxAllowedStackDepth``)."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod to run, with its retries: ``place`` is where it stands (``each(1:1).body``)."""

    place: str
    template: Template
    values: Values


@dataclass(frozen=True, slots=True)
class PodEnd:
    """How a pod ended; ``message`` is a sentence where it did not succeed, ``hopeless`` where this machine cannot run
    it.
    """

    phase: Phase
    outputs: Outputs = field(default_factory=dict)
    message: str = ""
    hopeless: bool = False


class Launcher(Protocol):
    """Runs pods, several at once."""

    def launch(self, pod: Pod, ended: Callable[[PodEnd], None]) -> None:
        """Start, and call ``ended`` from any thread when the last try is over."""
        ...

    def stop(self) -> None:
        """End everything that runs; returns when it is gone."""
        ...


@dataclass(frozen=True, slots=True)
class RunEnded:
    """How a run ended; ``failures`` are ``(place, sentence)`` of what failed by itself, in order; ``not_run`` is the
    exit handler where only the cluster has it.
    """

    phase: Phase
    failures: tuple[tuple[str, str], ...] = ()
    not_run: str = ""


@dataclass(frozen=True, slots=True)
class _End:
    phase: Phase
    outputs: Outputs | None = None


@dataclass(eq=False, slots=True)
class _Call:
    """A template that runs at ``depth``; ``ended`` hears how it ended."""

    reference: Reference
    arguments: Values
    place: str
    depth: int
    ended: Callable[[_End], None]


class Interpreter:
    """One run of one workflow; ``launcher`` makes who runs its pods, and after that who runs those of its exit handler,
    given a word for each.
    """

    def __init__(
        self, templates: Mapping[str, WorkflowTemplate], main: str, launcher: Callable[[str], Launcher], name: str
    ) -> None:
        self._templates = templates
        self._main = templates[main]
        self._make_launcher = launcher
        self._name = name
        self._ready: deque[Callable[[], None]] = deque()
        self._events: queue.Queue[Callable[[], None]] = queue.Queue()
        self._failures: list[tuple[str, str]] = []
        self._values: dict[str, str | None] = {}

    def run(self, parameters: Mapping[str, str]) -> RunEnded:
        """Run to the end, exit handler included.

        Raises BadDocument for parameters that the workflow does not take.  However it is left, no pod runs afterwards.
        """
        given = parameters_given(self._main, parameters)
        self._values = Workflow(self._main, self._name, f"uid-of-{self._name}", given).values()
        phase = self._run_template(self._main.entrypoint, self._name, self._main.deadline)
        handler = self._main.on_exit
        if not handler:
            return RunEnded(phase, tuple(self._failures))
        foreign = self._of_the_cluster(handler)
        if foreign:
            return RunEnded(phase, tuple(self._failures), not_run=foreign)
        self._values |= ending_values(phase.value, [_failed(*failure) for failure in self._failures])
        last = self._run_template(handler, f"{self._name}{_ON_EXIT}", None)
        return RunEnded(last if phase is Phase.SUCCEEDED else phase, tuple(self._failures))

    def _of_the_cluster(self, handler: str) -> str:
        """The WorkflowTemplate that an exit handler uses and this rehearsal has not; empty where there is none."""
        tasks = self._main.templates[handler].tasks or ()
        return next((str(each.template) for each in tasks if each.template.owner not in self._templates), "")

    def _run_template(self, template: str, place: str, deadline: float | None) -> Phase:
        """Run one template and everything in it to the end."""
        self._launcher = self._make_launcher("exit" if place.endswith(_ON_EXIT) else "pod")
        over: list[_End] = []
        latest = math.inf if deadline is None else time.monotonic() + deadline
        try:
            self._call(_Call(Reference(self._main.name, template), {}, place, 1, over.append))
            while not over:
                if self._ready:
                    self._ready.popleft()()
                    continue
                try:
                    next_of(self._events, latest)()
                except queue.Empty:
                    self._failures.append((place, f"the workflow was active longer than {deadline:g} seconds"))
                    return Phase.FAILED
        finally:
            self._launcher.stop()
            self._ready.clear()
            self._events = queue.Queue()
        return over[0].phase

    def _call(self, call: _Call) -> None:
        """Start a template (``executeTemplate``)."""
        try:
            if call.depth >= DEEPEST:
                raise Unresolvable(f"Maximum recursion depth exceeded: {call.reference} is {call.depth} templates deep")
            template = self._templates[call.reference.owner].templates[call.reference.name]
            local = {"node.name": call.place, "tasks.name": call.place.rpartition(".")[2]}
            if template.container is not None and template.retry is None:
                local["pod.name"] = call.place
            raw, inputs = instantiated(template, call.arguments, self._values, local)
            processed = read_template(raw, call.reference.owner)
        except (Unresolvable, BadDocument) as failure:
            self._error(call, failure.message)
            return
        if processed.tasks is None:
            self._launch(call, processed)
        else:
            self._start_dag(call, processed, inputs)

    def _error(self, call: _Call, message: str) -> None:
        self._failures.append((call.place, message))
        self._ready.append(partial(call.ended, _End(Phase.ERROR)))

    def _launch(self, call: _Call, template: Template) -> None:
        def over(end: PodEnd) -> None:
            if end.phase.unsuccessful:
                self._failures.append((call.place, end.message))
            call.ended(_End(end.phase, end.outputs))

        events = self._events
        self._launcher.launch(Pod(call.place, template, self._values), lambda end: events.put(lambda: over(end)))

    def _start_dag(self, call: _Call, template: Template, inputs: Mapping[str, str]) -> None:
        run = DagRun(call.place, template, inputs, call.depth)
        if not run.tasks:
            self._ready.append(partial(call.ended, _End(Phase.SUCCEEDED, {})))
        for name in run.first():
            self._ready.append(partial(self._consider, run, name, call))

    def _consider(self, run: DagRun, name: str, call: _Call) -> None:
        """A task all of whose dependencies are over: it runs, or it is left out (``executeDAGTask``)."""
        try:
            if not run.may_run(name):
                self._task_over(run, name, call, TaskEnd(Phase.OMITTED), None)
                return
            task_run = run.resolved(name, self._values, self._outputs_when_left_out)
            runs = task_run.runs()
        except (Unresolvable, BadExpression, BadDocument) as error:
            self._failures.append((f"{run.place}.{name}", getattr(error, "message", str(error))))
            self._task_over(run, name, call, TaskEnd(Phase.ERROR), None)
            return
        if not runs:
            self._task_over(run, name, call, TaskEnd(Phase.SKIPPED), None)
            return
        task_run.left = len(runs)
        for number, (place, task) in enumerate(runs):
            if task is None:
                self._item_over(task_run, number, call, _End(Phase.SKIPPED))
                continue
            ended = partial(self._item_over, task_run, number, call)
            inner = _Call(task.template, task_run.arguments(task), place, run.depth + 1, ended)
            run.waiting.append(inner)
        self._admit(run)

    def _outputs_when_left_out(self, reference: Reference) -> dict[str, str | None]:
        """The outputs of a task that does not run: the defaults of its template, nothing where it has none."""
        owner = self._templates.get(reference.owner)
        template = None if owner is None else owner.templates.get(reference.name)
        return {} if template is None else {output.name: output.default for output in template.outputs}

    def _admit(self, run: DagRun) -> None:
        """Start what waits as far as the parallelism of its DAG allows."""
        limit = run.template.parallelism
        while run.waiting and (limit is None or run.active < limit):
            run.active += 1
            inner: _Call = run.waiting.popleft()
            self._ready.append(partial(self._call, inner))

    def _item_over(self, task_run: TaskRun, number: int, call: _Call, end: _End) -> None:
        """A task, or one of its items, is over."""
        run = task_run.dag
        if end.phase.completed:
            run.active -= 1
        phase = task_run.ended(number, end.phase, end.outputs)
        if phase is not None:
            self._task_over(run, task_run.task.name, call, phase, task_run.outputs)
        self._admit(run)

    def _task_over(
        self, run: DagRun, name: str, call: _Call, end: TaskEnd, outputs: Mapping[str, str | None] | None
    ) -> None:
        for follower in run.settle(name, end, outputs):
            self._ready.append(partial(self._consider, run, follower, call))
        if not run.is_over:
            return
        phase, found = run.phase(), None
        if phase is Phase.SUCCEEDED:
            try:
                found = run.outputs(self._values, self._outputs_when_left_out)
            except (Unresolvable, BadExpression) as error:
                self._failures.append((run.place, getattr(error, "message", str(error))))
                phase = Phase.ERROR
        self._ready.append(partial(call.ended, _End(phase, found)))


def _failed(place: str, message: str) -> dict[str, Any]:
    return {"displayName": place.rpartition(".")[2], "message": message, "phase": "Failed", "podName": place}
