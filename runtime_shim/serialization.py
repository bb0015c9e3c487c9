"""Artifacts as bytes: pickle protocol 4, with Metaflow's classes under Metaflow's names.

Two of our classes stand in stored artifacts, the frames of the foreach stack and wrapped exceptions.  They are
written under the names that Metaflow gave its own, and read back from those names, so that neither side needs the
other installed.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, NoReturn

from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, Failure
from penstock.runtime_shim.frames import ForeachFrame
from penstock.runtime_shim.wrapped_exceptions import MetaflowExceptionWrapper

PROTOCOL = 4
"""Metaflow's: the same value gives the same bytes, hence the same sha, in both."""

_STORED_NAMES: dict[object, tuple[str, str]] = {
    ForeachFrame: ("metaflow.task", "ForeachFrame"),
    MetaflowExceptionWrapper: ("metaflow.exception", "MetaflowExceptionWrapper"),
}


class BrokenArtifact(Failure):
    """The bytes are no pickle, or what they describe cannot be built."""

    code = "R118"
    exit_code = EXIT_DO_NOT_RETRY


class UnknownClass(Failure):
    """The artifact needs a module or class that is not here."""

    code = "R119"
    exit_code = EXIT_DO_NOT_RETRY


class Unpicklable(Failure):
    """A value that pickle refuses."""

    code = "R165"
    exit_code = EXIT_DO_NOT_RETRY


def dumps(value: object, name: str = "") -> bytes:
    """Pickle ``value``.

    Raises Unpicklable, naming the artifact ``name``, its type and pickle's reason.
    """
    return b"".join(dump_pieces(value, name))


def dump_pieces(value: object, name: str = "") -> list[bytes]:
    """The pickle of ``value`` in pieces that follow one another; big bytes in it are not copied.

    Raises as :func:`dumps`.
    """
    pieces: list[bytes] = []
    sink = _Sink(pieces)
    try:
        try:
            _Pickler(sink).dump(value)
        except _NeedsStoredNames:
            pieces.clear()
            _NamingPickler(sink, PROTOCOL).dump(value)
    except Exception as error:  # __reduce__ of a class of the user's may raise anything
        kind = type(value)
        raise Unpicklable(
            f"the artifact `{name}` of type {kind.__module__}.{kind.__qualname__} cannot be stored: {error}",
            help="keep it in a local variable, or store what it is made from",
        ) from error
    return pieces


def loads(data: bytes, where: str = "") -> Any:
    """The value of a pickle, Metaflow's classes as ours; ``where`` names it in failures
    (``Flow/run/step/task/artifact``).

    Raises UnknownClass, BrokenArtifact.
    """
    return load(io.BytesIO(data), where)


def load(file: BinaryIO, where: str = "") -> Any:
    """As :func:`loads`, from a file: big bytes in it are read straight to where they belong."""
    try:
        return _Unpickler(file).load()
    except _NotHere as error:
        cause = error.__cause__
        changed = "its module has changed since it was stored"
        raise UnknownClass(
            f"the artifact {where} cannot be read: it needs `{error}`, which is not here ({cause})",
            help="install it where this runs" if isinstance(cause, ImportError) else changed,
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # a broken pickle can raise anything, and so can a class's __setstate__
        raise BrokenArtifact(
            f"the artifact {where} cannot be read: {type(error).__name__}: {error}",
            help="run the step that made it again",
        ) from error


class _NeedsStoredNames(Exception):
    """The C pickler met a class of ours: it insists on importing what it names, so the slower one has to write it."""


def _give_up(value: object) -> NoReturn:
    raise _NeedsStoredNames


class _Sink:
    """What a pickler writes to; big bytes arrive as they are, uncopied."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.write = pieces.append


class _Pickler(pickle.Pickler):
    def __init__(self, sink: Any) -> None:
        super().__init__(sink, PROTOCOL)
        # Made anew each time, since a step may register reducers of its own.
        self.dispatch_table: dict[Any, Any] = {**copyreg.dispatch_table, **dict.fromkeys(_STORED_NAMES, _give_up)}


_PythonPickler: Any = pickle._Pickler
"""The Python class behind the C one; typeshed knows little of it."""


class _NamingPickler(_PythonPickler):  # type: ignore[misc]  # the base is Any, see above
    def save_global(self, obj: Any, name: str | None = None) -> None:
        stored = _STORED_NAMES.get(obj) if isinstance(obj, type) else None
        if stored is None:
            super().save_global(obj, name)
            return
        for part in stored:
            self.save(part)
        self.write(pickle.STACK_GLOBAL)
        self.memoize(obj)


class _NotHere(Exception):
    """Name of a class that cannot be imported; ``__cause__`` says why."""


class _StoredFrame:
    """Reads a frame of any version of Metaflow: 2.0 stored four fields, later ones a fifth, the split's value as
    text.
    """

    def __new__(  # type: ignore[misc]  # unpickling makes our class from theirs
        cls, step: str, var: str, num_splits: int, index: int, value: object = None
    ) -> ForeachFrame:
        return ForeachFrame(step, var, num_splits, index)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name == "ForeachFrame" and _is_metaflows_frame(module):
            return _StoredFrame
        reader = _READERS.get((module, name))
        if reader is not None:
            return reader()
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError) as error:
            raise _NotHere(f"{module}.{name}") from error


def _is_metaflows_frame(module: str) -> bool:
    """Metaflow 2.19 files its frames under ``__main__``, where a flow may have a class of that name too."""
    if module == "__main__":
        own = getattr(sys.modules.get("__main__"), "ForeachFrame", None)
        return own is None or getattr(own, "_fields", ())[:4] == ForeachFrame._fields
    return module in ("metaflow.task", "metaflow.tuple_util", "metaflow.util")


def _client_class(name: str) -> Callable[[], Any]:
    def find() -> Any:
        from penstock.runtime_shim import client

        return getattr(client, name)

    return find


_READERS: dict[tuple[str, str], Callable[[], Any]] = {
    ("metaflow.exception", "MetaflowExceptionWrapper"): lambda: MetaflowExceptionWrapper,
    **{("metaflow.client.core", name): _client_class(name) for name in ("Flow", "Run", "Step", "Task", "DataArtifact")},
}
"""Metaflow's other classes that are found in artifacts, by their stored names."""
