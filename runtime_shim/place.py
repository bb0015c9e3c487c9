"""Where a task stands and who its parents are: from the plan and its path, or from the input paths it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.frames import frames_of
from penstock.runtime_shim.paths import Frame, Path, PathSpec
from penstock.runtime_shim.scope import STACK

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import FinishedTask, TaskStore
    from penstock.runtime_shim.plan import Plan, PlannedStep

PARAMETERS = "_parameters"
"""The step of the task that `init` makes."""


class WrongPlace(Failure):
    """A path, index or parent that the plan does not allow for this step."""

    code = "R126"


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
    if step.is_join or not step.parents:
        return None
    parent = plan[step.parents[0]]
    return parent.name if parent.kind == "foreach" else None


def successor_path(plan: Plan, successors: Sequence[str], path: Path) -> Path:
    """Where the tasks after one at ``path`` stand: a foreach's join outside it, all others where it stands itself.

    The splits of a foreach stand below; the scheduler appends them.
    """
    closes = bool(successors) and plan[successors[0]].closes == "foreach"
    return path.outer if closes else path


def by_path(tasks: TaskStore, plan: Plan, step: PlannedStep, run: str, path: Path) -> Place:
    """The place of the task of ``step`` at ``path``; its parents are opened, many at once.

    Raises WrongPlace, IndexBeyondSplits, and what opening an unfinished or missing parent raises.
    """
    splits = sum(not frame.turn for frame in path.frames)
    if splits != len(step.stack):
        raise WrongPlace(
            f"`{path}` can't be the path of step `{step.name}`: it has {splits} splits, and the step is inside"
            f" {len(step.stack)} foreach"
        )
    task = path.task_id
    if not step.parents:
        return Place(path, task, [tasks.finished(run, PARAMETERS, Path().task_id)])
    if step.closes == "foreach":
        opener = tasks.finished(run, _opener(step), task)
        count = splits_of(opener)
        branches = [(step.parents[0], path.split(index).task_id) for index in range(count)]
        return Place(path, task, tasks.finished_many(run, branches), opener)
    if step.closes == "split":
        return Place(path, task, tasks.finished_many(run, [(parent, task) for parent in step.parents]))
    if opens_body(plan, step) is None:
        return Place(path, task, [tasks.finished(run, step.parents[0], task)])
    opener = tasks.finished(run, step.parents[0], path.outer.task_id)
    index = path.frames[-1].number
    return Place(path, task, [opener], opener, _within(opener, index))


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
    expected = step.parents or (PARAMETERS,)
    for parent in parents:
        if parent.step not in expected:
            follows = ", ".join(f"`{name}`" for name in expected)
            raise WrongPlace(f"step `{step.name}` does not follow `{parent.step}`; it follows {follows}")
    if step.is_join:
        return _join_by_inputs(step, task, parents)
    if len(parents) != 1:
        raise WrongPlace(f"step `{step.name}` is no join and has one parent, but got {len(parents)} input paths")
    if opens_body(plan, step) is None:
        return Place(path_of(first), task, parents)
    if index is None:
        raise WrongPlace(f"step `{step.name}` is the first of a foreach: give --split-index")
    return Place(path_of(first).split(_within(first, index)), task, parents, first, index)


def _join_by_inputs(step: PlannedStep, task: str, parents: list[FinishedTask]) -> Place:
    paths = [path_of(parent) for parent in parents]
    if step.closes == "split":
        missing = [name for name in step.parents if name not in {parent.step for parent in parents}]
        if missing or len(parents) != len(step.parents):
            raise WrongPlace(
                f"join `{step.name}` needs one input of each of {', '.join(f'`{name}`' for name in step.parents)},"
                f" but got {', '.join(f'{parent.step}/{parent.task}' for parent in parents)}"
            )
        outer = paths
    else:
        count = frames_of(parents[0].load(STACK))[-1].num_splits
        if len(set(paths)) != count or len(parents) != count:
            got = f"{len(parents)} of {len(set(paths))} splits"
            raise WrongPlace(f"join `{step.name}` needs {count} inputs, one of each split, but got {got}")
        outer = [path.outer for path in paths]
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
