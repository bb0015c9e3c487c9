"""Loops on a scheduler that runs a turn inside of the one before: what would nest too deep is refused in time."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from penstock.runtime_shim.argo_names import TURNS_ENV
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.turns import successor_path, turns_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.runtime_shim.commit import Ending
    from penstock.runtime_shim.paths import Path
    from penstock.runtime_shim.plan import PlannedStep
    from penstock.runtime_shim.transitions import Taken


class TooManyTurns(Failure):
    """A loop that goes round more often than its scheduler can nest templates."""

    code = "R136"


def demand_depth(ending: Ending, taken: Taken) -> None:
    """The turn that this task is about to begin must fit in what the scheduler nests; nothing where it nests none.

    Raises TooManyTurns.
    """
    text = os.environ.get(TURNS_ENV)
    if not text or len(taken.next) != 1:
        return
    header = ending.plan[taken.next[0]]
    path = successor_path(ending.plan, ending.planned, taken.next, ending.place.path)
    budgets: dict[str, list[int]] = json.loads(text)
    if header.name not in budgets or not turns_back(header, path):
        return
    room = budgets[header.name][0]
    turns = dict(_turns(header, path))
    levels = {loop: turns[loop] * budgets[loop][1] for loop in turns if loop in budgets}
    if sum(levels.values()) > room:
        raise _refusal(ending.planned.name, header.name, turns, budgets, levels)


def _turns(header: PlannedStep, path: Path) -> Iterator[tuple[str, int]]:
    """The number of the turn that ``path`` stands in, from 0, by each loop around ``header``, its own included."""
    numbers = (frame.number for frame in path.frames if frame.turn)
    return zip(header.loops, numbers, strict=True)


def _refusal(
    step: str, header: str, turns: Mapping[str, int], budgets: Mapping[str, list[int]], levels: Mapping[str, int]
) -> TooManyTurns:
    room, own = budgets[header]
    taken = sum(count for loop, count in levels.items() if loop != header)
    fit = 1 + max(0, room - taken) // own
    outer = [f"turn {turns[loop] + 1} of `{loop}`" for loop in levels if loop != header and turns[loop]]
    where = f" in {' in '.join(reversed(outer))}" if outer else ""
    return TooManyTurns(
        f"step `{step}` goes to turn {turns[header] + 1} of the loop that begins with `{header}`{where}, and Argo"
        f" Workflows has room for {fit}: a turn runs inside of the one before, and templates nest 100 deep at most",
        help="let the code of one step do several turns, or give the flow to another target",
    )
