"""From an ``if`` or ``match`` at the end of a step to the arms that decide where it goes on."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from penstock.compiler.frontend.sources import SourceFile
from penstock.compiler.frontend.written import Gap
from penstock.compiler.spans import Span

_Arms = tuple[list[tuple[str, ast.Call]], tuple[Gap, ...]]


def arms_of(file: SourceFile, statement: ast.stmt, calls: Collection[ast.Call]) -> _Arms:
    """The arms of a statement that end in one of ``calls``, in order, each with the conditions that lead to it; and
    where the statement may end without one of them.

    Nested ``if`` and ``match`` are flattened.  An arm that ends in ``raise`` goes nowhere, and is no gap.
    """
    arms: list[tuple[str, ast.Call]] = []
    gaps: list[Gap] = []
    stack: list[tuple[ast.stmt, tuple[str, ...]]] = [(statement, ())]
    while stack:
        last, conditions = stack.pop()
        match last:
            case ast.If() | ast.Match():
                if not _exhaustive(last):
                    word = "`else`" if isinstance(last, ast.If) else "`case _`"
                    gaps.append(Gap(header_of(file, last), f"has no {word}"))
                stack.extend(
                    (body[-1], (*conditions, text) if text else conditions)
                    for text, body in reversed(list(_branches(file, last)))
                )
            case ast.Expr(value=ast.Call() as call) if call in calls:
                arms.append((" and ".join(conditions), call))
            case ast.Raise():
                pass
            case _:
                gaps.append(Gap(file.span(last), "goes on to no step"))
    return arms, tuple(gaps)


def header_of(file: SourceFile, statement: ast.stmt) -> Span:
    """An ``if`` with its test, a ``match`` with its subject; any other statement whole."""
    span = file.span(statement)
    if isinstance(statement, ast.If | ast.Match):
        end = file.span(statement.test if isinstance(statement, ast.If) else statement.subject)
        return Span(span.path, span.line, span.column, end.end_line, end.end_column)
    return span


def _exhaustive(statement: ast.If | ast.Match) -> bool:
    """Whether one of the arms is always taken, as far as Python's grammar tells."""
    if isinstance(statement, ast.If):
        return bool(statement.orelse)
    last = statement.cases[-1]
    return last.guard is None and _takes_all(last.pattern)


def _takes_all(pattern: ast.pattern) -> bool:
    """Whether it is ``_`` or a name, or has such an alternative."""
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _takes_all(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(map(_takes_all, pattern.patterns))


def _branches(file: SourceFile, statement: ast.If | ast.Match) -> Iterator[tuple[str, list[ast.stmt]]]:
    """The condition and the body of every arm; of an ``elif`` the condition comes with its own ``if``."""
    if isinstance(statement, ast.Match):
        for case in statement.cases:
            guard = f" if {file.text(case.guard)}" if case.guard else ""
            yield f"case {file.text(case.pattern)}{guard}", case.body
        return
    yield file.text(statement.test), statement.body
    match statement.orelse:
        case [ast.If() as following] if file.is_elif(following):
            yield "", [following]
        case []:
            pass
        case body:
            yield "else", body
