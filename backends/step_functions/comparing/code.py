"""What is in a code package: its files, and the parameters that its flow file declares."""

from __future__ import annotations

import ast
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_DECLARING = ("Parameter", "IncludeFile")


class CodeFiles(NamedTuple):
    """The sha1 of each file, and the text with which each parameter is declared, by name."""

    files: Mapping[str, str]
    parameters: Mapping[str, str]


def code_files(data: bytes, script: str) -> CodeFiles | None:
    """What a packed code package holds; ``script`` is the flow file in it.  None where it is no package."""
    files: dict[str, str] = {}
    parameters: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                if file is not None:
                    content = file.read()
                    files[member.name] = hashlib.sha1(content, usedforsecurity=False).hexdigest()
                    if member.name == script:
                        parameters = dict(sorted(declared_parameters(content)))
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return None
    return CodeFiles(dict(sorted(files.items())), parameters)


def declared_parameters(source: bytes) -> Iterator[tuple[str, str]]:
    """The parameters of the classes in a file, as they are written; none of a file that can't be read.

    Nothing is run: what is compared may be somebody else's.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(module):
        for statement in node.body if isinstance(node, ast.ClassDef) else ():
            if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
                continue
            call = statement.value
            if ast.unparse(call.func).rpartition(".")[2] in _DECLARING and isinstance(statement.targets[0], ast.Name):
                yield statement.targets[0].id, ast.unparse(call)
