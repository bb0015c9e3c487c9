"""Guesses at what somebody meant to write."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 500
"""Among more names no guess is made: it takes about 5 µs per name, for every name that is misspelt."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean `x`?`` for the name most like ``name``, else the empty string."""
    names = list(known)
    close = get_close_matches(name, names, n=1) if len(names) <= _MOST else []
    return f"did you mean `{close[0]}`?" if close else ""


def listed(names: Iterable[str], word: str = "and") -> str:
    """The names in backquotes, ``word`` before the last."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"
