"""Server-side apply, as the Kubernetes API does it: who owns which field, what conflicts, what goes with its owner.

Maps are merged field by field and lists are atomic, as they are where a custom resource's schema says nothing of them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

Path = tuple[str, ...]
_IDENTITY: set[Path] = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}


class Conflict(NamedTuple):
    """A field that another manager has set to another value."""

    manager: str
    path: Path


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The fields of an object that have owners, with their values."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif path not in _IDENTITY:
        yield path, value


class Owned:
    """A live object and the fields that each manager owns."""

    def __init__(self, body: dict[str, Any], manager: str) -> None:
        self.live = copy.deepcopy(body)
        self.fields: dict[str, set[Path]] = {manager: {path for path, _ in leaves(body)}}

    def apply(self, body: dict[str, Any], manager: str, force: bool) -> list[Conflict]:
        """Make the object hold what the manager says; nothing is changed where there are conflicts."""
        wanted = dict(leaves(body))
        conflicts = [
            Conflict(other, path)
            for other, owned in self.fields.items()
            if other != manager
            for path in sorted(owned & wanted.keys())
            if _at(self.live, path) != wanted[path]
        ]
        if conflicts and not force:
            return conflicts
        for conflict in conflicts:
            self.fields[conflict.manager].discard(conflict.path)
        others = set().union(*(owned for other, owned in self.fields.items() if other != manager))
        for path in self.fields.get(manager, set()) - wanted.keys() - others:
            _remove(self.live, path)
        for path, value in wanted.items():
            _put(self.live, path, copy.deepcopy(value))
        self.fields[manager] = set(wanted)
        return []

    def merge(self, patch: dict[str, Any], manager: str) -> None:
        """A merge patch: whoever changes a field takes it, as `kubectl edit` does."""
        for path, value in leaves(patch):
            if _at(self.live, path) == value:
                continue
            for owned in self.fields.values():
                owned.discard(path)
            if value is None:
                _remove(self.live, path)
            else:
                _put(self.live, path, value)
                self.fields.setdefault(manager, set()).add(path)

    def fields_of(self, manager: str) -> dict[str, Any]:
        """The fields of a manager, as ``managedFields`` writes them."""
        written: dict[str, Any] = {}
        for path in sorted(self.fields[manager]):
            _put(written, tuple(f"f:{key}" for key in path), {})
        return written

    @property
    def fingerprint(self) -> str:
        """Equal for equal objects."""
        return json.dumps(self.live, sort_keys=True)


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _put(value: dict[str, Any], path: Path, leaf: Any) -> None:
    *outer, last = path
    for key in outer:
        inner = value.get(key)
        if not isinstance(inner, dict):
            inner = value[key] = {}
        value = inner
    value[last] = leaf


def _remove(value: dict[str, Any], path: Path) -> None:
    """The field, and maps that have nothing left."""
    chain = [value]
    for key in path[:-1]:
        inner = chain[-1].get(key)
        if not isinstance(inner, dict):
            return
        chain.append(inner)
    chain[-1].pop(path[-1], None)
    for depth in range(len(path) - 1, 0, -1):
        if not chain[depth]:
            del chain[depth - 1][path[depth - 1]]
