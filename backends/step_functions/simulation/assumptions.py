"""What a simulation cannot know and is told, or assumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

V = TypeVar("V")


def _nothing() -> Mapping[str, V]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """``widths`` of foreaches by opener, ``turns`` of loops by header, ``choices`` as the step that a switch goes to,
    and ``seconds`` of a step's task from its submission to its end; the defaults hold for what is not named.
    """

    widths: Mapping[str, float] = field(default_factory=_nothing)
    turns: Mapping[str, int] = field(default_factory=_nothing)
    choices: Mapping[str, str] = field(default_factory=_nothing)
    seconds: Mapping[str, float] = field(default_factory=_nothing)
    default_width: float = 10
    default_turns: int = 2
    default_seconds: float = 60.0

    def width(self, opener: str) -> float:
        """How many splits a foreach has; of a past run the mean."""
        return self.widths.get(opener, self.default_width)

    def turns_of(self, header: str) -> int:
        """How often the header of a loop runs, each time that the loop is entered."""
        return self.turns.get(header, self.default_turns)

    def seconds_of(self, step: str) -> float:
        """How long a task takes."""
        return self.seconds.get(step, self.default_seconds)
