"""The types a parameter can have, and how a value of one is read from text or checked."""

from __future__ import annotations

import json
from collections.abc import Mapping

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})
_NAMES: Mapping[object, str] = {str: "str", int: "int", float: "float", bool: "bool", dict: "json", list: "json"}
_DESCRIBED: Mapping[str, str] = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "true or false", "json": "valid JSON"
}  # fmt: skip


class _JSONTypeClass:
    """The type of :data:`JSONType`."""

    def __repr__(self) -> str:
        return "JSONType"


JSONType = _JSONTypeClass()
"""``Parameter("cfg", type=JSONType)``: the value is JSON text on the command line and the parsed value in steps."""


def name_of_type(declared: object, default: object) -> str | None:
    """``str``, ``int``, ``float``, ``bool`` or ``json``: as declared, else by the default's type; None for another.

    Without either (no default, or one that is a function) it is ``str``.
    """
    if isinstance(declared, _JSONTypeClass) or declared is _JSONTypeClass:
        return "json"
    if declared is not None:
        return _NAMES.get(declared) if isinstance(declared, type) else None
    return "str" if default is None or callable(default) else _NAMES.get(type(default))


def from_text(kind: str, text: str) -> object:
    """The value of type ``kind`` that a text stands for.

    Raises ValueError with the end of a sentence: ``must be …``.
    """
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
        if kind == "json":
            return json.loads(text)
    except ValueError:
        raise _unfit(kind, text) from None
    if kind == "bool":
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise _unfit(kind, text)
        return word in _TRUE
    return text


def from_json(kind: str, value: object) -> object:
    """``value``, which is no text, if it is of type ``kind``; an integer becomes a float where one is wanted.

    Raises ValueError as :func:`from_text` does.
    """
    if kind == "json":
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"must be {_DESCRIBED[kind]}, and {error}") from None
        return value
    if isinstance(value, bool):
        if kind == "bool":
            return value
    elif isinstance(value, int) and kind == "int":
        return value
    elif isinstance(value, (int, float)) and kind == "float":
        return float(value)
    raise _unfit(kind, value)


def _unfit(kind: str, value: object) -> ValueError:
    text = repr(value)
    return ValueError(f"must be {_DESCRIBED[kind]}, not {text if len(text) <= 60 else text[:57] + '...'}")
