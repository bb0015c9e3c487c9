"""`step --clone-only`: a task that takes over another's artifacts instead of running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.runtime_shim.place import WrongPlace, path_of, splits_of
from penstock.runtime_shim.records import Record

if TYPE_CHECKING:
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
    path = path_of(origin) if command.path is None else command.path
    writer = session.tasks.begin(command.run, planned.name, command.task, path=path)
    if writer.already_done is not None:
        writer.rewrite()
        return 0
    writer.inherit(origin.objects)
    writer.commit(
        Record(
            run=command.run,
            path=path,
            next=planned.next,
            splits=splits_of(origin) if planned.kind == "foreach" else None,
            parents=origin.record.parents if origin.record else (),
        )
    )
    return 0
