"""The templates of a program that are graphs of tasks, before they are written: what each task uses, waits for and is
given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.backends.argo.leaves import STEP, Kind, Leaves
from penstock.backends.argo.names import BODY, task_keys
from penstock.compiler.dags import CHOICE, FOREACH, LOOP, ROOT, TURN, Dag, Dags, Named
from penstock.compiler.dags import STEP as A_STEP
from penstock.compiler.steps import Foreach
from penstock.runtime_shim.argo_names import NEXT, PATH, SPLITS
from penstock.runtime_shim.initialize import START

if TYPE_CHECKING:
    from penstock.backends.argo.settings import ArgoSettings
    from penstock.compiler.program import Program

MAIN = "main"
"""The template that a workflow begins with."""


@dataclass(frozen=True, slots=True)
class Task:
    """``template`` is what it uses, by name, ``after`` the tasks that it waits for.

    ``given`` are its arguments; ``more`` are other fields of it.  ``turn`` is the loop, by its header, of which it is
    the next turn.  ``reads`` is the task whose outputs it is given: the two are never parted.
    """

    name: str
    template: str
    after: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    turn: str | None = None
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A template of ``tasks``, in an order in which they can run, with its ``inputs``; ``parallelism`` is how many run
    at once, None for any number.
    """

    name: str
    tasks: tuple[Task, ...]
    inputs: tuple[str, ...] = ()
    parallelism: int | None = None


class Graphs:
    """The graphs of a program, ``all`` of them by name, the main one first; ``loops`` are templates of loops by
    header.
    """

    def __init__(self, program: Program, settings: ArgoSettings) -> None:
        self.leaves = Leaves(program.name, settings)
        self.all: dict[str, Graph] = {}
        self.loops: dict[str, str] = {}
        self._program = program
        self._settings = settings
        self._dags = Dags(program)
        self._keys = task_keys(self._named())
        self._steps = {name: self._leaf(name) for name in program.graph.steps}
        for named, dag in self._dags.all.items():
            if self._only_step(named) is None:
                self._add(self._graph(named, dag))
            if named[0] == FOREACH:
                self._add(self._foreach(named))
            elif named[0] == LOOP:
                self.loops[named[1]] = self._keys[named]

    def _named(self) -> Iterator[Named]:
        yield from self._dags.named()
        yield from ((BODY, step) for kind, step in self._dags.all if kind == FOREACH)

    def _add(self, graph: Graph) -> None:
        self.all[graph.name] = graph

    def _leaf(self, name: str) -> str:
        step = self._program.graph[name]
        arms = self._dags.arms.get(name)
        turns = name in self._dags.turns or (
            arms is not None and any(kind == LOOP for kind, _ in arms.pipelines.values())
        )
        kind = Kind(
            start=name == START and bool(self._program.graph.parameters),
            opener=isinstance(step.transition, Foreach),
            switch=arms is not None,
            turn=turns,
        )
        return self.leaves.name_of(step, kind)

    def _only_step(self, named: Named) -> str | None:
        """The step that is all of a pipeline, whose template is used without one around it."""
        tasks = self._dags.all[named].tasks
        if named == ROOT or len(tasks) != 1:
            return None
        kind, step = next(iter(tasks))
        return step if kind == A_STEP else None

    def _template_of(self, named: Named) -> str:
        kind, step = named
        if named == ROOT:
            return MAIN
        return self._keys[(BODY, step) if kind == FOREACH else named]

    def _use(self, key: str, named: Named, path: str, **more: Any) -> Task:
        """A task that stands for a pipeline."""
        step = self._only_step(named)
        given = _path(path)
        if step is not None:
            return Task(key, self._steps[step], given={STEP: step, **given}, **more)
        return Task(key, self._template_of(named), given=given, **more)

    def _graph(self, named: Named, dag: Dag) -> Graph:
        path = "" if named == ROOT else _input(PATH)
        needed = {before for after in dag.tasks.values() for before in after}
        tasks: list[Task] = []
        for each, after in dag.tasks.items():
            if each[0] == CHOICE and each not in needed:
                tasks += self._arms(each[1], self._keys[A_STEP, each[1]])
            else:
                tasks.append(self._task(each, path, tuple(sorted(self._keys[before] for before in after))))
        return Graph(self._template_of(named), _in_order(tasks), () if named == ROOT else (PATH,))

    def _task(self, named: Named, path: str, after: tuple[str, ...]) -> Task:
        kind, step = named
        key = self._keys[named]
        before = self._keys.get((A_STEP, step), "")
        if kind == FOREACH:
            given = {SPLITS: _output(before, SPLITS), **_path(path)}
            return Task(key, key, after, given, reads=before)
        if kind == CHOICE:
            self._add(self._choice(step))
            return Task(key, key, after, {name: _output(before, name) for name in (NEXT, PATH)}, reads=before)
        if kind == TURN:
            loop = self._dags.turns[step]
            return self._use(key, loop, _output(before, PATH), after=after, turn=loop[1], reads=before)
        if kind == LOOP:
            return self._use(key, named, path, after=after)
        return Task(key, self._steps[step], after, {STEP: step, **_path(path)})

    def _foreach(self, named: Named) -> Graph:
        """The template around the tasks of all splits: what follows waits for it, also where there are none."""
        step = self._only_step(named)
        key = self._template_of(named) if step is None else self._keys[A_STEP, step]
        sequence = {"withSequence": {"count": _input(SPLITS)}}
        task = self._use(key, named, _input(PATH) + "/{{item}}", more=sequence)
        return Graph(self._keys[named], (task,), (SPLITS, PATH), self._settings.max_workers)

    def _choice(self, switch: str) -> Graph:
        """A template around the arms of a switch: what follows waits for it, whichever of them ran."""
        return Graph(self._keys[CHOICE, switch], tuple(self._arms(switch)), (NEXT, PATH))

    def _arms(self, switch: str, read: str | None = None) -> Iterator[Task]:
        """The arms of a switch, as tasks of a template of their own, or of the one where the task ``read`` is."""
        source = _input if read is None else lambda name: _output(read, name)
        for target, named in self._dags.arms[switch].pipelines.items():
            yield self._use(
                self._keys[named],
                named,
                source(PATH),
                after=() if read is None else (read,),
                more={"when": f"'{source(NEXT)}' == '{target}'"},
                turn=named[1] if named[0] == LOOP else None,
                reads=read,
            )


def _path(path: str) -> dict[str, str]:
    """The argument of a path; at the root it is what the template says itself."""
    return {PATH: path} if path else {}


def _input(name: str) -> str:
    return "{{inputs.parameters." + name + "}}"


def _output(task: str, name: str) -> str:
    return "{{tasks." + task + ".outputs.parameters." + name + "}}"


def _in_order(tasks: list[Task]) -> tuple[Task, ...]:
    """The tasks so that each stands after those that it waits for, otherwise as they were."""
    by_name = {task.name: task for task in tasks}
    placed: dict[str, None] = {}
    for first in tasks:
        stack = [first.name]
        while stack:
            name = stack[-1]
            missing = [each for each in by_name[name].after if each not in placed]
            if missing:
                stack += reversed(missing)
            else:
                placed.setdefault(stack.pop())
    return tuple(by_name[name] for name in placed)
