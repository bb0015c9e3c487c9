"""The matrix of what each target can do, from the backends' own declarations: for people, for pages, for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from penstock.compiler.capabilities import Feature, Level

if TYPE_CHECKING:
    from penstock.backends.protocol import BackendInfo

_MARKS: Mapping[Level, str] = {
    Level.NATIVE: "yes",
    Level.EMULATED: "emulated",
    Level.NOT_YET: "not yet",
    Level.NEVER: "never",
}


def _rows(infos: Iterable[BackendInfo]) -> Iterator[list[str]]:
    """A row for each feature: its name, and a mark for each target."""
    known = list(infos)
    for feature in Feature:
        yield [feature.value, *(_MARKS[info.capabilities.support[feature].level] for info in known)]


def table(infos: Iterable[BackendInfo]) -> str:
    """The matrix in columns, below the targets' names."""
    known = list(infos)
    rows = [["", *(info.name for info in known)], *_rows(known)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def markdown(infos: Iterable[BackendInfo]) -> str:
    """The matrix as a table of Markdown, and below it the sentences of each target."""
    known = list(infos)
    lines = ["| | " + " | ".join(info.title for info in known) + " |", "|---|" + "---|" * len(known)]
    lines += [f"| {' | '.join(row)} |" for row in _rows(known)]
    for info in known:
        lines += ["", f"## {info.title} (`{info.name}`)", "", f"{info.summary}", ""]
        lines += [f"- {feature.value}: {info.capabilities.support[feature].sentence}" for feature in Feature]
    return "\n".join(lines) + "\n"


def document(infos: Iterable[BackendInfo]) -> dict[str, Any]:
    """The matrix for programs: levels and sentences by target and feature, with the limits, and what is ignored."""
    return {info.name: _target(info) for info in infos}


def _target(info: BackendInfo) -> dict[str, Any]:
    support = info.capabilities.support
    return {
        "title": info.title,
        "summary": info.summary,
        "scheduler": info.scheduler,
        "features": {
            feature.value: {"level": support[feature].level.value, "sentence": support[feature].sentence}
            for feature in Feature
        },
        "limits": asdict(info.capabilities.limits),
        "ignored": dict(info.capabilities.ignored),
    }
