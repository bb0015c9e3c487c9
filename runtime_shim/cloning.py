"""`step --clone-only`: a task that takes over another's artifacts instead of running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.runtime_shim.place import path_of, splits_of
from penstock.runtime_shim.pointers import pointers_of
from penstock.runtime_shim.records import Record
from penstock.runtime_shim.turns import WrongPlace, full_path, successor_path

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import FinishedTask
    from penstock.runtime_shim.initialize import Session
    from penstock.runtime_shim.plan import Plan, PlannedStep
    from penstock.runtime_shim.runner import StepCommand


def clone(session: Session, plan: Plan, planned: PlannedStep, command: StepCommand) -> int:
    """Commit the artifacts of the task ``command.clone_only`` as those of this one; returns the exit code.

    Its record is the origin's with this run's id.  Raises WrongPlace where the origin is a task of another step, and
    what opening an unfinished or missing task raises.
    """
    spec = command.clone_only
    if spec is None or spec.step != planned.name:
        raise WrongPlace(f"a task of step `{planned.name}` can't be a clone of {spec}: it is another step's")
    origin = session.tasks.finished(spec.run, planned.name, str(spec.task))
    path = full_path(planned, path_of(origin) if command.path is None else command.path)
    task = command.task if command.path is None else path.task_id
    writer = session.tasks.begin(command.run, planned.name, task, path=path, asked=command.path)
    if writer.already_done is not None:
        writer.rewrite()
        return 0
    taken = _taken(planned, origin)
    writer.inherit(origin.objects)
    writer.commit(
        Record(
            run=command.run,
            path=successor_path(plan, planned, taken, path),
            next=taken,
            splits=splits_of(origin) if planned.kind == "foreach" else None,
            parents=origin.record.parents if origin.record else (),
        ),
        pointers_of(plan, planned, path, taken),
    )
    return 0


def _taken(planned: PlannedStep, origin: FinishedTask) -> tuple[str, ...]:
    """Where the origin went: by its record, or for a switch of Metaflow's by its artifact."""
    if origin.record is not None:
        return origin.record.next
    if planned.kind != "switch":
        return planned.next
    transition = origin.load("_transition")
    return tuple(map(str, transition[0]))
