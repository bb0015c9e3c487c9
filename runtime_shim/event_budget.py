"""Foreaches and loops on a scheduler whose executions have a limited history: what would pass it is refused in time.

The compiler tells what one split and one turn cost, and what the execution costs without any.  How wide a foreach is
and how often a loop turns is known to the task that opens the one or turns the other.  It notes what that costs beside
what others of the same execution have noted, and counts: first writing, then reading, so that of two tasks that end at
once at least one sees both.
"""

from __future__ import annotations

import os
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.paths import Path
from penstock.runtime_shim.records import events_prefix
from penstock.runtime_shim.turns import successor_path, turns_back

if TYPE_CHECKING:
    from penstock.runtime_shim.commit import Ending
    from penstock.runtime_shim.transitions import Taken

EVENTS_ENV = "PENSTOCK_EVENTS_PER_SPLIT"
"""Environment variable of openers on targets with a limited history: the events one split of this foreach costs; after
a ``+``, what the execution costs at most without any split and with one turn of each loop.
"""
TURN_EVENTS_ENV = "PENSTOCK_EVENTS_PER_TURN"
"""Environment variable of steps that may go back to a loop's header: the same with the events one turn of it costs."""
OWN_HISTORY_ENV = "PENSTOCK_OWN_HISTORY"
"""Environment variable of steps inside a foreach each of whose splits is an execution with a history of its own."""
EVENT_BUDGET = 20_000
"""Events a run may spend: Step Functions ends an execution at 25,000."""
_WHOLE_RUN = "run"
"""The name of the history that is no single split's."""


class OverEventBudget(Failure):
    """A foreach too wide, or a loop too long, for the history of one execution."""

    code = "R131"


class _Spending(NamedTuple):
    """What a task is about to cost: ``each`` is the price of one split or turn, ``counts`` says of what there are how
    many, its own first; ``fixed`` is what the execution costs anyway.
    """

    each: int
    fixed: int
    counts: list[tuple[int, str]]
    opens: bool
    history: str

    @property
    def own(self) -> int:
        """The events of this foreach alone, or of this turn."""
        return self.each * (self.counts[0][0] if self.opens else 1)

    @property
    def text(self) -> str:
        """The first words of a refusal."""
        return "opens" if self.opens else "goes to"

    def advice(self, alone: bool) -> str:
        """What helps, where it is too much ``alone`` or with all the rest.

        A distributed foreach cannot be distributed again, nor are the turns of a loop.
        """
        smaller = (
            "split the work into fewer, larger items" if self.opens else "let the code of one step do several turns"
        )
        distributable = self.history == _WHOLE_RUN and (self.opens or not alone)
        return f"compile with --distributed-map, or {smaller}" if distributable else smaller


def demand_room(ending: Ending, taken: Taken) -> None:
    """Note what the splits or the turn that this task is about to begin cost; nothing where no history is limited.

    Raises OverEventBudget where these alone, with as many in each split around, or all that is noted so far would pass
    the budget; StorageFailure.
    """
    spending = _spending(ending, taken)
    if spending is None:
        return
    step, each = ending.planned.name, spending.each
    total = prod(count for count, _ in spending.counts) * each
    if total > EVENT_BUDGET:
        raise OverEventBudget(
            f"step `{step}` {spending.text} {' × '.join(what for _, what in spending.counts)}, {each} events each:"
            f" {total} events, and one execution has room for {EVENT_BUDGET}",
            help=spending.advice(alone=True),
        )
    others = spending.fixed + _noted(ending, spending)
    if others + spending.own > EVENT_BUDGET:
        raise OverEventBudget(
            f"step `{step}` {spending.text} {spending.counts[0][1]}, {spending.own} events more than the {others} that"
            f" the rest of this execution costs, and one execution has room for {EVENT_BUDGET}",
            help=spending.advice(alone=False),
        )


def _spending(ending: Ending, taken: Taken) -> _Spending | None:
    opens = taken.splits is not None
    text = os.environ.get(EVENTS_ENV if opens else TURN_EVENTS_ENV)
    path = successor_path(ending.plan, ending.planned, taken.next, ending.place.path)
    if not text or not (opens or any(turns_back(ending.plan[name], path) for name in taken.next)):
        return None
    frames, around, history = path.frames, ending.scope.frames, _WHOLE_RUN
    if os.environ.get(OWN_HISTORY_ENV):  # what is outside of the outermost foreach is another execution's
        outermost = next((place for place, frame in enumerate(frames) if not frame.turn), len(frames))
        history = f"{ending.planned.stack[0]}@{Path(frames[: outermost + 1]).task_id}"
        frames, around = frames[outermost + 1 :], around[1:]
    counts = [(taken.splits, f"a foreach of {taken.splits} splits")] if taken.splits is not None else []
    counts += [(frame.number + 1, f"turn {frame.number + 1} of a loop") for frame in reversed(frames) if frame.turn]
    counts += [(frame.num_splits, f"{frame.num_splits} of the foreach over `{frame.var}`") for frame in around]
    each, _, fixed = text.partition("+")
    return _Spending(int(each), int(fixed or 0), counts, opens, history)


def _noted(ending: Ending, spending: _Spending) -> int:
    """Note ``spending``; the events that all others have noted for the same history.

    A task that was tried before may have noted something else: the most counts.
    """
    store, own = ending.writer.store, f"{ending.planned.name}@{ending.place.task}"
    prefix = events_prefix(ending.scope.flow, ending.run, spending.history)
    store.put(f"{prefix}{own}@{spending.own}", b"")
    noted: dict[str, int] = {}
    for name in store.children(prefix):
        task, _, events = name.rpartition("@")
        if events.isdecimal():
            noted[task] = max(noted.get(task, 0), int(events))
    noted.pop(own, None)
    return sum(noted.values())
