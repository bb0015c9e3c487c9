"""What Penstock has to say about a flow, as values.

A diagnostic is made where the problem is found, collected with the others, and rendered once, at the
end, by :mod:`penstock.compiler.render`.  Codes are grouped by the stage that speaks: P1 reading, P2 graph, P3
target, P4 limits, P5 packaging and configuration, R1 run time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from penstock.compiler.spans import Span

_CODE = re.compile(r"[PR][1-9][0-9]{2}\Z")


class Severity(Enum):
    """Errors stop a command; warnings are shown and do not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Label:
    """Words that belong under a span: ``text`` may be empty."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem.

    ``label`` marks the primary place (None where there is none, as for a configuration key), ``others`` further
    places that explain it, ``help`` says what to do.
    """

    code: str
    message: str
    label: Label | None = None
    others: tuple[Label, ...] = ()
    help: str = ""
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        if not _CODE.match(self.code):
            raise ValueError(f"not a diagnostic code: {self.code!r}")

    @property
    def sort_key(self) -> tuple[bool, Span, str, str]:
        """Order of presentation: by place, those without a place last, then by code and message."""
        span = self.label.span if self.label else Span("", 1, 1, 1, 1)
        return (self.label is None, span, self.code, self.message)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them stops the command."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


class Refused(Exception):
    """Carries the diagnostics of a command that cannot go on (exit code 1) up to where they are rendered."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(sorted(diagnostics, key=lambda d: d.sort_key))
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in self.diagnostics))


def stop_at_errors(diagnostics: Iterable[Diagnostic]) -> None:
    """Raise Refused, with warnings among them too, where any of them stops the command."""
    found = tuple(diagnostics)
    if has_errors(found):
        raise Refused(found)
