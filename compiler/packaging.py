"""The code package: what a container needs to run a step, as one file named by its content."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType

import penstock.runtime_shim
from penstock.compiler.diagnostics import Diagnostic, Refused, Severity, has_errors
from penstock.compiler.package_files import DEFAULT_SUFFIXES, IGNORE_FILE, find_files, unreadable
from penstock.runtime_shim.plan import PLAN_FILE

LARGE = 50 * 1024 * 1024
"""Bytes of a package above which the user is told what is so big in it."""
STORED_RAW: Mapping[str, object] = MappingProxyType({"cas_raw": True, "cas_version": 1})
"""The attributes of the stored package: Metaflow's Client reads it as it is."""


@dataclass(frozen=True)
class CodePackage:
    """``sha`` is the SHA-1 of ``tar``, so it doesn't depend on how a machine compresses; ``sizes`` are the bytes of
    each file by name; ``warnings`` is what there is to say about it.
    """

    sha: str
    tar: bytes
    sizes: Mapping[str, int]
    warnings: tuple[Diagnostic, ...] = ()

    @cached_property
    def data(self) -> bytes:
        """What is stored: the tar file, compressed."""
        return gzip.compress(self.tar, compresslevel=6, mtime=0)

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names, sorted."""
        return tuple(self.sizes)


def build_package(
    flow_file: str, plan_json: bytes, suffixes: Collection[str] = DEFAULT_SUFFIXES, output: str | None = None
) -> CodePackage:
    """The package of the flow in ``flow_file``: the files of its folder that end in one of ``suffixes``, the shim and
    the plan.

    The same files give the same bytes: names are sorted, modes and times the same for all.  ``output`` is what the
    command writes, which never is part of the package.  Raises Refused for files that can't be packed.
    """
    folder = os.path.dirname(os.path.abspath(flow_file))
    found = find_files(folder, suffixes, output)
    paths = dict(found.files)
    diagnostics = list(found.diagnostics)
    flow_name = os.path.basename(flow_file)
    paths.setdefault(flow_name, os.path.join(folder, flow_name))  # whatever its suffix: it is what runs
    diagnostics += _collisions(folder, paths)
    contents = dict(_contents(paths, diagnostics))
    if has_errors(diagnostics):
        raise Refused(diagnostics)
    contents.update((name, _read(path)) for name, path in shim_files())
    contents[PLAN_FILE] = plan_json
    tar = _tar(contents)
    sizes = {name: len(contents[name]) for name in sorted(contents)}
    warnings = (*diagnostics, *_size_warning(sizes))
    return CodePackage(hashlib.sha1(tar, usedforsecurity=False).hexdigest(), tar, MappingProxyType(sizes), warnings)


def suffixes_of(text: str | None) -> tuple[str, ...]:
    """Read ``--package-suffixes .py,.csv``; `.py` is always among them."""
    given = (part.strip() for part in (text or "").split(","))
    return tuple(dict.fromkeys([*DEFAULT_SUFFIXES, *filter(None, given)]))


_EMBEDDED = ("aws/signing.py", "aws/addresses.py", "aws/certificates.py", "aws/given.py", "bootstrap.py")
"""What a bootstrap is made of, in the order in which each needs what stands before it."""
_MOUNTED = ("mounted_variables.py",)
_DOCSTRING = re.compile(r'^ *"""(?:[^"]|"(?!""))*"""\n', re.MULTILINE)
_CLASS = re.compile(r'^(class [^\n]+:\n) *"""(?:[^"]|"(?!""))*"""\n', re.MULTILINE)
_OURS = re.compile(r"^from penstock\.runtime_shim\.aws\.\w+ import (?:\([^)]*\)|[^\n]+)\n", re.MULTILINE)
_IMPORT = re.compile(r"^(?:from|import) [^\n]+\n", re.MULTILINE)


@cache
def bootstrap(*, mounted_variables: bool = False) -> str:
    """The program that a bare container starts with, small enough to stand in a job definition.

    The sources of ``penstock.runtime_shim.bootstrap`` and of what it imports of ours, one after the other; with
    ``mounted_variables`` behind ``penstock.runtime_shim.mounted_variables``.
    """
    return _program((*(_MOUNTED if mounted_variables else ()), *_EMBEDDED))


@cache
def program_from_image(*, mounted_variables: bool = False) -> str:
    """The program that a container starts with whose image has Penstock: ``penstock.runtime_shim.from_image``, with
    ``mounted_variables`` as for :func:`bootstrap`.
    """
    return _program((*(_MOUNTED if mounted_variables else ()), "from_image.py"))


def _program(names: Iterable[str]) -> str:
    """Sources of the shim as one program, without comments, docstrings and blank lines, indented by one space: made by
    lines and not by a parser, so that every interpreter gives the same bytes.
    """
    shim = os.path.dirname(penstock.runtime_shim.__file__)
    source = "".join(_read(os.path.join(shim, name)).decode() for name in names)
    # Some classes are nothing but a docstring.
    source = _OURS.sub("", _DOCSTRING.sub("", _CLASS.sub(r"\1    pass\n", source)))
    future = "from __future__ import annotations\n"
    imports = sorted(set(_IMPORT.findall(source)) - {future})
    lines = []
    for line in _IMPORT.sub("", source).splitlines():
        code = line.strip()
        if code and not code.startswith("#"):
            indent = (len(line) - len(line.lstrip())) // 4
            lines.append(" " * indent + code.split("  # ")[0])
    return future + "".join(imports) + "\n".join(lines)


def shim_files() -> list[tuple[str, str]]:
    """What of Penstock is in every package: (name in the package, path on this machine), sorted."""
    shim = os.path.dirname(penstock.runtime_shim.__file__)
    files = []
    for folder, _, names in os.walk(shim):
        inside = os.path.relpath(folder, shim).replace(os.sep, "/")
        below = "penstock/runtime_shim/" + ("" if inside == "." else inside + "/")
        files += [(below + name, os.path.join(folder, name)) for name in names if name.endswith(".py")]
    face = os.path.dirname(_source_of_face())
    files += [(f"penstock/{name}", os.path.join(face, name)) for name in ("__init__.py", "__main__.py")]
    return sorted(files)


def _source_of_face() -> str:
    import penstock

    path = penstock.__file__
    if path is None:
        raise RuntimeError("penstock is a namespace package here: its installation is broken")
    return path


def _collisions(folder: str, paths: dict[str, str]) -> Iterator[Diagnostic]:
    """The user's files that would take the place of ours.

    Penstock's own folder, beside a flow in a checkout or in site-packages, is taken out of ``paths``: it is packed
    anyway.
    """
    inside = [name for name in paths if name.startswith("penstock/")]
    ours = os.path.dirname(os.path.realpath(_source_of_face()))
    if os.path.realpath(os.path.join(folder, "penstock")) == ours:
        for name in inside:
            del paths[name]
        inside = []
    taken = [name for name in ("penstock.py", PLAN_FILE) if name in paths] + (["penstock"] if inside else [])
    for name in taken:
        message = f"{os.path.join(folder, name)} would take the place of Penstock's own {name} in the code package"
        yield Diagnostic("P535", message, help=f"rename it, or name it in {IGNORE_FILE}")


def _contents(paths: dict[str, str], diagnostics: list[Diagnostic]) -> Iterator[tuple[str, bytes]]:
    for name, path in paths.items():
        try:
            yield name, _read(path)
        except OSError as error:  # noqa: PERF203 - every file that can't be read is told
            diagnostics.append(unreadable(path, error))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _tar(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(contents):
            member = tarfile.TarInfo(name)
            member.size = len(contents[name])
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(contents[name]))
    return buffer.getvalue()


def _size_warning(sizes: Mapping[str, int]) -> Iterator[Diagnostic]:
    total = sum(sizes.values())
    if total > LARGE:
        biggest = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:3]
        shown = ", ".join(f"{name} ({size / 1e6:.1f} MB)" for name, size in biggest)
        message = f"the code package holds {total / 1e6:.1f} MB, which every task downloads; the biggest files: {shown}"
        help_text = f"name what steps don't need in {IGNORE_FILE}"
        yield Diagnostic("P536", message, help=help_text, severity=Severity.WARNING)
