"""A folder as a datastore: one file per object, laid out as Metaflow's local datastore.

Every write goes to a temporary file in the object's own folder and is renamed over the target, so that a reader, or a
process that is killed, never sees or leaves a part of an object.  Nothing is synced to the disk: what a killed process
has written stays in the kernel's page cache and is whole, and only a power cut can lose it.  Syncing would cost
milliseconds for each of the dozens of small files of a task; the run would be repeated anyway.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from penstock.runtime_shim.datastore.faults import local_failure
from penstock.runtime_shim.datastore.protocol import Attributes, Data, Missing, Put, StorageFailure, pieces_of

TEMPORARY = ".penstock-"
"""How the names of files being written begin; such names are never keys."""
SIDECAR = "_meta"
"""``<name>_meta`` beside ``<name>`` holds its attributes, as in Metaflow."""


class LocalDatastore:
    """Objects below the folder ``root``, which is made when the first object is stored."""

    kind = "local"

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(os.path.expanduser(root))

    def location(self, key: str) -> str:
        """The file of ``key``.

        Raises StorageFailure for a key that cannot be one.
        """
        parts = key.split("/")
        if not all(parts) or "\0" in key or any(part in (".", "..") or part.startswith(TEMPORARY) for part in parts):
            raise StorageFailure(f"{key!r} cannot be a key of the datastore {self.root}")
        if parts[-1].endswith(SIDECAR):
            raise StorageFailure(
                f"{key!r} cannot be a key of the datastore {self.root}: names ending in `{SIDECAR}` hold attributes"
            )
        return os.path.join(self.root, key)

    def get(self, key: str) -> bytes:
        """The whole object."""
        path = self.location(key)
        try:
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise self._missing(key) from None
        except OSError as error:
            raise local_failure(error, self.root, f"read `{key}`") from error

    def open(self, key: str) -> BinaryIO:
        """The object's file: what reads it copies it straight from the system's cache."""
        path = self.location(key)
        try:
            return open(path, "rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise self._missing(key) from None
        except OSError as error:
            raise local_failure(error, self.root, f"read `{key}`") from error

    def attributes(self, key: str) -> Attributes | None:
        """What stands in the file beside the object."""
        path = self.location(key)
        try:
            with open(path + SIDECAR, "rb") as file:
                found: Attributes = json.load(file)
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.isfile(path):
                raise self._missing(key) from None
            return None
        except OSError as error:
            raise local_failure(error, self.root, f"read the attributes of `{key}`") from error
        except ValueError as error:
            raise StorageFailure(
                f"the attributes of `{key}` in the local datastore {self.root} are not JSON",
                help=f"remove {path}{SIDECAR}",
            ) from error
        return found

    def put(self, key: str, data: Data, attributes: Attributes | None = None) -> None:
        """Store, overwriting.

        The attributes are there before the object is: whoever finds the object finds them.
        """
        path = self.location(key)
        try:
            if attributes is not None:
                self._place(path + SIDECAR, json.dumps(dict(attributes)).encode())
            self._place(path, data)
        except OSError as error:
            raise local_failure(error, self.root, f"store `{key}`") from error

    def put_if_absent(self, key: str, data: Data, attributes: Attributes | None = None) -> bool:
        """Store unless there is an object already.

        The whole object is written aside and linked to its name, which of several processes only one can do.  The
        attributes follow, once it is known whose they are.
        """
        path = self.location(key)
        try:
            if os.path.isfile(path):
                return False
            temporary = self._write_aside(path, data)
            try:
                won = _link(temporary, path, data)
            finally:
                os.unlink(temporary)
            if won and attributes is not None:
                self._place(path + SIDECAR, json.dumps(dict(attributes)).encode())
        except OSError as error:
            raise local_failure(error, self.root, f"store `{key}`") from error
        return won

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with ``prefix``, sorted as text."""
        folder = prefix.rpartition("/")[0]
        found: list[str] = []
        folders = [folder]
        while folders:
            at = folders.pop()
            start = f"{at}/" if at else ""
            entries = self._entries(at)
            files = {entry.name for entry in entries if not entry.is_dir()}
            found.extend(start + name for name in files if _is_key(name, files) and (start + name).startswith(prefix))
            folders.extend(
                start + entry.name for entry in entries if entry.is_dir() and f"{start}{entry.name}/".startswith(prefix)
            )
        yield from sorted(found)

    def children(self, prefix: str) -> list[str]:
        """The distinct next parts of the keys below ``prefix``."""
        entries = self._entries(prefix.rstrip("/"))
        files = {entry.name for entry in entries if not entry.is_dir()}
        names = [name for name in files if _is_key(name, files)]
        names.extend(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(TEMPORARY))
        return sorted(names)

    def children_many(self, prefixes: Sequence[str]) -> list[list[str]]:
        """:meth:`children` of each prefix."""
        return [self.children(prefix) for prefix in prefixes]

    def get_many(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Several objects, one after the other: a local disk gains nothing from threads."""
        for key in keys:
            yield key, self.get(key)

    def put_many(self, objects: Iterable[Put]) -> None:
        """Store several, one after the other."""
        for key, data, attributes in objects:
            self.put(key, data, attributes)

    def put_blobs(self, objects: Iterable[Put]) -> None:
        """Store those that are not there yet.

        One that is there, whoever wrote it, stays with the attributes that describe its encoding.
        """
        for key, data, attributes in objects:
            if not _holds_something(self.location(key)):
                self.put(key, data, attributes)

    def _missing(self, key: str) -> Exception:
        """Missing, or what is wrong where the root itself is a file or may not be looked into."""
        try:
            if not os.path.isdir(self.root) and os.path.lexists(self.root):
                raise NotADirectoryError(20, os.strerror(20), self.root)
            os.stat(self.root)
        except FileNotFoundError:
            pass  # nothing has been stored yet, this key neither
        except OSError as error:
            return local_failure(error, self.root, f"read `{key}`")
        return Missing(key)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        path = os.path.join(self.root, folder) if folder else self.root
        doing = f"list `{folder}`" if folder else "list what is"
        try:
            with os.scandir(path) as entries:
                return list(entries)
        except FileNotFoundError:
            return []
        except NotADirectoryError as error:
            if os.path.isdir(self.root):
                return []
            raise local_failure(error, self.root, doing) from error
        except OSError as error:
            raise local_failure(error, self.root, doing) from error

    def _place(self, path: str, data: Data) -> None:
        temporary = self._write_aside(path, data)
        try:
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise

    def _write_aside(self, path: str, data: Data) -> str:
        """Write a temporary file beside ``path`` and return its name; on any error it is gone again."""
        folder = os.path.dirname(path)
        temporary = os.path.join(folder, TEMPORARY + os.urandom(8).hex())
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                _write_all(descriptor, data)
            finally:
                os.close(descriptor)
        except BaseException:
            os.unlink(temporary)
            raise
        return temporary


def _write_all(descriptor: int, data: Data) -> None:
    for piece in pieces_of(data):
        rest = piece
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def _link(temporary: str, path: str, data: Data) -> bool:
    """Give the file its name unless the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:
        # Some file systems have no hard links.  Creating the name exclusively still lets one process win; a reader
        # may see the object while it is written, which the others never show.
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            return False
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)
    return True


def _is_key(name: str, names: set[str]) -> bool:
    return not name.startswith(TEMPORARY) and not (name.endswith(SIDECAR) and name[: -len(SIDECAR)] in names)


def _holds_something(path: str) -> bool:
    """Whether a blob is there; an empty file is none: a pickle has at least two bytes."""
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False
