"""Storing what a task leaves behind: its artifacts and its record, or the account of its failure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.flowspec import assigned
from penstock.runtime_shim.records import Record
from penstock.runtime_shim.scope import ITEMS, STACK

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import AttemptWriter
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.paths import Path
    from penstock.runtime_shim.place import Place
    from penstock.runtime_shim.scope import Scope
    from penstock.runtime_shim.transitions import Taken

EVENTS_ENV = "PENSTOCK_EVENTS_PER_SPLIT"
"""Environment variable of openers on targets with a limited history: the events one split of this foreach costs."""
EVENT_BUDGET = 20_000
"""Events a run may spend in inline foreach: Step Functions ends an execution at 25,000."""
_UNCHANGEABLE = (type(None), bool, int, float, complex, str, bytes)


class OverEventBudget(Failure):
    """A foreach too wide for the history of one execution."""

    code = "R131"


def commit_success(
    flow: FlowSpec, scope: Scope, run: str, place: Place, after: Path, taken: Taken, writer: AttemptWriter
) -> None:
    """Store the artifacts of a step that ended, its record, and the mark that makes both count.

    ``after`` is the path of what comes next.

    Raises OverEventBudget, the failures of artifacts that can't be pickled, storage failures.
    """
    _check_budget(scope, taken)
    private: dict[str, object] = {
        "_exception": None,
        "_foreach_num_splits": taken.splits,
        "_foreach_var": taken.over,
        "_success": True,
        "_task_ok": True,
        "_transition": (list(taken.next), taken.over) if taken.next else None,
        "name": scope.flow,
    }
    if taken.items is not None:
        private[ITEMS] = taken.items
    _save(flow, scope, private, writer)
    writer.commit(
        Record(
            run=run,
            path=after,
            next=taken.next,
            splits=taken.splits,
            parents=tuple(f"{parent.step}/{parent.task}" for parent in place.parents),
        )
    )


def commit_failure(flow: FlowSpec, scope: Scope, error: BaseException, writer: AttemptWriter) -> None:
    """Store what a failed step had assigned, and its exception, for people to look at: no reader takes it for a result.

    Artifacts that can't be stored are left out; what can't be stored at all is left unsaid, since the step has failed
    anyway.
    """
    from penstock.runtime_shim.wrapped_exceptions import MetaflowExceptionWrapper

    try:
        exception = MetaflowExceptionWrapper(error)
    except Exception:  # the message is made by the user's __str__
        exception = MetaflowExceptionWrapper(RuntimeError(f"{type(error).__name__}, whose message can't be made"))
    private: dict[str, object] = {
        "_exception": exception,
        "_foreach_num_splits": None,
        "_foreach_var": None,
        "_success": False,
        "_task_ok": False,
        "_transition": None,
        "name": scope.flow,
    }
    try:
        try:
            _save(flow, scope, private, writer)
        except Failure:
            writer.save(private)
        writer.commit_failed()
    except Failure:
        return


def _save(flow: FlowSpec, scope: Scope, private: dict[str, object], writer: AttemptWriter) -> None:
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


def _check_budget(scope: Scope, taken: Taken) -> None:
    text = os.environ.get(EVENTS_ENV)
    if not text or taken.splits is None:
        return
    events = int(text)
    total = taken.splits * events
    around = ""
    for frame in scope.frames:
        total *= frame.num_splits
        around += f" × {frame.num_splits} of the foreach over `{frame.var}`"
    if total > EVENT_BUDGET:
        raise OverEventBudget(
            f"step `{scope.step}` opens a foreach of {taken.splits} splits{around}, {events} events each:"
            f" {total} events, and one execution has room for {EVENT_BUDGET}",
            help="compile with --distributed-map, or split the work into fewer, larger items",
        )
