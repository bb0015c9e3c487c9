"""What a datastore must do.  Keys are ``/``-separated, relative to the root; values are bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Protocol

from penstock.runtime_shim.failures import EXIT_RETRY_ALLOWED, Failure

Attributes = Mapping[str, object]
"""JSON-able facts kept beside an object (Metaflow's ``metaflow-user-attributes``): locally in ``<key>_meta``, on S3
as metadata.
"""

Data = bytes | memoryview | list[bytes]
"""What is stored: bytes, or pieces that follow one another, so that what is big need not be put together first."""

Put = tuple[str, Data, "Attributes | None"]
"""One object to store: key, data, attributes."""


class Missing(KeyError):
    """No object of that key; ``args[0]`` is the key."""


class StorageFailure(Failure):
    """The store could not be reached or refused: one sentence naming the store, the key and what to do."""

    code = "R110"
    exit_code = EXIT_RETRY_ALLOWED


def pieces_of(data: Data) -> list[memoryview]:
    """The data as views of bytes."""
    return [memoryview(piece).cast("B") for piece in (data if isinstance(data, list) else [data]) if len(piece)]


def size_of(data: Data) -> int:
    """Bytes of the data."""
    return sum(piece.nbytes for piece in pieces_of(data))


class Datastore(Protocol):
    """A place for objects.  Safe to use from several threads and processes at once."""

    @property
    def kind(self) -> str:
        """``local``, ``s3``, or a plugin's name: what `--datastore` takes and ``N.data.json`` records."""
        ...

    @property
    def root(self) -> str:
        """Where it stands: an absolute folder, or ``s3://bucket/prefix``."""
        ...

    def get(self, key: str) -> bytes:
        """The whole object.

        Raises Missing, StorageFailure.
        """
        ...

    def put(self, key: str, data: Data, attributes: Attributes | None = None) -> None:
        """Store, overwriting; a reader sees the old object or the new one, never a part.

        Raises StorageFailure.
        """
        ...

    def put_if_absent(self, key: str, data: Data, attributes: Attributes | None = None) -> bool:
        """Store unless there is an object already; of several writers at once exactly one gets True.

        Raises StorageFailure.
        """
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with ``prefix``, sorted as text; attributes are not keys.

        Raises StorageFailure.
        """
        ...

    def children(self, prefix: str) -> list[str]:
        """The distinct next parts of the keys below ``prefix`` (which ends in ``/``): what a folder listing shows,
        sorted.

        Raises StorageFailure.
        """
        ...

    def open(self, key: str) -> BinaryIO:
        """The object to be read as a file, so that what is big need not be in memory twice; close it.

        Raises Missing, StorageFailure.
        """
        ...

    def attributes(self, key: str) -> Attributes | None:
        """What was stored beside the object; None where nothing was.

        Raises Missing, StorageFailure.
        """
        ...

    def children_many(self, prefixes: Sequence[str]) -> list[list[str]]:
        """:meth:`children` of each prefix, in their order, fetched together where that helps.

        Raises StorageFailure.
        """
        ...

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Several objects, in the order of ``keys``, fetched in parallel where that helps.

        Raises Missing for the first that is not there, StorageFailure.
        """
        ...

    def put_many(self, objects: Iterable[Put]) -> None:
        """Store several as by :meth:`put`, in parallel where that helps; all are stored when it returns.

        Takes the next object only when there is room for it, so that a generator's objects need not be in memory at
        once. Raises StorageFailure after the first that failed; others may have been stored.
        """
        ...

    def put_blobs(self, objects: Iterable[Put]) -> None:
        """As :meth:`put_many`, for keys that name their content: one that is there already may be left alone."""
        ...

    def location(self, key: str) -> str:
        """The full path or URL of ``key``."""
        ...
