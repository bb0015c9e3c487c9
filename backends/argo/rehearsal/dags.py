"""A DAG that runs: which of its tasks are over, what the next one is told, how the whole of it ended.

From ``workflow/controller/dag.go`` and ``scope.go``: a task sees the outputs of what it depends on, directly or not;
of one that did not run, the defaults of its template.  An argument that is all such an output and has no default is not
passed, so that the default of the input counts; anywhere else it fails the task.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from penstock.backends.argo.rehearsal.dependencies import (
    Dependencies,
    Phase,
    TaskEnd,
    ancestors,
    dag_phase,
    dependencies_of,
    may_run,
)
from penstock.backends.argo.rehearsal.document import Output, Reference, Task, Template
from penstock.backends.argo.rehearsal.expansion import for_item, items_of
from penstock.backends.argo.rehearsal.expressions import compiled, condition_holds
from penstock.backends.argo.rehearsal.operations import BadExpression
from penstock.backends.argo.rehearsal.substitution import Unresolvable, Values, nested, replaced
from penstock.backends.argo.rehearsal.templates import read_task

LeftOut = Callable[[Reference], Values]
"""The outputs of a task that does not run."""
_STRICT = ("tasks.", "steps.")
_ABSENT = "__argo-internal.absent-optional-output__"
_OUTPUT = "outputs.parameters."


class DagRun:
    """A DAG at ``place`` whose template has its ``inputs``; ``waiting`` and ``active`` are for whoever starts tasks."""

    def __init__(self, place: str, template: Template, inputs: Mapping[str, str], depth: int) -> None:
        self.place = place
        self.template = template
        self.inputs = inputs
        self.depth = depth
        self.tasks: dict[str, Task] = {task.name: task for task in template.tasks or ()}
        self.dependencies = {name: dependencies_of(task, self.tasks) for name, task in self.tasks.items()}
        self.ends: dict[str, TaskEnd] = {}
        self.given: dict[str, Values] = {}
        self.waiting: deque[Any] = deque()
        self.active = 0
        self._missing = {name: len(each.tasks) for name, each in self.dependencies.items()}
        self._followers: dict[str, list[str]] = {name: [] for name in self.tasks}
        for name, each in self.dependencies.items():
            for other in each.tasks:
                self._followers[other].append(name)

    def first(self) -> list[str]:
        """The tasks that depend on nothing."""
        return [name for name, count in self._missing.items() if not count]

    @property
    def is_over(self) -> bool:
        """Whether all tasks are over."""
        return len(self.ends) == len(self.tasks)

    def settle(self, name: str, end: TaskEnd, outputs: Values | None) -> list[str]:
        """Note that a task is over, with its outputs (None where it has not run); the tasks that wait no longer."""
        self.ends[name] = end
        if outputs is not None:
            self.given[name] = outputs
        ready = []
        for follower in self._followers[name]:
            self._missing[follower] -= 1
            if not self._missing[follower]:
                ready.append(follower)
        return ready

    def may_run(self, name: str) -> bool:
        """Whether what a task depends on ended as it must.

        Raises BadExpression.
        """
        return may_run(self.dependencies[name], self.ends)

    def resolved(self, name: str, workflow: Values, left_out: LeftOut) -> TaskRun:
        """A task whose tags are replaced.

        Raises Unresolvable, BadDocument.
        """
        task = self.tasks[name]
        scope = _Scope(self, workflow, left_out, self.dependencies[name], name)
        raw = replaced(_with_absent(task.raw, scope), scope, strict=_STRICT)
        return TaskRun(self, read_task(raw, task.template.owner))

    def phase(self) -> Phase:
        """How the DAG ended."""
        return dag_phase(self.tasks, self.dependencies, self.ends, list(self.ends))

    def outputs(self, workflow: Values, left_out: LeftOut) -> dict[str, str]:
        """The outputs of the DAG.

        Raises Unresolvable, BadExpression.
        """
        scope = _Scope(self, workflow, left_out)
        return {output.name: _dag_output(output, scope) for output in self.template.outputs}


class TaskRun:
    """A task that runs, once or for each of its items; ``left`` is how many of these are not over."""

    def __init__(self, dag: DagRun, task: Task) -> None:
        self.dag = dag
        self.task = task
        self.left = 0
        self.outputs: Values | None = None
        self._phases: dict[int, Phase] = {}

    def runs(self) -> list[tuple[str, Task | None]]:
        """Each run by its place; None for one whose condition is false.

        Raises Unresolvable, BadExpression, BadDocument.
        """
        place = f"{self.dag.place}.{self.task.name}"
        if not self.task.expands:
            return [(place, self.task if _holds(self.task) else None)]
        found: list[tuple[str, Task | None]] = []
        for number, item in enumerate(items_of(self.task)):
            one = read_task(for_item(self.task.raw, item), self.task.template.owner)
            found.append((f"{place}({number}:{item})", one if _holds(one) else None))
        return found

    @staticmethod
    def arguments(task: Task) -> Values:
        """What a run passes; None for what counts as not passed."""
        return {name: None if value == _ABSENT else value for name, value in task.arguments.items()}

    def ended(self, number: int, phase: Phase, outputs: Mapping[str, str] | None) -> TaskEnd | None:
        """Note how a run ended; how the whole task did, None where runs are left."""
        self._phases[number] = phase
        if not self.task.expands:
            self.outputs = outputs
            return TaskEnd(phase)
        if len(self._phases) < self.left:
            return None
        phases = tuple(self._phases[each] for each in sorted(self._phases))
        failed = [each for each in phases if each.unsuccessful]
        return TaskEnd(failed[-1] if failed else Phase.SUCCEEDED, phases)


class _Scope(Mapping[str, "str | None"]):
    """What the tags of a task stand for; those of a DAG's outputs, which sees all tasks, without ``dependencies``."""

    def __init__(
        self,
        run: DagRun,
        workflow: Values,
        left_out: LeftOut,
        dependencies: Dependencies | None = None,
        name: str = "",
    ) -> None:
        self._run = run
        self._workflow = workflow
        self._left_out = left_out
        self._dependencies = dependencies
        self._name = name

    def __getitem__(self, tag: str) -> str | None:
        if tag in self._workflow:
            return self._workflow[tag]
        prefix, _, rest = tag.partition(".")
        task, _, what = rest.partition(".")
        if prefix == "inputs" and task == "parameters":
            return self._run.inputs[what]
        if prefix != "tasks" or not self._sees(task):
            raise KeyError(tag)
        if what == "status":
            return self._run.ends[task].phase.value
        return self._outputs(task)[what.removeprefix(_OUTPUT) if what.startswith(_OUTPUT) else tag]

    def __iter__(self) -> Iterator[str]:
        yield from self._workflow
        yield from (f"inputs.parameters.{name}" for name in self._run.inputs)
        tasks = self._run.tasks if self._dependencies is None else ancestors(self._name, self._run.dependencies)
        for task in tasks:
            yield f"tasks.{task}.status"
            yield from (f"tasks.{task}.{_OUTPUT}{output}" for output in self._outputs(task))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _sees(self, task: str) -> bool:
        if task not in self._run.ends:
            return False
        if self._dependencies is None or task in self._dependencies.tasks:
            return True
        return task in ancestors(self._name, self._run.dependencies)

    def _outputs(self, task: str) -> Values:
        given = self._run.given.get(task)
        if given is None and not self._run.ends[task].phase.completed:
            return self._left_out(self._run.tasks[task].template)
        return given or {}


