"""Where a task stands and who its parents are: from the plan and its path, or from the input paths it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.frames import frames_of
from penstock.runtime_shim.paths import Frame, Path, PathSpec
from penstock.runtime_shim.plan import EACH
from penstock.runtime_shim.pointers import demand_names, has_pointer, is_open, named_parents, slots_of
from penstock.runtime_shim.scope import STACK
from penstock.runtime_shim.turns import WrongPlace, full_path, successor_path, turns_back

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import FinishedTask, TaskStore
    from penstock.runtime_shim.plan import Plan, PlannedStep

PARAMETERS = "_parameters"
"""The step of the task that `init` makes."""


class IndexBeyondSplits(Failure):
    """A task of a foreach's body with an index that its opener did not open."""

    code = "R127"


class Place(NamedTuple):
    """``parents`` are in the order of ``inputs``; ``opener`` is set for the first step of a foreach's body (then it is
    the parent) and for a foreach's join where it is known; ``split`` is the number of the split, for the first step of
    a body.
    """

    path: Path
    task: str
    parents: list[FinishedTask]
    opener: FinishedTask | None = None
    split: int | None = None


def opens_body(plan: Plan, step: PlannedStep) -> str | None:
    """The foreach opener whose body begins with ``step``, None where the step is in the middle of something."""
    if step.is_join:
        return None
    return next((parent for parent in step.parents if plan[parent].kind == "foreach"), None)


def by_path(tasks: TaskStore, plan: Plan, step: PlannedStep, run: str, path: Path) -> Place:
    """The place of the task of ``step`` at ``path``, which may lack first turns; its parents are opened, many at once.

    Raises WrongPlace, IndexBeyondSplits, NoParent, and what opening an unfinished or missing parent raises.
    """
    path = full_path(step, path)
    if step.is_join:
        return _join_by_path(tasks, plan, step, run, path)
    if is_first(plan, step, path):
        return Place(path, path.task_id, [tasks.finished(run, PARAMETERS, Path().task_id)])
    opener = opens_body(plan, step)
    if opener is not None and not turns_back(step, path):
        depth = step.nest.index(f"{EACH}{opener}")
        opened = tasks.finished(run, opener, Path(path.frames[:depth]).task_id)
        return Place(path, path.task_id, [opened], opened, _within(opened, path.frames[depth].number))
    if not has_pointer(plan, step):
        return Place(path, path.task_id, [tasks.finished(run, step.parents[0], path.task_id)])
    parents = tasks.finished_many(run, named_parents(tasks, step, run, path))
    demand_names(plan, parents, step, path)
    return Place(path, path.task_id, parents)


def is_first(plan: Plan, step: PlannedStep, path: Path) -> bool:
    """Whether the task of ``step`` at the full ``path`` is the one that a run begins with."""
    return step.name == plan.names[0] and not any(frame.number for frame in path.frames)


def _join_by_path(tasks: TaskStore, plan: Plan, step: PlannedStep, run: str, path: Path) -> Place:
    task, slots = path.task_id, slots_of(step)
    if step.closes == "foreach":
        opener = tasks.finished(run, _opener(step), task)
        indexes = range(splits_of(opener))
        if is_open(plan, step, slots[0]):
            parents = tasks.finished_many(run, named_parents(tasks, step, run, path, indexes))
            demand_names(plan, parents, step, path)
        else:
            parents = tasks.finished_many(run, [(slots[0][0], path.split(index).task_id) for index in indexes])
        return Place(path, task, parents, opener)
    unclear = [number for number, slot in enumerate(slots) if is_open(plan, step, slot)]
    named = dict(zip(unclear, named_parents(tasks, step, run, path, unclear), strict=True)) if unclear else {}
    parents = tasks.finished_many(run, [named.get(number, (slot[0], task)) for number, slot in enumerate(slots)])
    demand_names(plan, [parents[number] for number in unclear], step, path)
    return Place(path, task, parents)


