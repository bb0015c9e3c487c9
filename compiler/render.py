"""Diagnostics as people read them, and as JSON.

The one place where diagnostics become text.  Columns are those of a terminal: wide characters count two, combining
ones none, and a tab is shown as four blanks.
"""

from __future__ import annotations

import json
import linecache
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from penstock.compiler.cells import clean, shown, width
from penstock.compiler.diagnostic_documents import document_of
from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.spans import Span

_HEAD, _TAIL = 3, 2
"""Of a stretch of more than five lines so many are shown at its beginning and end."""
_STYLES = {Severity.ERROR: "1;31", Severity.WARNING: "1;33"}
_FRAME, _MESSAGE = "1;34", "1"


def render_text(
    diagnostics: Iterable[Diagnostic], *, color: bool = False, sources: Mapping[str, str] | None = None
) -> str:
    """Every diagnostic with the lines it is about, in the order given, a blank line between two.

    ``sources`` holds the text of files by the path that spans name; others are read.  A file that cannot be read is
    named without its lines.  Ends in a newline, unless there is nothing to say.
    """
    lines = _Lines(sources or {})
    paint = _Paint(color)
    return "\n".join("\n".join(_rendered(diagnostic, lines, paint)) + "\n" for diagnostic in diagnostics)


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON list with an object for every diagnostic, as :func:`document_of` makes them."""
    return json.dumps([document_of(diagnostic) for diagnostic in diagnostics], indent=2) + "\n"


def _labels(diagnostic: Diagnostic) -> list[Label]:
    return [*([diagnostic.label] if diagnostic.label else []), *diagnostic.others]


class _Lines:
    """Lines of source files, read when they are asked for."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._known = {path: text.split("\n") for path, text in sources.items()}

    def of(self, path: str, first: int, last: int) -> list[tuple[int, str]]:
        """The lines ``first`` to ``last`` with their numbers; none where one of them cannot be had."""
        if path not in self._known:
            linecache.checkcache(path)
            self._known[path] = [line.rstrip("\n") for line in linecache.getlines(path)]
        lines = self._known[path]
        return list(enumerate(lines[first - 1 : last], first)) if len(lines) >= last else []


@dataclass(frozen=True, slots=True)
class _Paint:
    """Puts terminal styles around text, where wanted."""

    color: bool

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and text else text


@dataclass(frozen=True, slots=True)
class _Mark:
    """A label, whether it is the primary one, and the lines it is on."""

    label: Label
    primary: bool
    lines: list[tuple[int, str]]

    @property
    def tall(self) -> bool:
        return len(self.lines) > 1


def _rendered(diagnostic: Diagnostic, lines: _Lines, paint: _Paint) -> Iterator[str]:
    style = _STYLES[diagnostic.severity]
    kind = paint(f"{diagnostic.severity.value}[{diagnostic.code}]", style)
    yield kind + paint(f": {clean(diagnostic.message)}", _MESSAGE)
    labels = _labels(diagnostic)
    marks = [_Mark(label, label is diagnostic.label, lines.of(*_extent(label.span))) for label in labels]
    gutter = max((len(str(mark.lines[-1][0])) for mark in marks if mark.lines), default=1)
    by_file: dict[str, list[_Mark]] = {}
    for mark in marks:
        by_file.setdefault(mark.label.span.path, []).append(mark)
    for number, (path, here) in enumerate(by_file.items()):
        span = here[0].label.span
        arrow = paint("-->" if number == 0 else ":::", _FRAME)
        yield f"{' ' * gutter}{arrow} {clean(path)}:{span.line}:{span.column}"
        shown_marks = [mark for mark in here if mark.lines]
        if shown_marks:
            yield paint(f"{' ' * gutter} |", _FRAME)
            yield from _snippet(shown_marks, lines, gutter, style, paint)
        for mark in here:
            if not mark.lines and mark.label.text:
                yield _remark("note", f"line {mark.label.span.line}: {mark.label.text}", gutter, paint)
    if diagnostic.help:
        yield _remark("help", diagnostic.help, gutter, paint)


def _remark(kind: str, text: str, gutter: int, paint: _Paint) -> str:
    return f"{' ' * gutter} {paint('=', _FRAME)} {paint(kind, _MESSAGE)}: {clean(text)}"


def _extent(span: Span) -> tuple[str, int, int]:
    return span.path, span.line, span.end_line


def _snippet(marks: list[_Mark], lines: _Lines, gutter: int, style: str, paint: _Paint) -> Iterator[str]:
    """The lines of one file, from top to bottom; a stretch of several lines gets a bar at its left."""
    lane = "  " if any(mark.tall for mark in marks) else ""
    last = 0
    for mark in sorted(marks, key=lambda mark: (mark.label.span, not mark.primary)):
        first = mark.lines[0][0]
        if last and first == last + 2:
            ((number, between),) = lines.of(mark.label.span.path, last + 1, last + 1)
            yield _row(str(number), lane + shown(between), gutter, paint)
        elif last and first not in (last, last + 1):
            yield paint("...", _FRAME)
        painted = style if mark.primary else _FRAME
        if mark.tall:
            yield from _tall(mark, gutter, painted, paint)
        else:
            if first != last:
                yield _row(str(first), lane + shown(mark.lines[0][1]), gutter, paint)
            yield _row("", lane + _underline(mark, painted, paint), gutter, paint)
        last = mark.lines[-1][0]


def _tall(mark: _Mark, gutter: int, style: str, paint: _Paint) -> Iterator[str]:
    rows = mark.lines
    for place, (number, text) in enumerate(rows):
        if len(rows) > _HEAD + _TAIL and _HEAD <= place < len(rows) - _TAIL:
            if place == _HEAD:
                yield f"{paint('...', _FRAME)}{' ' * gutter}{paint('|', style)}"
            continue
        bar = "/" if place == 0 else "|"
        yield _row(str(number), f"{paint(bar, style)} {shown(text)}", gutter, paint)
    end = width(rows[-1][1][: mark.label.span.end_column - 1])
    marker = "^" if mark.primary else "-"
    yield _row("", paint(_said(f"|{'_' * end}{marker}", mark.label.text), style), gutter, paint)


def _underline(mark: _Mark, style: str, paint: _Paint) -> str:
    span, text = mark.label.span, mark.lines[0][1]
    before = width(text[: span.column - 1])
    length = max(1, width(text[: span.end_column - 1]) - before)
    marker = "^" if mark.primary else "-"
    return " " * before + paint(_said(marker * length, mark.label.text), style)


def _said(marker: str, text: str) -> str:
    return f"{marker} {clean(text)}" if text else marker


def _row(number: str, text: str, gutter: int, paint: _Paint) -> str:
    return f"{paint(f'{number:>{gutter}} |', _FRAME)} {text}".rstrip()
