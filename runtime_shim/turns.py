"""Paths of tasks by the foreach and loops their step stands in: where a successor stands, which turn it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.paths import Frame, Path
from penstock.runtime_shim.plan import LOOP

if TYPE_CHECKING:
    from penstock.runtime_shim.plan import Plan, PlannedStep

_FIRST = Frame(0, turn=True)


class WrongPlace(Failure):
    """A path, index or parent that the plan does not allow for this step."""

    code = "R126"


def is_header(step: PlannedStep) -> bool:
    """Whether a loop goes back to this step."""
    return step.nest[-1:] == (f"{LOOP}{step.name}",)


def turns_back(step: PlannedStep, path: Path) -> bool:
    """Whether the task of ``step`` at the full ``path`` is a later turn of the loop that begins with it."""
    return is_header(step) and path.frames[-1].number > 0


def full_path(step: PlannedStep, path: Path) -> Path:
    """``path`` with every turn: a scheduler that enters a loop and only appends splits leaves turn 0 out.

    No path into a later turn lacks one, since the step that goes back says where.  Raises WrongPlace where the frames
    are not those of the step.
    """
    if not step.nest and not path.frames:
        return path
    frames: list[Frame] = []
    rest = list(path.frames)
    for level in step.nest:
        if rest and rest[0].turn == level.startswith(LOOP):
            frames.append(rest.pop(0))
        elif level.startswith(LOOP):
            frames.append(_FIRST)
        else:
            raise _misplaced(step, path)
    if rest:
        raise _misplaced(step, path)
    return Path(tuple(frames))


def successor_path(plan: Plan, step: PlannedStep, successors: Sequence[str], path: Path) -> Path:
    """What the record of a task of ``step`` at the full ``path`` says about its successors' place.

    One successor: the frames of the foreach and loops that both stand in, the next turn where it is the header of a
    loop around ``step``, the first where it is that of another.  After a split and an opener: ``path`` itself, which
    lacks the split and may lack a first turn.
    """
    if step.kind not in ("goto", "switch") or len(successors) != 1:
        return path
    target = plan[successors[0]]
    own = len(target.nest) - 1
    if not is_header(target):
        return Path(path.frames[: _shared(step, target)])
    if target.nest[own] in step.nest:
        return Path((*path.frames[:own], Frame(path.frames[own].number + 1, turn=True)))
    return Path((*path.frames[: _shared(step, target)], _FIRST))


def _shared(step: PlannedStep, target: PlannedStep) -> int:
    shared = 0
    for mine, its in zip(step.nest, target.nest, strict=False):
        if mine != its:
            break
        shared += 1
    return shared


def _misplaced(step: PlannedStep, path: Path) -> WrongPlace:
    splits = sum(not frame.turn for frame in path.frames)
    if splits != len(step.stack):
        return WrongPlace(
            f"`{path}` can't be the path of step `{step.name}`: it has {splits} splits, and the step is inside"
            f" {len(step.stack)} foreach"
        )
    like = "".join("/t0" if level.startswith(LOOP) else "/0" for level in step.nest)
    where = f"its paths are like `{like}`" if like else "it is outside every foreach and loop"
    return WrongPlace(f"`{path}` can't be the path of step `{step.name}`: {where}")
