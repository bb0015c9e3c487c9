"""Diagnostics as JSON objects, there and back, and as annotations of GitHub Actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.spans import Span

_PLACE = ("path", "line", "column", "end_line", "end_column")


def document_of(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as an object.

    The place (``path``, ``line``, ``column``, ``end_line``, ``end_column``, as in
    :class:`~penstock.compiler.spans.Span`) is that of the primary label, nulls where there is none; ``labels`` holds
    all of them, the primary one first.
    """
    labels = [*([diagnostic.label] if diagnostic.label else []), *diagnostic.others]
    place = _place(diagnostic.label.span) if diagnostic.label else dict.fromkeys(_PLACE)
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **place,
        "help": diagnostic.help,
        "labels": [{**_place(label.span), "text": label.text} for label in labels],
    }


def diagnostic_of(document: Mapping[str, Any]) -> Diagnostic:
    """The diagnostic that :func:`document_of` made an object of."""
    labels = tuple(Label(Span(*(each[field] for field in _PLACE)), each["text"]) for each in document["labels"])
    placed = document["path"] is not None
    return Diagnostic(
        document["code"],
        document["message"],
        labels[0] if placed else None,
        labels[1:] if placed else labels,
        document["help"],
        Severity(document["severity"]),
    )


def github_annotations(diagnostics: Iterable[tuple[Diagnostic, str]], shown: Callable[[str], str]) -> str:
    """Workflow commands of GitHub Actions, a line each: the diagnostics appear beside the lines of a pull request.

    Each comes with the file that it is about where it has no place of its own.  ``shown`` gives the path of a file in
    the repository.
    """
    return "".join(f"{_annotation(diagnostic, file, shown)}\n" for diagnostic, file in diagnostics)


def _annotation(diagnostic: Diagnostic, file: str, shown: Callable[[str], str]) -> str:
    properties: dict[str, object] = {"file": shown(file)}
    if diagnostic.label is not None:
        span = diagnostic.label.span
        properties = {"file": shown(span.path), "line": span.line, "endLine": span.end_line}
        if span.line == span.end_line:  # columns of a stretch of lines are refused
            properties |= {"col": span.column, "endColumn": span.end_column}
    properties["title"] = diagnostic.code
    given = ",".join(f"{name}={_escaped(str(value), _IN_PROPERTIES)}" for name, value in properties.items())
    text = diagnostic.message + (f"\n{diagnostic.help}" if diagnostic.help else "")
    return f"::{diagnostic.severity.value} {given}::{_escaped(text, _IN_TEXT)}"


_IN_TEXT = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_TEXT, ":": "%3A", ",": "%2C"}


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


def _place(span: Span) -> dict[str, Any]:
    return {field: getattr(span, field) for field in _PLACE}