def _holds(task: Task) -> bool:
    try:
        return not task.when or condition_holds(task.when)
    except BadExpression as error:
        raise Unresolvable(f"Invalid 'when' expression: {error}") from None


def _with_absent(raw: Mapping[str, Any], scope: Values) -> Mapping[str, Any]:
    """The JSON of a task in which each argument that is all an output without a value is marked as not passed."""
    parameters = raw.get("arguments", {}).get("parameters", [])
    marked = [{**each, "value": _ABSENT} if _is_absent(each.get("value"), scope) else each for each in parameters]
    if marked == parameters:
        return raw
    return {**raw, "arguments": {**raw["arguments"], "parameters": marked}}


def _is_absent(value: object, scope: Values) -> bool:
    if not isinstance(value, str) or not value.startswith("{{") or not value.endswith("}}"):
        return False
    tag = value[2:-2].strip()
    return "{{" not in tag and "}}" not in tag and tag in scope and scope[tag] is None


def _dag_output(output: Output, scope: _Scope) -> str:
    try:
        if output.expression:
            value = compiled(output.expression)(nested(scope))
        else:
            value = scope.get(output.parameter.strip("{} "))
    except BadExpression:
        if output.default is None:
            raise
        value = None
    if value is None:
        value = output.default
    if value is None:
        raise Unresolvable(f"the output `{output.name}` has no value, and no default")
    return value if isinstance(value, str) else str(value)
