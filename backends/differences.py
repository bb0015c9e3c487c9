"""In what two documents of a scheduler differ: two descriptions become a list of changes.

A description is for people: things under names that they know (a state by its way through what holds it), each with
fields that are texts.  A target makes one of what is deployed and one of what was compiled; what follows is the same
for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal["added", "removed", "changed"]
Things = Mapping[str, Mapping[str, str]]
"""The fields of each thing of one sort, by its name."""
Description = Mapping[str, Things]
"""Things by their sort (``state``, ``schedule``), in the order in which people want to read."""

_LONGEST = 70
"""Characters of a value that a line shows."""
_TOGETHER = 4
"""Things with one and the same change, from so many on, share a line."""
_NAMED = 3


class Change(NamedTuple):
    """One difference: of a whole thing, with an empty ``field``, or of a field, whose value is None where it is not
    there.
    """

    kind: Kind
    sort: str
    name: str
    field: str = ""
    before: str | None = None
    after: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """The change as `--format json` prints it."""
        return self._asdict()


def differences(before: Description, after: Description) -> list[Change]:
    """What must be done to ``before`` to make it ``after``, in the order of ``after``; what is removed comes last."""
    found: list[Change] = []
    for sort in [*after, *(sort for sort in before if sort not in after)]:
        found += _of_sort(sort, before.get(sort, {}), after.get(sort, {}))
    return found


def _of_sort(sort: str, before: Things, after: Things) -> Iterator[Change]:
    for name, fields in after.items():
        if name not in before:
            yield Change("added", sort, name)
            continue
        old = before[name]
        for field in [*fields, *(field for field in old if field not in fields)]:
            if old.get(field) != fields.get(field):
                yield Change("changed", sort, name, field, old.get(field), fields.get(field))
    for name in before:
        if name not in after:
            yield Change("removed", sort, name)


def lines(changes: list[Change]) -> list[str]:
    """The changes for people: ``~ state train: image python:3.11 → python:3.12``.

    Many things with the same change, and many that are new or gone, share a line.
    """
    alike: dict[tuple[object, ...], list[str]] = {}
    for change in changes:
        alike.setdefault((change.kind, change.sort, change.field, change.before, change.after), []).append(change.name)
    told: dict[str, None] = {}
    for change in changes:
        names = alike[change.kind, change.sort, change.field, change.before, change.after]
        together = bool(change.field) and len(names) >= _TOGETHER
        told[_line(change, _named(names) if together else change.name)] = None
    return list(told)


def flattened(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a JSON value as texts, by their way to it: ``Retry[0].MaxAttempts``; iterative."""
    pending = [(name, value)]
    while pending:
        path, here = pending.pop()
        inner: list[tuple[str, object]]
        if isinstance(here, Mapping):
            inner = [(f"{path}.{key}" if path else str(key), each) for key, each in here.items()]
        elif isinstance(here, list):
            inner = [(f"{path}[{index}]", each) for index, each in enumerate(here)]
        else:
            yield path, text_of(here)
            continue
        pending += reversed(inner)


def text_of(value: Any) -> str:
    """A leaf as people read it: a string as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _line(change: Change, name: str) -> str:
    thing = f"{change.sort} {name}" if name else change.sort
    match change.kind:
        case "added":
            return f"+ {thing}"
        case "removed":
            return f"- {thing}"
        case "changed":
            return f"~ {thing}: {change.field} {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: str | None) -> str:
    if value is None:
        return "(none)"
    one_line = " ".join(value.split()) or '""'
    return one_line if len(one_line) <= _LONGEST else f"{one_line[: _LONGEST - 1]}…"


def _named(names: list[str]) -> str:
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED:,} more"
