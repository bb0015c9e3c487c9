"""What a task waits for, and how a DAG ends: Argo's ``depends``, and the phases that skipped tasks hand on.

From ``workflow/common/ancestry.go`` and ``workflow/controller/dag.go``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from penstock.backends.argo.rehearsal.document import Task
from penstock.backends.argo.rehearsal.expressions import truth


class Phase(Enum):
    """How a node ended.  ``OMITTED``: what it depends on did not end as it must; ``SKIPPED``: its ``when`` was false,
    or it had no item.
    """

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    SKIPPED = "Skipped"
    OMITTED = "Omitted"

    @property
    def completed(self) -> bool:
        """Whether the node ran."""
        return self not in (Phase.SKIPPED, Phase.OMITTED)

    @property
    def unsuccessful(self) -> bool:
        """Whether it failed, in either way."""
        return self in (Phase.FAILED, Phase.ERROR)


class TaskEnd(NamedTuple):
    """How a task ended: ``items`` are the phases of its items, None for one that has none."""

    phase: Phase
    items: tuple[Phase, ...] | None = None


RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
_OF_ITEMS = ("AnySucceeded", "AllFailed")
_NAME = r"[a-zA-Z0-9][-a-zA-Z0-9]*?"
_WITH_RESULT = re.compile(rf"(?P<task>{_NAME})\.(?P<result>[A-Z][a-zA-Z]+)|(?P<alone>[a-zA-Z0-9][-a-zA-Z0-9]*)")


class Dependencies(NamedTuple):
    """``tasks`` are those that must be over, ``logic`` is the condition then, empty for none; ``of_items`` are those of
    which it asks what only a task with items has.
    """

    tasks: tuple[str, ...]
    logic: str
    of_items: frozenset[str] = frozenset()


def dependencies_of(task: Task, others: Mapping[str, Task]) -> Dependencies:
    """What ``task`` depends on; a name alone, and each of ``dependencies``, stands for success or being skipped.

    Names that are no tasks are among the result: who checks the document refuses them.
    """
    if not task.depends:
        return Dependencies(task.dependencies, " && ".join(_expanded(name, others) for name in task.dependencies))
    found: dict[str, None] = {}
    of_items: set[str] = set()
    parts, place = [], 0
    for match in _WITH_RESULT.finditer(task.depends):
        name = match["task"] or match["alone"]
        found[name] = None
        if match["result"] in _OF_ITEMS:
            of_items.add(name)
        parts += [task.depends[place : match.start()], _expanded(name, others) if match["alone"] else match[0]]
        place = match.end()
    return Dependencies(tuple(found), "".join([*parts, task.depends[place:]]), frozenset(of_items))


def unknown_results(task: Task) -> list[str]:
    """What ``depends`` asks of tasks that Argo has no such result of."""
    results = (match["result"] for match in _WITH_RESULT.finditer(task.depends))
    return [result for result in results if result and result not in RESULTS]


def _expanded(name: str, others: Mapping[str, Task]) -> str:
    results = ["Succeeded", "Skipped", "Daemoned"]
    other = others.get(name)
    if other is not None:
        results += ["Errored"] * other.continue_on.error + ["Failed"] * other.continue_on.failed
    return f"({' || '.join(f'{name}.{result}' for result in results)})"


def may_run(dependencies: Dependencies, ends: Mapping[str, TaskEnd]) -> bool:
    """Whether a task runs, all that it depends on being over.

    Raises BadExpression.
    """
    if not dependencies.logic:
        return True
    scope = {name.replace("-", "_"): _results(ends[name]) for name in dependencies.tasks}
    return truth(dependencies.logic.replace("-", "_"), scope)


def _results(end: TaskEnd) -> dict[str, bool]:
    items = end.items or ()
    return {
        "Succeeded": end.phase is Phase.SUCCEEDED,
        "Failed": end.phase is Phase.FAILED,
        "Errored": end.phase is Phase.ERROR,
        "Skipped": end.phase is Phase.SKIPPED,
        "Omitted": end.phase is Phase.OMITTED,
        "Daemoned": False,
        "AnySucceeded": Phase.SUCCEEDED in items,
        "AllFailed": bool(items) and all(phase is Phase.FAILED for phase in items),
    }


def ancestors(name: str, dependencies: Mapping[str, Dependencies]) -> set[str]:
    """Everything that a task depends on, directly or not: whose outputs it may read."""
    found: set[str] = set()
    pending = list(dependencies[name].tasks)
    while pending:
        other = pending.pop()
        if other not in found:
            found.add(other)
            pending += dependencies[other].tasks
    return found


def dag_phase(
    tasks: Mapping[str, Task],
    dependencies: Mapping[str, Dependencies],
    ends: Mapping[str, TaskEnd],
    order: Sequence[str],
) -> Phase:
    """How a DAG ended, from those of its tasks that none depends on; ``order`` has what a task depends on before it.

    One of them that did not run has the phases of what it depends on.
    """
    handed: dict[str, frozenset[Phase]] = {}
    for name in order:
        own = ends[name].phase
        before = (handed[other] for other in dependencies[name].tasks)
        handed[name] = frozenset([own]) if own.completed else frozenset().union(*before) or frozenset([Phase.SUCCEEDED])
    for name in sorted(_last(tasks, dependencies.values())):
        for phase in sorted(handed[name] - {Phase.SUCCEEDED}, key=lambda each: each.value):
            goes_on = tasks[name].continue_on
            if not (goes_on.failed if phase is Phase.FAILED else goes_on.error):
                return phase
    return Phase.SUCCEEDED


def _last(tasks: Collection[str], dependencies: Iterable[Dependencies]) -> set[str]:
    """The tasks that none depends on."""
    return set(tasks) - {name for each in dependencies for name in each.tasks}
