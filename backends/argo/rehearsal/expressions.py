"""The two languages of conditions in a workflow: expr (``depends``, retries, ``{{=…}}``) and govaluate (``when``).

Of each the part that conditions need: literals, names, comparisons, logic, sums, and a few functions.  What is beyond
it is refused, never guessed.  An expression is compiled once into nested functions; ``&&`` and ``||`` take any number
of operands, so that a step which waits for thousands needs no deep stack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.backends.argo.rehearsal.operations import (
    BadExpression,
    Evaluated,
    applied,
    called,
    member,
    number_of,
    shown,
    truth_of,
)

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<name>[^\W\d]\w*)
      | (?P<mark>\?\?|&&|\|\||==|!=|<=|>=|=~|!~|\*\*|[-+*/%<>!?:.,()\[\]])
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"and": "&&", "or": "||", "not": "!"}


class _Token(NamedTuple):
    kind: str
    text: str


def compiled(text: str) -> Evaluated:
    """An expression of the expr language.

    Raises BadExpression; so does what it gives.
    """
    return _Reader(text, _Expr()).whole()


def condition_holds(text: str) -> bool:
    """The value of a ``when``, in which every name is a text: ``train == train`` holds.

    Raises BadExpression.
    """
    result = _Reader(text, _Govaluate()).whole()({})
    if not isinstance(result, bool):
        raise BadExpression(f"`{text}` is no condition: it gives {shown(result)}")
    return result


def truth(text: str, names: Mapping[str, Any]) -> bool:
    """The value of an expression that must be true or false.

    Raises BadExpression.
    """
    result = compiled(text)(names)
    if not isinstance(result, bool):
        raise BadExpression(f"`{text}` is no condition: it gives {shown(result)}")
    return result


class _Expr:
    """The expr language: names have values, ``in`` takes a list, a map or a text."""

    words = frozenset({"and", "or", "not", "in", "contains", "startsWith", "endsWith", "matches", "let", "if", "else"})
    literals: Mapping[str, Any] = {"true": True, "false": False, "nil": None}

    def name(self, text: str) -> Evaluated:
        def value(names: Mapping[str, Any]) -> Any:
            if text not in names:
                raise BadExpression(f"there is no `{text}`")
            return names[text]

        return value


class _Govaluate:
    """The language of ``when`` once Argo has made texts of all names."""

    words = frozenset({"in"})
    literals: Mapping[str, Any] = {"true": True, "false": False}

    def name(self, text: str) -> Evaluated:
        return lambda _: text


_LEVELS: tuple[tuple[str, ...], ...] = (
    ("==", "!=", "<", ">", "<=", ">=", "in", "contains", "startsWith", "endsWith", "matches", "=~", "!~"),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Operators of two operands, the loosest first, below ``??``, ``||`` and ``&&``."""


