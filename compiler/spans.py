"""Where a thing stands in the user's source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of source text.

    Lines and columns count from 1, columns in characters (not bytes); ``end_column`` is exclusive,
    so a one-character span has ``end_column == column + 1``.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __post_init__(self) -> None:
        if self.line < 1 or self.column < 1:
            raise ValueError(f"lines and columns count from 1: {self!r}")
        if (self.end_line, self.end_column) < (self.line, self.column):
            raise ValueError(f"a span must not end before it starts: {self!r}")
