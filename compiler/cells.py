"""How text from a user's file looks on a terminal."""

from __future__ import annotations

import unicodedata

_TAB = "    "
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """``text`` without characters that steer a terminal; tabs become blanks."""
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def shown(text: str) -> str:
    """A line of source as it is printed: cleaned, without blanks at its end."""
    return clean(text).rstrip()


def width(text: str) -> int:
    """The number of terminal columns that ``clean(text)`` takes."""
    cleaned = clean(text)
    return len(cleaned) if cleaned.isascii() else sum(map(_cells, cleaned))


def _visible(character: str) -> str:
    if character == "\t":
        return _TAB
    # Format characters (Cf) join emoji and mark direction: zero-width joiners stay, what reorders a line does not.
    if character == "\N{ZERO WIDTH JOINER}" or unicodedata.category(character) in ("Zs", "Co"):
        return character
    return character if character.isprintable() else _REPLACEMENT


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