class _Reader:
    """Reads one expression by recursive descent."""

    def __init__(self, text: str, language: _Expr | _Govaluate) -> None:
        self._text = text
        self._language = language
        self._tokens = self._split()
        self._place = 0

    def whole(self) -> Evaluated:
        found = self._choice()
        if self._place < len(self._tokens):
            raise self._unexpected()
        return found

    def _split(self) -> list[_Token]:
        found, place, end = [], 0, len(self._text.rstrip())
        while place < end:
            match = _TOKEN.match(self._text, place, end)
            if match is None or match.lastgroup is None:
                rest = self._text[place:end].strip()
                raise BadExpression(f"`{self._text}` cannot be read from `{rest[:20]}` on")
            kind, text = match.lastgroup, match[match.lastgroup]
            if kind == "name" and text in self._language.words:
                kind, text = "mark", _WORDS.get(text, text)
            found.append(_Token(kind, text))
            place = match.end()
        return found

    def _unexpected(self) -> BadExpression:
        if self._place < len(self._tokens):
            return BadExpression(f"`{self._text}` cannot be read: `{self._tokens[self._place].text}` is not expected")
        return BadExpression(f"`{self._text}` cannot be read: it ends too early")

    def _next(self, *marks: str) -> str | None:
        """The next token where it is one of the marks: taken."""
        if self._place < len(self._tokens):
            kind, text = self._tokens[self._place]
            if kind == "mark" and text in marks:
                self._place += 1
                return text
        return None

    def _demand(self, mark: str) -> None:
        if self._next(mark) is None:
            raise self._unexpected()

    def _choice(self) -> Evaluated:
        condition = self._coalesced()
        if self._next("?") is None:
            return condition
        one = self._choice()
        self._demand(":")
        other = self._choice()
        return lambda names: one(names) if truth_of(condition(names)) else other(names)

    def _coalesced(self) -> Evaluated:
        first = self._any()
        if self._next("??") is None:
            return first
        second = self._coalesced()

        def value(names: Mapping[str, Any]) -> Any:
            found = first(names)
            return second(names) if found is None else found

        return value

    def _any(self) -> Evaluated:
        parts = [self._all()]
        while self._next("||"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda names: any(truth_of(part(names)) for part in parts)

    def _all(self) -> Evaluated:
        parts = [self._binary(0)]
        while self._next("&&"):
            parts.append(self._binary(0))
        return parts[0] if len(parts) == 1 else lambda names: all(truth_of(part(names)) for part in parts)

    def _binary(self, level: int) -> Evaluated:
        if level == len(_LEVELS):
            return self._unary()
        found = self._binary(level + 1)
        while True:
            negated = level == 0 and self._negated_in()
            mark = "in" if negated else self._next(*_LEVELS[level])
            if mark is None:
                return found
            right = self._binary(level + 1)
            found = applied(mark, found, right, negated)

    def _negated_in(self) -> bool:
        """``not in``, taken."""
        if [token.text for token in self._tokens[self._place : self._place + 2]] == ["!", "in"]:
            self._place += 2
            return True
        return False

    def _unary(self) -> Evaluated:
        mark = self._next("!", "-")
        if mark is None:
            return self._postfix()
        inner = self._unary()
        return (lambda names: not truth_of(inner(names))) if mark == "!" else (lambda names: -number_of(inner(names)))

    def _postfix(self) -> Evaluated:
        found = self._primary()
        while mark := self._next(".", "["):
            if mark == ".":
                key = self._take("name")
                found = member(found, lambda _, key=key: key)  # type: ignore[misc]  # a default binds the loop's value
            else:
                found = member(found, self._choice())
                self._demand("]")
        return found

    def _take(self, kind: str) -> str:
        if self._place >= len(self._tokens) or self._tokens[self._place].kind != kind:
            raise self._unexpected()
        self._place += 1
        return self._tokens[self._place - 1].text

    def _primary(self) -> Evaluated:
        opening = self._next("(", "[")
        if opening:
            parts = self._list(")" if opening == "(" else "]")
            if opening == "(" and len(parts) == 1:
                return parts[0]
            return lambda names: [part(names) for part in parts]
        if self._place >= len(self._tokens):
            raise self._unexpected()
        kind, text = self._tokens[self._place]
        if kind == "mark":
            raise self._unexpected()
        self._place += 1
        if kind == "number":
            number = float(text) if re.search(r"[.eE]", text) else int(text)
            return lambda _: number
        if kind == "string":
            unquoted = _unquoted(text)
            return lambda _: unquoted
        return self._named(text)

    def _named(self, text: str) -> Evaluated:
        if text in self._language.literals:
            value = self._language.literals[text]
            return lambda _: value
        if self._next("("):
            return called(text, self._list(")"))
        return self._language.name(text)

    def _list(self, closing: str) -> list[Evaluated]:
        """Expressions with commas between them, up to what closes them."""
        found: list[Evaluated] = []
        if self._next(closing):
            return found
        found.append(self._choice())
        while self._next(","):
            found.append(self._choice())
        self._demand(closing)
        return found


def _unquoted(text: str) -> str:
    """The text of a literal: JSON's escapes, and those of either quote."""
    inner = text[1:-1].replace("\\'", "'")
    if text[0] == "'":
        inner = re.sub(r'(?<!\\)"', r"\"", inner)
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        raise BadExpression(f"the text {text} cannot be read") from None
