"""Conditions of tasks: the part of the Common Expression Language that compiled pipelines use.

``inputs.parameter_values['name']``, literals, ``== != < <= > >=``, ``&& || !``, ``int() double() string() bool()``
and brackets.  Values of different types never compare, as in CEL: that is an error, not False.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from penstock.backends.kubeflow.rehearsal.values import to_text

_TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z_][A-Za-z_0-9.]*)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<sign>&&|\|\||[=!<>]=|[<>!()\[\]]))"
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[abfnrtv\\'\"?`])")
_PLAIN_ESCAPES = dict(zip("abfnrtv\\'\"?`", "\a\b\f\n\r\t\v\\'\"?`", strict=True))
_INPUTS = "inputs.parameter_values"
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip
_DEEPEST = 100


class BadCondition(ValueError):
    """A condition that can't be read or evaluated."""


class _Token(NamedTuple):
    kind: str
    text: str


def holds(condition: str, inputs: Mapping[str, Any]) -> bool:
    """Whether the condition is true for a task's inputs.

    Raises BadCondition.
    """
    reader = _Reader(_tokens(condition), inputs)
    found = reader.either(0)
    if reader.rest:
        raise BadCondition(f"{reader.rest[0].text!r} is not expected in {condition!r}")
    if not isinstance(found, bool):
        raise BadCondition(f"{condition!r} is {found!r}, neither true nor false")
    return found


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise BadCondition(f"{text[at:]!r} cannot be read in {text!r}")
        tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


class _Reader:
    """Evaluates while it reads; ``rest`` are the tokens to come."""

    def __init__(self, tokens: list[_Token], inputs: Mapping[str, Any]) -> None:
        self.rest = tokens
        self._inputs = inputs

    def either(self, depth: int) -> Any:
        """``a || b``."""
        found = self._both(depth)
        while self._takes("||"):
            other = self._both(depth)
            found = _truth(found) or _truth(other)
        return found

    def _both(self, depth: int) -> Any:
        found = self._comparison(depth)
        while self._takes("&&"):
            other = self._comparison(depth)
            found = _truth(found) and _truth(other)
        return found

    def _comparison(self, depth: int) -> Any:
        found = self._value(depth)
        if self.rest and self.rest[0].text in _ORDERS and self.rest[0].kind == "sign":
            sign = self.rest.pop(0).text
            other = self._value(depth)
            if _kind(found) is not _kind(other):
                raise BadCondition(f"{found!r} {sign} {other!r} compares two types")
            return _ORDERS[sign](found, other)
        return found

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise BadCondition("the condition is nested too deep")
        if not self.rest:
            raise BadCondition("the condition ends too early")
        token = self.rest.pop(0)
        if token.kind == "text":
            return _ESCAPE.sub(_unescaped, token.text[1:-1])
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        if token.text == "!":
            return not _truth(self._value(depth + 1))
        if token.text == "(":
            found = self.either(depth + 1)
            self._demand(")")
            return found
        return self._named(token, depth)

    def _named(self, token: _Token, depth: int) -> Any:
        if token.text in ("true", "false"):
            return token.text == "true"
        if token.text == _INPUTS:
            self._demand("[")
            name = self._value(depth + 1)
            self._demand("]")
            if name not in self._inputs:
                raise BadCondition(f"the task has no input {name!r}")
            return self._inputs[name]
        if token.text in _CASTS:
            self._demand("(")
            found = self.either(depth + 1)
            self._demand(")")
            return _cast(token.text, found)
        raise BadCondition(f"{token.text!r} means nothing to a rehearsal")

    def _takes(self, sign: str) -> bool:
        if self.rest and self.rest[0] == _Token("sign", sign):
            self.rest.pop(0)
            return True
        return False

    def _demand(self, sign: str) -> None:
        if not self._takes(sign):
            raise BadCondition(f"{sign!r} is missing")


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return _PLAIN_ESCAPES[code] if code in _PLAIN_ESCAPES else chr(int(code[1:], 16))


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadCondition(f"{value!r} is neither true nor false")
    return value


def _kind(value: Any) -> type:
    return float if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)


def _to_bool(value: Any) -> bool:
    if to_text(value) in ("true", "false"):
        return to_text(value) == "true"
    raise ValueError


_CASTS: Mapping[str, Callable[[Any], Any]] = {"int": int, "double": float, "string": to_text, "bool": _to_bool}


def _cast(name: str, value: Any) -> Any:
    try:
        return _CASTS[name](value)
    except (TypeError, ValueError):
        raise BadCondition(f"{value!r} is no {name}") from None
