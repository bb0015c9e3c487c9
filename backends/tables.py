"""Times and columns, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone


def utc(moment: datetime) -> str:
    """To the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """``1h02m03s``, ``2m03s``, ``3s``."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minute:02}m{second:02}s"
    return f"{minute}m{second:02}s" if minute else f"{second}s"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equal length as lines, columns beside each other; the last is not filled up."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]
