"""Where a task stands, and the names that come from outside.

A path is a list of frames: ``/N`` a foreach split, ``/tN`` a loop turn; the empty string outside both.  The task id is
``t`` plus the frames joined by dots: ``t``, ``t.2.0``, ``t.2.t3``.  It is a function of the path alone, so ids are
equal on every backend and in every retry.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from penstock.runtime_shim.failures import InvalidName

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,127}\Z")
_FRAME = re.compile(r"(t?)(0|[1-9][0-9]{0,17})\Z")


class Frame(NamedTuple):
    """One step inwards: split ``number`` of a foreach, or turn ``number`` of a loop."""

    number: int
    turn: bool = False

    def __str__(self) -> str:
        return f"t{self.number}" if self.turn else str(self.number)


class Path(NamedTuple):
    """The frames from the outermost to the innermost."""

    frames: tuple[Frame, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read ``/2/t3``; the empty string is the root.

        Raises InvalidName for anything else.
        """
        if not text:
            return cls()
        if not text.startswith("/"):
            raise InvalidName(f"the path {text!r} does not start with `/`")
        return cls(tuple(_frame(part, text) for part in text[1:].split("/")))

    @classmethod
    def of_task_id(cls, task_id: str) -> Path | None:
        """The path that a task id made by Penstock stands for; None for ids from elsewhere (``2``)."""
        if task_id == "t":
            return cls()
        if not task_id.startswith("t."):
            return None
        parts = task_id[2:].split(".")
        if not all(_FRAME.match(part) for part in parts):
            return None
        return cls(tuple(_frame(part, task_id) for part in parts))

    @property
    def task_id(self) -> str:
        """``t``, ``t.2.0``, ``t.2.t3``."""
        return ".".join(["t", *map(str, self.frames)])

    def split(self, index: int) -> Path:
        """The path of split ``index`` below this one."""
        return Path((*self.frames, Frame(index)))

    @property
    def outer(self) -> Path:
        """Without the innermost frame.

        Raises ValueError at the root, which has no outside.
        """
        if not self.frames:
            raise ValueError("the root path has no outer path")
        return Path(self.frames[:-1])

    def __str__(self) -> str:
        return "".join(f"/{frame}" for frame in self.frames)


def _frame(part: str, whole: str) -> Frame:
    match = _FRAME.match(part)
    if match is None:
        raise InvalidName(f"{part!r} in the path {whole!r} is neither a split (`2`) nor a turn (`t3`)")
    return Frame(int(match.group(2)), turn=bool(match.group(1)))


class PathSpec(NamedTuple):
    """``[flow/]run[/step[/task[/attempt]]]``, every part checked."""

    run: str
    step: str | None = None
    task: str | None = None
    attempt: int | None = None
    flow: str | None = None

    def __str__(self) -> str:
        parts = [self.flow, self.run, self.step, self.task, None if self.attempt is None else str(self.attempt)]
        return "/".join(part for part in parts if part is not None)


def checked_name(text: str, what: str) -> str:
    """``text`` if it may name a run, step, task or flow.

    Raises InvalidName, saying ``what`` it was to be, for an empty name, one with ``/`` or ``..`` and the like.
    """
    if not _PART.match(text):
        raise InvalidName(
            f"{text!r} cannot be a {what}: use letters, digits and `_ . + = @ -`, at most 128, starting with a letter,"
            " digit or `_`"
        )
    return text


def parse_pathspec(text: str, *, with_flow: bool = False) -> PathSpec:
    """Read ``run[/step[/task[/attempt]]]``, or with ``with_flow`` the same after ``flow/``.

    Raises InvalidName, naming the part that is wrong.
    """
    parts = text.split("/")
    flow = checked_name(parts.pop(0), "flow") if with_flow else None
    if not 1 <= len(parts) <= 4:
        raise InvalidName(f"{text!r} is not of the form {'flow/' if with_flow else ''}run/step/task")
    names = [checked_name(part, what) for part, what in zip(parts[:3], ("run id", "step", "task id"), strict=False)]
    attempt = None
    if len(parts) == 4:
        if not parts[3].isdecimal() or len(parts[3]) > 3:
            raise InvalidName(f"{parts[3]!r} in {text!r} is not an attempt number")
        attempt = int(parts[3])
    padded = [*names, None, None]
    return PathSpec(run=names[0], step=padded[1], task=padded[2], attempt=attempt, flow=flow)
