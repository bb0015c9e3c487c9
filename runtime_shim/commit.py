"""Storing what a task leaves behind: its artifacts and its record, or the account of its failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.datastore.protocol import StorageFailure
from penstock.runtime_shim.event_budget import demand_room
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.flowspec import assigned
from penstock.runtime_shim.pointers import pointers_of
from penstock.runtime_shim.records import Record
from penstock.runtime_shim.scope import ITEMS, STACK
from penstock.runtime_shim.turn_budget import demand_depth
from penstock.runtime_shim.turns import successor_path

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import AttemptWriter
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.place import Place
    from penstock.runtime_shim.plan import Plan, PlannedStep
    from penstock.runtime_shim.scope import Scope
    from penstock.runtime_shim.transitions import Taken

_UNCHANGEABLE = (type(None), bool, int, float, complex, str, bytes)


class Ending(NamedTuple):
    """A task that is about to end: what it is, where it stands, what it started with, and where it is stored."""

    flow_class: type[FlowSpec]
    plan: Plan
    planned: PlannedStep
    run: str
    place: Place
    scope: Scope
    writer: AttemptWriter


def commit_success(flow: FlowSpec, ending: Ending, taken: Taken, caught_in: str | None = None) -> None:
    """Store the artifacts of a step that ended, its record, and the mark that makes both count.

    ``caught_in`` is the artifact that would hold a caught exception: None now.

    Raises OverEventBudget, TooManyTurns, the failures of artifacts that can't be pickled, storage failures.
    """
    if caught_in is not None:
        vars(flow)[caught_in] = None
    demand_room(ending, taken)
    demand_depth(ending, taken)
    private = _private(ending, True, taken)
    if taken.items is not None:
        private[ITEMS] = taken.items
    _save(flow, ending, private)
    _commit(ending, taken)


def commit_caught(flow: FlowSpec, ending: Ending, error: BaseException, taken: Taken, var: str | None) -> None:
    """Store what a failed step had assigned and let the run go on: the task counts as done, not as successful.

    Its exception goes into the artifact ``var``, where that is not None.  Raises storage failures.
    """
    exception = _wrapped(error)
    private = _private(ending, False, taken) | {"_task_ok": True, "_catch_exception": exception}
    if var is not None:
        vars(flow)[var] = exception
    try:
        _save(flow, ending, private)
    except StorageFailure:
        raise
    except Failure:  # something it had assigned can't be stored: the run goes on without any of it
        ending.writer.save(private | ({} if var is None else {var: exception}))
    _commit(ending, taken)


def commit_failure(flow: FlowSpec, ending: Ending, error: BaseException) -> None:
    """Store what a failed step had assigned, and its exception, for people to look at: no reader takes it for a result.

    Artifacts that can't be stored are left out; what can't be stored at all is left unsaid, since the step has failed
    anyway.
    """
    private = _private(ending, False, None) | {"_exception": _wrapped(error)}
    try:
        try:
            _save(flow, ending, private)
        except Failure:
            ending.writer.save(private)
        ending.writer.commit_failed()
    except Failure:
        return


def _wrapped(error: BaseException) -> Exception:
    from penstock.runtime_shim.reporting import user_traceback
    from penstock.runtime_shim.wrapped_exceptions import MetaflowExceptionWrapper

    try:
        return MetaflowExceptionWrapper(error, user_traceback(error))
    except Exception:  # the message is made by the user's __str__
        return MetaflowExceptionWrapper(RuntimeError(f"{type(error).__name__}, whose message can't be made"))


def _private(ending: Ending, success: bool, taken: Taken | None) -> dict[str, object]:
    return {
        "_exception": None,
        "_foreach_num_splits": taken.splits if taken else None,
        "_foreach_var": taken.over if taken else None,
        "_success": success,
        "_task_ok": success,
        "_transition": (list(taken.next), taken.over) if taken and taken.next else None,
        "name": ending.scope.flow,
    }


def _commit(ending: Ending, taken: Taken) -> None:
    plan, planned, place = ending.plan, ending.planned, ending.place
    ending.writer.commit(
        Record(
            run=ending.run,
            path=successor_path(plan, planned, taken.next, place.path),
            next=taken.next,
            splits=taken.splits,
            parents=tuple(f"{parent.step}/{parent.task}" for parent in place.parents),
        ),
        pointers_of(plan, planned, place.path, taken.next),
    )


def _save(flow: FlowSpec, ending: Ending, private: dict[str, object]) -> None:
    scope, writer = ending.scope, ending.writer
    carried = scope.artifacts.stored()
    if STACK not in carried or scope.frames_are_new:
        private[STACK] = scope.frames
    writer.inherit(carried)
    writer.save({**_changed(flow, scope), **private})


def _changed(flow: FlowSpec, scope: Scope) -> dict[str, object]:
    """What was assigned in this task, and what was read and may have been changed in place, as in Metaflow."""
    return {
        name: value
        for name, value in assigned(flow).items()
        if not (isinstance(value, _UNCHANGEABLE) and name in scope.loaded and value is scope.loaded[name])
    }
