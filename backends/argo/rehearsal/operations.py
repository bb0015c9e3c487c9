"""What the operators and functions of conditions do, and to what they cannot be applied."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Evaluated = Callable[[Mapping[str, Any]], Any]
"""An expression, given the values of its names."""


class BadExpression(ValueError):
    """An expression that cannot be read, or has no value; the text says why."""


def member(found: Evaluated, key: Evaluated) -> Evaluated:
    """What ``found`` has under ``key``; of a map, nil where it has nothing."""

    def value(names: Mapping[str, Any]) -> Any:
        inside, wanted = found(names), key(names)
        if isinstance(inside, dict):
            return inside.get(wanted)
        try:
            return inside[wanted]
        except (TypeError, IndexError, KeyError):
            raise BadExpression(f"{shown(inside)} has no {shown(wanted)}") from None

    return value


def applied(mark: str, left: Evaluated, right: Evaluated, negated: bool) -> Evaluated:
    """An operator of two operands, ``negated`` where the word before it says so."""
    operator = _OPERATORS[mark]

    def value(names: Mapping[str, Any]) -> Any:
        one, other = left(names), right(names)
        try:
            found = operator(one, other)
        except (TypeError, AttributeError, ZeroDivisionError, re.error):
            raise BadExpression(f"`{mark}` cannot be applied to {shown(one)} and {shown(other)}") from None
        return not found if negated else found

    return value


def called(name: str, arguments: list[Evaluated]) -> Evaluated:
    """A function's value.

    Raises BadExpression for one that is not known.
    """
    function = _FUNCTIONS.get(name)
    if function is None or len(arguments) != 1:
        raise BadExpression(f"a rehearsal knows no function `{name}` of {len(arguments)} arguments")
    (argument,) = arguments

    def value(names: Mapping[str, Any]) -> Any:
        given = argument(names)
        try:
            return function(given)
        except (TypeError, ValueError):
            raise BadExpression(f"{name}({shown(given)}) has no value") from None

    return value


def _equal(one: Any, other: Any) -> bool:
    """Values of different kinds are never equal: "1" is not 1, 1 is not true."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(one: Any, other: Any) -> bool:
        if isinstance(one, bool) or isinstance(other, bool):
            raise TypeError
        return compare(one, other)

    return ordered


def _within(one: Any, other: Any) -> bool:
    if other is None:
        return False
    return any(_equal(one, each) for each in other) if isinstance(other, list) else one in other


def truth_of(value: Any) -> bool:
    """The value, which must be true or false.

    Raises BadExpression.
    """
    if not isinstance(value, bool):
        raise BadExpression(f"{shown(value)} is neither true nor false")
    return value


def number_of(value: Any) -> Any:
    """The value, which must be a number.

    Raises BadExpression.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadExpression(f"{shown(value)} is no number")
    return value


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": _equal,
    "!=": lambda one, other: not _equal(one, other),
    "<": _ordered(lambda one, other: one < other),
    ">": _ordered(lambda one, other: one > other),
    "<=": _ordered(lambda one, other: one <= other),
    ">=": _ordered(lambda one, other: one >= other),
    "in": _within,
    "contains": lambda one, other: other in one,
    "startsWith": lambda one, other: one.startswith(other),
    "endsWith": lambda one, other: one.endswith(other),
    "matches": lambda one, other: re.search(other, one) is not None,
    "=~": lambda one, other: re.search(other, one) is not None,
    "!~": lambda one, other: re.search(other, one) is None,
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other,
    "%": lambda one, other: one % other,
}
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "asInt": int,
    "int": int,
    "asFloat": float,
    "float": float,
    "len": len,
    "toJson": lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
    "toJSON": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    "fromJSON": json.loads,
    "string": lambda value: value if isinstance(value, str) else json.dumps(value),
}


def shown(value: Any) -> str:
    """A value in a message."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."
