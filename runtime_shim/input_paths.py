"""The parents of a task as Metaflow's manual protocol gives them: ``a,b``, ``prefix:a,b``, or either compressed after
``!``.
"""

from __future__ import annotations

from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.options import UsageError
from penstock.runtime_shim.paths import PathSpec, parse_pathspec

_LONGEST = 64 * 1024 * 1024
"""No list of parents is longer, in bytes: a compressed one must not fill the memory."""


def read_input_paths(text: str | None, filename: str | None) -> list[PathSpec]:
    """The parents, in the given order, from the text of ``--input-paths`` or the file of ``--input-paths-filename``.

    Raises UsageError where neither or both are given or the file can't be read, InvalidName for what is no list of
    ``run/step/task``.
    """
    if (text is None) == (filename is None):
        raise UsageError("step: give either --input-paths or --input-paths-filename")
    if filename is not None:
        try:
            with open(filename, encoding="utf-8") as file:
                text = file.read().strip()
        except (OSError, ValueError) as error:
            raise UsageError(f"step: the file of input paths {filename!r} can't be read: {error}") from None
    return parse_input_paths(text or "")


def parse_input_paths(text: str) -> list[PathSpec]:
    """Read one of the three forms.

    >>> [str(path) for path in parse_input_paths("1/explore/:2,3")]
    ['1/explore/2', '1/explore/3']

    Raises InvalidName.
    """
    if text.startswith("!"):
        text = _decompressed(text[1:])
    prefix, colon, rest = text.partition(":")
    items = [prefix + item for item in rest.split(",")] if colon else text.split(",")
    return [_task(item) for item in items]


def _task(item: str) -> PathSpec:
    spec = parse_pathspec(item)
    if spec.task is None:
        raise InvalidName(f"the input path {item!r} is not of the form run/step/task")
    return spec


def _decompressed(text: str) -> str:
    """The text of form 3: base64 of zlib data; Metaflow 2.19 compresses twice."""
    from base64 import b64decode

    try:
        data = _inflate(b64decode(text, validate=True))
        if data[:1] == b"\x78":
            data = _inflate(data)
        return data.decode()
    except ValueError as error:
        raise InvalidName(f"the compressed input paths can't be read: {error}") from None


def _inflate(data: bytes) -> bytes:
    from zlib import decompressobj
    from zlib import error as zlib_error

    inflater = decompressobj()
    try:
        plain = inflater.decompress(data, _LONGEST)
    except zlib_error as error:
        raise ValueError(str(error)) from None
    if not inflater.eof:
        raise ValueError("the data is cut off" if not inflater.unconsumed_tail else "the list is longer than 64 MB")
    return plain
