"""Which files of a flow's folder go into its code package."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from penstock.compiler.diagnostics import Diagnostic, Severity
from penstock.compiler.ignoring import Rule, is_ignored, parse_rules

IGNORE_FILE = ".penstockignore"
DEFAULT_SUFFIXES = (".py",)
_NEVER_PACKED = frozenset({".git", ".hg", ".svn", ".bzr", "CVS", ".metaflow", "__pycache__"})
"""Folders that no `.penstockignore` can take in."""
_DEFAULT_RULES = parse_rules(".*\n/build/\nnode_modules/\n*.egg-info/\n")
"""What is left out unless `.penstockignore` says otherwise: hidden files and folders, and what tools build."""


@dataclass
class Found:
    """``files`` are (name in the package, path on this machine), sorted by name."""

    files: list[tuple[str, str]] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Folder:
    """``name`` is empty or ends in ``/``; ``chain`` identifies the folders around it and itself, to notice cycles."""

    path: str
    name: str
    rules: tuple[tuple[str, tuple[Rule, ...]], ...]
    chain: frozenset[tuple[int, int]]


def find_files(root: str, suffixes: Collection[str], output: str | None = None) -> Found:
    """The files below ``root`` whose names end in one of ``suffixes``, symbolic links followed.

    Left out are ``output`` (a file or folder that the command writes), virtual environments, version control, what
    tools build, and what `.penstockignore` names.  Files that match and can't be packed are errors; links that lead
    nowhere or back to a folder around them are warnings.
    """
    found = Found()
    avoided = os.path.realpath(output) if output is not None else None
    try:
        start = _Folder(root, "", (("", _DEFAULT_RULES),), frozenset({_identity(root)}))
    except OSError as error:
        found.diagnostics.append(unreadable(root, error))
        return found
    pending = [start]
    endings = tuple(suffixes)
    while pending:
        folder = pending.pop()
        for entry, name in _entries(folder, found):
            if avoided is not None and os.path.realpath(entry.path) == avoided:
                continue
            inner = _look(entry, name, folder, endings, found)
            if inner is not None:
                pending.append(inner)
    found.files.sort()
    return found


def _entries(folder: _Folder, found: Found) -> Iterator[tuple[os.DirEntry[str], str]]:
    """The folder's entries that are not ignored, with their names in the package."""
    try:
        entries = sorted(os.scandir(folder.path), key=lambda entry: entry.name)
    except OSError as error:
        found.diagnostics.append(unreadable(folder.path, error))
        return
    rules = folder.rules + _own_rules(folder, entries, found)
    object.__setattr__(folder, "rules", rules)
    for entry in entries:
        name = folder.name + entry.name
        if entry.name not in _NEVER_PACKED and not is_ignored(name, is_folder=_is_folder(entry), rules=rules):
            yield entry, name


def _own_rules(
    folder: _Folder, entries: list[os.DirEntry[str]], found: Found
) -> tuple[tuple[str, tuple[Rule, ...]], ...]:
    for entry in entries:
        if entry.name == IGNORE_FILE:
            try:
                with open(entry.path, encoding="utf-8") as file:
                    return ((folder.name, parse_rules(file.read())),)
            except (OSError, UnicodeDecodeError) as error:
                found.diagnostics.append(unreadable(entry.path, error))
    return ()


def _look(
    entry: os.DirEntry[str], name: str, folder: _Folder, endings: tuple[str, ...], found: Found
) -> _Folder | None:
    """Take the entry in if it is a file to pack; returns it if it is a folder to look into."""
    if _is_folder(entry):
        return _inner_folder(entry, name, folder, found)
    if not name.endswith(endings):
        return None
    if not entry.is_file():
        if entry.is_symlink():
            found.diagnostics.append(_left_out(f"the symbolic link {entry.path} leads to no file"))
        return None
    if _is_odd(name):
        message = f"the file {os.fsencode(entry.path)!r} can't be packed: its name is not printable text"
        found.diagnostics.append(Diagnostic("P535", message, help=f"rename it, or name it in {IGNORE_FILE}"))
        return None
    found.files.append((name, entry.path))
    return None


def _inner_folder(entry: os.DirEntry[str], name: str, folder: _Folder, found: Found) -> _Folder | None:
    if os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
        return None
    try:
        identity = _identity(entry.path)
    except OSError as error:
        found.diagnostics.append(unreadable(entry.path, error))
        return None
    if identity in folder.chain:
        found.diagnostics.append(_left_out(f"the symbolic link {entry.path} leads back to a folder around it"))
        return None
    return _Folder(entry.path, name + "/", folder.rules, folder.chain | {identity})


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _is_odd(name: str) -> bool:
    """Whether a name holds bytes that are no text, or characters that a listing could not show."""
    return "\\" in name or not name.isprintable()


def unreadable(path: str, error: OSError | UnicodeDecodeError) -> Diagnostic:
    """The diagnostic of a file or folder that can't be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    message = f"{path} can't be read for the code package: {reason}"
    return Diagnostic("P533", message, help=f"make it readable, or name it in {IGNORE_FILE}")


def _left_out(sentence: str) -> Diagnostic:
    help_text = f"remove it, or name it in {IGNORE_FILE}"
    return Diagnostic("P534", f"{sentence}: left out of the code package", help=help_text, severity=Severity.WARNING)
