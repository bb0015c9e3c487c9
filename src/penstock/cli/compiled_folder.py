"""A folder of compiled flows: what `penstock compile -o` writes and `penstock diff` reads.

`<flow>/<target>/…` holds the files of a target; `penstock.json` lists all of them.  The same flows give the same
bytes, so the folder can be kept in git.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.backends.protocol import Bundle
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.cli.flow_files import FlowAnswer

MANIFEST = "penstock.json"
FORMAT = 1
_STAGING = ".penstock-"
_NAMED = 3


@dataclass(frozen=True)
class CompiledFolder:
    """``bundles`` by flow and target, as they stand on the disk; ``refused`` are flows with the targets that refused
    them.
    """

    bundles: Mapping[tuple[str, str], Bundle]
    refused: frozenset[tuple[str, str]] = frozenset()

    def about(self, flows: Container[str | None]) -> CompiledFolder:
        """What it holds of these flows: of the others nothing is known, where a file could not be loaded."""
        bundles = {key: bundle for key, bundle in self.bundles.items() if key[0] in flows}
        return CompiledFolder(bundles, frozenset(key for key in self.refused if key[0] in flows))


def of_answers(answers: Iterable[FlowAnswer]) -> CompiledFolder:
    """What a folder of these answers would hold."""
    bundles: dict[tuple[str, str], Bundle] = {}
    refused = set()
    for answer in answers:
        for name, target in answer.targets.items():
            if target.refused:
                refused.add((str(answer.flow), name))
            else:
                files = {path: (target.folder / path).read_bytes() for path in target.files}
                bundles[str(answer.flow), name] = Bundle(files, target.main)
    return CompiledFolder(bundles, frozenset(refused))


def read_folder(folder: str) -> CompiledFolder:
    """Read what :func:`write_folder` wrote; a file that is missing is not there.

    Raises Refused (P512) where the folder was not written so.
    """
    bundles: dict[tuple[str, str], Bundle] = {}
    refused: set[tuple[str, str]] = set()
    try:
        for flow, entry in _manifest(folder)["flows"].items():
            refused.update((flow, target) for target in entry["refused"])
            for target, each in entry["targets"].items():
                paths = {path: _inside(folder, flow, target, path) for path in each["files"]}
                files = {path: file.read_bytes() for path, file in paths.items() if file.exists()}
                if each["main"] in files:
                    bundles[flow, target] = Bundle(files, each["main"])
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
    except (KeyError, TypeError, AttributeError):
        reason = f"{MANIFEST} does not list flows and their files"
    except ValueError as error:
        reason = f"{MANIFEST}: {error}"
    else:
        return CompiledFolder(bundles, frozenset(refused))
    message = f"{folder} is no folder of compiled flows: {reason}"
    raise Refused([Diagnostic("P512", message, help="name a folder that `penstock compile -o` wrote")])


def write_folder(folder: str, answers: Iterable[FlowAnswer]) -> None:
    """Make the folder hold what the answers do, and nothing else of an earlier compile; files that are not ours stay.

    Where a file could not be loaded, nobody knows which flow it has: then nothing of the flows that no answer is about
    is removed.  Everything is written beside first, so that a full disk changes nothing.  Raises Refused (P511) where a
    file that is not ours is in the way, or the folder can't be written.
    """
    answers = list(answers)
    try:
        before, entries = _listed(folder)
        complete = all(answer.flow is not None for answer in answers)
        kept = {} if complete else {flow: each for flow, each in entries.items() if flow not in _flows(answers)}
        before = {path for path in before if path.partition("/")[0] not in kept}
        wanted = dict(_wanted(answers, kept))
        _demand_free(folder, set(wanted) - before, wanted)
        os.makedirs(folder, exist_ok=True)
        _sweep(folder)
        staging = tempfile.mkdtemp(prefix=_STAGING, dir=folder)
        try:
            _replace(folder, staging, wanted, before)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        message = f"the compiled flows can't be written to {folder}: {error.strerror}"
        raise Refused([Diagnostic("P511", message, help="make room there, or choose another folder with -o")]) from None


def _flows(answers: Iterable[FlowAnswer]) -> set[str | None]:
    return {answer.flow for answer in answers}


def _wanted(answers: Iterable[FlowAnswer], kept: Mapping[str, Any]) -> Iterable[tuple[str, bytes]]:
    """Every file by its path in the folder, the manifest last, which lists what is ``kept`` too."""
    flows: dict[str, Any] = dict(kept)
    for answer in answers:
        if not answer.targets:
            continue
        entry: dict[str, Any] = {"file": answer.file.replace(os.sep, "/"), "targets": {}, "refused": []}
        flows[str(answer.flow)] = entry
        for name, target in sorted(answer.targets.items()):
            if target.refused:
                entry["refused"].append(name)
                continue
            listed = {}
            for path in target.files:
                data = (target.folder / path).read_bytes()
                listed[path] = hashlib.sha256(data).hexdigest()
                yield f"{answer.flow}/{name}/{path}", data
            entry["targets"][name] = {
                "name": target.name,
                "main": target.main,
                "package": target.package,
                "files": listed,
            }
    document = {"format": FORMAT, "flows": dict(sorted(flows.items()))}
    yield MANIFEST, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _listed(folder: str) -> tuple[set[str], Mapping[str, Any]]:
    """The files of an earlier compile, by their path in the folder, and what the manifest says of each flow.

    Raises Refused where there is a manifest that can't be read: what is ours is not known then.
    """
    try:
        flows = _manifest(folder)["flows"]
        paths = [
            _inside(folder, flow, target, path).relative_to(folder).as_posix()
            for flow, entry in flows.items()
            for target, each in entry["targets"].items()
            for path in each["files"]
        ]
    except (FileNotFoundError, NotADirectoryError):
        return set(), {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{os.path.join(folder, MANIFEST)} can't be read, which lists what an earlier compile wrote: {error}"
        raise Refused([Diagnostic("P511", message, help="remove the folder, or choose another with -o")]) from None
    return {*paths, MANIFEST}, flows


def _manifest(folder: str) -> Any:
    text = Path(folder, MANIFEST).read_text(encoding="utf-8")
    document = json.loads(text)
    if document["format"] != FORMAT:
        raise ValueError(f"it has the format {document['format']!r}, and this is Penstock for the format {FORMAT}")
    return document


def _inside(folder: str, *parts: str) -> Path:
    """A path below the folder.

    Raises ValueError for one that leads out of it.
    """
    steps = [step for part in parts for step in part.split("/")]
    if any(step in ("", ".", "..") or os.sep in step for step in steps):
        raise ValueError(f"the path {'/'.join(parts)!r} leads out of the folder")
    return Path(folder, *steps)


def _demand_free(folder: str, new: set[str], wanted: Mapping[str, bytes]) -> None:
    """Raises Refused where something stands in the place of a new file, unless it is the same."""
    found = [path for path in sorted(new) if os.path.lexists(os.path.join(folder, path))]
    strange = [path for path in found if not _is(os.path.join(folder, path), wanted[path])]
    if strange:
        names = ", ".join(strange[:_NAMED]) + (f" and {len(strange) - _NAMED} more" if len(strange) > _NAMED else "")
        message = f"{folder} has files in the way that no compile of Penstock's wrote: {names}"
        raise Refused([Diagnostic("P511", message, help="move them away, or choose another folder with -o")])


def _is(path: str, data: bytes) -> bool:
    try:
        return Path(path).read_bytes() == data
    except OSError:
        return False


def _sweep(folder: str) -> None:
    """Remove what a compile that was killed has left."""
    for name in os.listdir(folder):
        if name.startswith(_STAGING):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _replace(folder: str, staging: str, wanted: Mapping[str, bytes], before: set[str]) -> None:
    """Put the files in their places; the manifest comes last, so that what is ours is known at any time."""
    changed = [path for path, data in wanted.items() if not _is(os.path.join(folder, path), data)]
    for number, path in enumerate(changed):
        with open(os.path.join(staging, str(number)), "wb") as file:
            file.write(wanted[path])
    for number, path in enumerate(changed):
        if path != MANIFEST:
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            os.replace(os.path.join(staging, str(number)), os.path.join(folder, path))
    for path in before - set(wanted):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, path))
        _remove_empty(folder, path)
    if MANIFEST in changed:
        os.replace(os.path.join(staging, str(changed.index(MANIFEST))), os.path.join(folder, MANIFEST))


def _remove_empty(folder: str, path: str) -> None:
    """Remove the folders that held a file, where nothing is left in them."""
    inner = os.path.dirname(path)
    while inner:
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(folder, inner))
        inner = os.path.dirname(inner)
