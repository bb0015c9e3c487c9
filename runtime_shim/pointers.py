"""Who comes before a task that may have one of several parents: each parent names itself, the reader checks it.

A step after the arms of a switch, a loop's header, a step after a loop, and a join whose branch may end in several
steps cannot tell from the plan alone who ended last.  The task that goes there leaves a pointer,
``_from/<successor>/<its task id>``, with ``@<slot>`` for the slot of a join; a pointer counts only if the task it names
is done and its record names the reader, so one that a killed attempt left is not believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from penstock.runtime_shim.datastore.protocol import Missing
from penstock.runtime_shim.failures import EXIT_RETRY_ALLOWED, Failure, InvalidName
from penstock.runtime_shim.paths import Path, checked_name
from penstock.runtime_shim.plan import EACH
from penstock.runtime_shim.records import pointer_key
from penstock.runtime_shim.turns import full_path, is_header, successor_path

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import FinishedTask, TaskStore
    from penstock.runtime_shim.plan import Plan, PlannedStep


class NoParent(Failure):
    """No finished task has said that it goes to the one that is to run."""

    code = "R134"
    exit_code = EXIT_RETRY_ALLOWED


def pointers_of(plan: Plan, step: PlannedStep, path: Path, successors: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Where a task of ``step`` at the full ``path`` names itself: ``(successor, its task id)``."""
    if step.kind == "foreach":
        return  # the plan tells who opened a body, and an empty foreach
    after = successor_path(plan, step, successors, path)
    for name in successors:
        target = plan[name]
        task = full_path(target, after).task_id
        if target.is_join:
            number, slot = _slot(target, step, path)
            if is_open(plan, target, slot):
                yield name, f"{task}@{number}"
        elif has_pointer(plan, target):
            yield name, task


def has_pointer(plan: Plan, step: PlannedStep) -> bool:
    """Whether the parent of a task of ``step``, no join, can be told by a pointer only."""
    if step.merges or len(step.parents) > 1 or is_header(step):
        return True
    parent = plan[step.parents[0]] if step.parents else None
    return parent is not None and parent.kind != "foreach" and parent.nest != step.nest


def slots_of(step: PlannedStep) -> tuple[tuple[str, ...], ...]:
    """The steps that may end each branch of a join."""
    return step.slots or tuple((parent,) for parent in step.parents)


def is_open(plan: Plan, join: PlannedStep, slot: Sequence[str]) -> bool:
    """Whether the plan leaves open which task ends a branch: one of several steps, or one turn of a loop."""
    inside = (*join.nest, f"{EACH}{join.opener}") if join.closes == "foreach" else join.nest
    return len(slot) > 1 or plan[slot[0]].nest != inside


def named_parents(
    tasks: TaskStore, reader: PlannedStep, run: str, path: Path, slots: Sequence[int] | None = None
) -> list[tuple[str, str]]:
    """The ``(step, task id)`` that the pointers of the task of ``reader`` at ``path`` name, one for each of ``slots``.

    Raises NoParent where one is missing.
    """
    names = [path.task_id] if slots is None else [f"{path.task_id}@{slot}" for slot in slots]
    keys = [pointer_key(tasks.flow, run, reader.name, name) for name in names]
    try:
        return [_named(data.decode("utf-8", "replace"), key) for key, data in tasks.store.get_many(keys)]
    except Missing as error:
        raise NoParent(
            f"no task has ended that goes to {tasks.flow}/{run}/{reader.name}/{path.task_id}",
            help=f"{_parents(reader)} must have ended first; {tasks.store.location(str(error.args[0]))} is missing",
        ) from None


def demand_names(plan: Plan, parents: Sequence[FinishedTask], reader: PlannedStep, path: Path) -> None:
    """Raise NoParent unless each of ``parents`` went to the task of ``reader`` at ``path``."""
    for parent in parents:
        record = parent.record
        goes = record is not None and reader.name in record.next
        if record is None or not goes or full_path(reader, record.path) != path:
            raise NoParent(
                f"{parent} did not go to {reader.name}/{path.task_id}, although a pointer says so",
                help="the pointer is one of an attempt that was killed: run the tasks before this one again",
            )


def _slot(join: PlannedStep, step: PlannedStep, path: Path) -> tuple[int, tuple[str, ...]]:
    slots = slots_of(join)
    if join.closes == "foreach":
        return path.frames[len(join.nest)].number, slots[0]
    return next((number, slot) for number, slot in enumerate(slots) if step.name in slot)


def _named(text: str, key: str) -> tuple[str, str]:
    step, _, task = text.partition("/")
    try:
        return checked_name(step, "step"), checked_name(task, "task id")
    except InvalidName as error:
        raise NoParent(f"the pointer {key} names no task: {error.message}") from None


def _parents(step: PlannedStep) -> str:
    return " or ".join(f"`{name}`" for name in step.parents)