def by_inputs(
    tasks: TaskStore, plan: Plan, step: PlannedStep, run: str, task: str, inputs: Sequence[PathSpec], index: int | None
) -> Place:
    """The place of the task ``task`` of ``step`` whose parents are ``inputs``; its path follows from theirs.

    Raises as :func:`by_path` does.
    """
    for spec in inputs:
        if spec.run != run:
            raise WrongPlace(f"the input path {spec} belongs to run {spec.run!r}, and the task to run {run!r}")
    parents = tasks.finished_many(run, [(str(spec.step), str(spec.task)) for spec in inputs])
    first = parents[0]
    if step.closes == "foreach" and first.step == step.opener and splits_of(first) == 0:
        return Place(path_of(first), task, [], first)
    expected = (*step.parents, PARAMETERS) if step.name == plan.names[0] else step.parents
    for parent in parents:
        if parent.step not in expected:
            follows = ", ".join(f"`{name}`" for name in expected)
            raise WrongPlace(f"step `{step.name}` does not follow `{parent.step}`; it follows {follows}")
    if step.is_join:
        return _join_by_inputs(step, task, parents)
    if len(parents) != 1:
        raise WrongPlace(f"step `{step.name}` is no join and has one parent, but got {len(parents)} input paths")
    if first.step == PARAMETERS:
        return Place(full_path(step, Path()), task, parents)
    if first.step != opens_body(plan, step):
        before = plan[first.step]
        after = successor_path(plan, before, [step.name], full_path(before, path_of(first)))
        return Place(full_path(step, after), task, parents)
    if index is None:
        raise WrongPlace(f"step `{step.name}` is the first of a foreach: give --split-index")
    path = full_path(step, path_of(first).split(_within(first, index)))
    return Place(path, task, parents, first, index)


def _join_by_inputs(step: PlannedStep, task: str, parents: list[FinishedTask]) -> Place:
    depth = len(step.nest)
    paths = [path_of(parent) for parent in parents]
    if step.closes == "split":
        slots = slots_of(step)
        filled = {number for number, slot in enumerate(slots) for parent in parents if parent.step in slot}
        if len(filled) != len(slots) or len(parents) != len(slots):
            wanted = ", ".join(" or ".join(f"`{name}`" for name in slot) for slot in slots)
            raise WrongPlace(
                f"join `{step.name}` needs one input of each of {wanted},"
                f" but got {', '.join(f'{parent.step}/{parent.task}' for parent in parents)}"
            )
    else:
        count = frames_of(parents[0].load(STACK))[-1].num_splits
        splits = {path.frames[: depth + 1] for path in paths}
        if len(splits) != count or len(parents) != count:
            got = f"{len(parents)} of {len(splits)} splits"
            raise WrongPlace(f"join `{step.name}` needs {count} inputs, one of each split, but got {got}")
    outer = [Path(path.frames[:depth]) for path in paths]
    if len(set(outer)) > 1:
        raise WrongPlace(f"the inputs of join `{step.name}` come from different places: {outer[0]!s} and others")
    return Place(outer[0], task, parents)


def path_of(task: FinishedTask) -> Path:
    """Where a finished task stands: as it was stored, or for a task of Metaflow's by its foreach stack."""
    if task.path is not None:
        return task.path
    stack = frames_of(task.load(STACK)) if STACK in task.objects else []
    return Path(tuple(Frame(frame.index) for frame in stack))


def splits_of(opener: FinishedTask) -> int:
    """How many splits a foreach opener opened: by its record, or for a task of Metaflow's by its artifact.

    Raises WrongPlace where the task opened no foreach.
    """
    count: object = opener.record.splits if opener.record else None
    if count is None and opener.record is None and "_foreach_num_splits" in opener.objects:
        count = opener.load("_foreach_num_splits")
    if not isinstance(count, int):
        raise WrongPlace(f"{opener} opened no foreach")
    return count


def _within(opener: FinishedTask, index: int) -> int:
    count = splits_of(opener)
    if not 0 <= index < count:
        raise IndexBeyondSplits(
            f"there is no split {index}: {opener} opened {count}",
            help="splits count from 0; the opener may have run again with fewer items",
        )
    return index


def _opener(step: PlannedStep) -> str:
    if step.opener is None:
        raise WrongPlace(f"the plan has no opener for the join `{step.name}`: compile the flow again")
    return step.opener
