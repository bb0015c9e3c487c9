"""In what two documents of a scheduler differ: two descriptions become a list of changes.

A description is for people: things under names that they know (a state by its way through what holds it), each with
fields that are texts.  A target makes one of what is deployed and one of what was compiled; what follows is the same
for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from penstock.backends.protocol import Bundle

EXIT_DIFFERENT = 4
"""The exit code of a command that compares, where something differs."""

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
_NAMES = ("name", "Name", "key", "Key")
"""Under these, the things in a list most often have their names."""


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


def described(bundle: Bundle) -> Description:
    """Any bundle: each file by its path, with the leaves of a JSON or YAML document, and the lines of any other text.

    Good enough for every target; a target that knows its documents says the same in its users' words.
    """
    return {path: {"": dict(_leaves(path, bundle.files[path]))} for path in sorted(bundle.files)}


def _leaves(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    text = data.decode(errors="backslashreplace")
    try:
        document = _document(path, text)
    except ValueError:
        document = None
    if document is not None:
        return flattened(document, by_name=True)
    return ((f"line {number}", line) for number, line in enumerate(text.splitlines(), 1))


def _document(path: str, text: str) -> object:
    """What a file says, None where it is no document.

    Raises ValueError where it is not the document that it is called.
    """
    if path.endswith(".json"):
        return json.loads(text)
    if not path.endswith((".yaml", ".yml")):
        return None
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = list(yaml.load_all(text, Loader=loader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return documents[0] if len(documents) == 1 else documents


def flattened(value: object, name: str = "", *, by_name: bool = False) -> Iterator[tuple[str, str]]:
    """The leaves of a JSON value as texts, by their way to it: ``Retry[0].MaxAttempts``; iterative.

    With ``by_name`` things in a list that have names of their own go by those: one more of them moves no other.
    """
    pending = [(name, value)]
    while pending:
        path, here = pending.pop()
        inner: list[tuple[str, object]]
        if by_name and isinstance(here, list):
            here = _by_name(here)
        if isinstance(here, Mapping):
            inner = [(f"{path}.{key}" if path else str(key), each) for key, each in here.items()]
        elif isinstance(here, list):
            inner = [(f"{path}[{index}]", each) for index, each in enumerate(here)]
        else:
            yield path, text_of(here)
            continue
        pending += reversed(inner)


def _by_name(things: list[Any]) -> Mapping[str, Any] | list[Any]:
    """The things of a list by their names, where all have one and no two the same."""
    named = {_name_of(thing): thing for thing in things if isinstance(thing, Mapping)}
    return named if things and len(named) == len(things) and None not in named else things


def _name_of(thing: Mapping[Any, Any]) -> Any:
    for key in _NAMES:
        if isinstance(thing.get(key), str):
            return thing[key]
    metadata = thing.get("metadata")
    if isinstance(metadata, Mapping) and isinstance(metadata.get("name"), str):
        return f"{thing.get('kind', '')} {metadata['name']}".strip()
    return None


def text_of(value: Any) -> str:
    """A leaf as people read it: a string as it is, everything else as JSON, a date of YAML's as Python writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


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
