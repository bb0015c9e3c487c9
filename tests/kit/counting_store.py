"""A datastore in memory that notes every request, as a store across a network would be asked."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from penstock.runtime_shim.datastore.protocol import Attributes, Data, Missing, Put


class CountingStore:
    """Objects in a dictionary; ``requests`` lists ``(verb, key)`` in order."""

    kind = "counting"
    root = "counting://"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._attributes: dict[str, Attributes | None] = {}
        self.requests: list[tuple[str, str]] = []

    def get(self, key: str) -> bytes:
        """The whole object."""
        self.requests.append(("GET", key))
        if key not in self.objects:
            raise Missing(key)
        return self.objects[key]

    def open(self, key: str) -> BinaryIO:
        """The whole object, as a file."""
        return io.BytesIO(self.get(key))

    def attributes(self, key: str) -> Attributes | None:
        """What was stored beside the object."""
        self.requests.append(("HEAD", key))
        return self._attributes[key]

    def put(self, key: str, data: Data, attributes: Attributes | None = None) -> None:
        """Store, overwriting."""
        self.requests.append(("PUT", key))
        self.objects[key] = b"".join(data) if isinstance(data, list) else bytes(data)
        self._attributes[key] = attributes

    def put_if_absent(self, key: str, data: Data, attributes: Attributes | None = None) -> bool:
        """Store unless there is an object already."""
        self.requests.append(("PUT", key))
        if key in self.objects:
            return False
        self.objects[key] = b"".join(data) if isinstance(data, list) else bytes(data)
        self._attributes[key] = attributes
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with ``prefix``."""
        self.requests.append(("LIST", prefix))
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def children(self, prefix: str) -> list[str]:
        """The distinct next parts of the keys below ``prefix``."""
        self.requests.append(("LIST", prefix))
        return sorted({key[len(prefix) :].split("/")[0] for key in self.objects if key.startswith(prefix)})

    def children_many(self, prefixes: Sequence[str]) -> list[list[str]]:
        """:meth:`children` of each prefix."""
        return [self.children(prefix) for prefix in prefixes]

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Several objects."""
        for key in keys:
            yield key, self.get(key)

    def put_many(self, objects: Iterable[Put]) -> None:
        """Store several."""
        for key, data, attributes in objects:
            self.put(key, data, attributes)

    def put_blobs(self, objects: Iterable[Put]) -> None:
        """Store several."""
        self.put_many(objects)

    def location(self, key: str) -> str:
        """A name for messages."""
        return f"{self.root}{key}"
