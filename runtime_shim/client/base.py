"""What flows, runs, steps, tasks and artifacts have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from penstock.runtime_shim.client.failures import InvalidPathspec, NamespaceMismatch, NotFound
from penstock.runtime_shim.client.namespaces import get_namespace
from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.local_metadata import run_facts
from penstock.runtime_shim.paths import checked_name

Child = TypeVar("Child", bound="StoredObject[Any]")

_CURRENT = "current"
_WHAT = ("flow", "run id", "step", "task id")


class StoredObject(Generic[Child]):
    """Something in a datastore, named by its pathspec: ``Flow``, ``Flow/run``, ``Flow/run/step``, ….

    Iterating gives its children, indexing the child of an id, ``in`` says whether there is one.  ``store`` is the
    datastore, that of the configuration where None.

    Raises InvalidPathspec, NotFound, NamespaceMismatch, StorageFailure.
    """

    _depth: ClassVar[int]
    _form: ClassVar[str]

    def __init__(
        self,
        pathspec: str,
        attempt: int | None = None,
        *,
        store: Datastore | None = None,
        _namespace: str | None = _CURRENT,
        _parent: Any = None,
        _seen: bool = False,
    ) -> None:
        self._parts = self._split(pathspec)
        self._attempt = self._checked_attempt(attempt)
        self._store = store or _default_store()
        self._namespace = get_namespace() if _namespace == _CURRENT else _namespace
        self._parent = _parent
        if not _seen:
            if not self._exists():
                raise NotFound(f"{self} does not exist in {self._store.root}", help=self._what_exists())
            if not self._visible():
                raise NamespaceMismatch(
                    f"{self} is not in the namespace `{self._namespace}`",
                    help="namespace(None) shows the runs of all users, namespace('user:NAME') those of one",
                )

    # Names and places

    @property
    def id(self) -> str:
        """Its own name: the last part of the pathspec."""
        return self._parts[-1]

    @property
    def pathspec(self) -> str:
        """What the constructor takes."""
        return "/".join(self._parts)

    @property
    def path_components(self) -> list[str]:
        """The parts of the pathspec."""
        return list(self._parts)

    @property
    def parent(self) -> Any:
        """What it belongs to: a task's step, a step's run, a run's flow; None for a flow."""
        if self._parent is None:
            self._parent = self._make_parent()
        return self._parent

    # Tags and times

    @property
    def tags(self) -> frozenset[str]:
        """All tags of the run it belongs to."""
        return self.user_tags | self.system_tags

    @property
    def user_tags(self) -> frozenset[str]:
        """The tags that people gave the run."""
        return frozenset(self._facts.get("tags") or ())

    @property
    def system_tags(self) -> frozenset[str]:
        """The tags that the run got by itself: user, Python's version, ….  The namespace is one of them."""
        return frozenset(self._facts.get("system_tags") or ())

    @property
    def created_at(self) -> datetime:
        """When it began, in local time."""
        return datetime.fromtimestamp(self._created())

    # Children

    def __iter__(self) -> Iterator[Child]:
        return self._children()

    def __getitem__(self, id: str) -> Child:
        """The child.

        Raises KeyError where there is none.
        """
        try:
            return self._child(id)
        except (NotFound, InvalidPathspec) as error:
            raise KeyError(error.message) from error

    def __contains__(self, id: object) -> bool:
        try:
            self[str(id)]
        except (KeyError, NamespaceMismatch):
            return False
        return True

    def __str__(self) -> str:
        attempt = "" if self._attempt is None else f", attempt={self._attempt}"
        return f"{type(self).__name__}('{self.pathspec}'{attempt})"

    __repr__ = __str__

    # As artifacts: a step may store a run it has found.

    def __getstate__(self) -> dict[str, Any]:
        return {"pathspec": self.pathspec, "attempt": self._attempt, "namespace": self._namespace}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Read our own state, and that of any version of Metaflow's Client."""
        if "data" in state:  # since 2.8.4: pathspec, attempt, [metadata,] [namespace,] whether that is checked
            data = list(state["data"])
            space = data[-2] if len(data) > 3 and data[-1] else None
            self.__init__(data[0], data[1], _namespace=space)  # type: ignore[misc]  # as Metaflow's Client does
        elif "pathspec" in state:
            self.__init__(state["pathspec"], state["attempt"], _namespace=state["namespace"])  # type: ignore[misc]  # see above
        else:
            self.__init__(state["_pathspec"], state.get("_attempt"), _namespace=None)  # type: ignore[misc]  # see above

    # What subclasses say

    def _exists(self) -> bool:
        raise NotImplementedError

    def _created(self) -> float:
        """Seconds since 1970."""
        raise NotImplementedError

    def _children(self) -> Iterator[Child]:
        raise NotImplementedError

    def _child(self, id: str) -> Child:
        raise NotImplementedError

    def _make_parent(self) -> Any:
        return None

    def _what_exists(self) -> str:
        return "check the name and the datastore"

    def _visible(self) -> bool:
        return self._namespace is None or self._namespace in self.tags

    @cached_property
    def _facts(self) -> dict[str, Any]:
        """What is known about the run."""
        if self._parent is not None and self._depth > 2:
            facts: dict[str, Any] = self._parent._facts
            return facts
        return run_facts(self._store, self._parts[0], self._parts[1]) or {}

    def _context(self) -> dict[str, Any]:
        """What a child is made with."""
        return {"store": self._store, "_namespace": self._namespace, "_parent": self}

    def _split(self, pathspec: str) -> tuple[str, ...]:
        parts = tuple(str(pathspec).split("/"))
        if len(parts) != self._depth:
            raise InvalidPathspec(f"{pathspec!r} is not of the form {self._form}")
        try:
            for part, what in zip(parts, _WHAT, strict=False):
                checked_name(part, what)
        except InvalidName as error:
            raise InvalidPathspec(error.message) from error
        return parts

    def _checked_attempt(self, attempt: int | None) -> int | None:
        if attempt is None:
            return None
        if self._depth < 4 or int(attempt) < 0:
            raise InvalidPathspec(
                f"attempt {attempt} of {type(self).__name__}: tasks and artifacts have attempts, from 0"
            )
        return int(attempt)


def _default_store() -> Datastore:
    from penstock.runtime_shim.datastore.opening import client_store

    return client_store()
