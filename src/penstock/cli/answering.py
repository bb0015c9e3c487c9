"""The hidden command `_answer` of a flow: what a command about several flow files wants to know of this one.

The question is a JSON file in a folder, and the answer another beside it, with the compiled files in a folder for
each target.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from penstock.backends.protocol import Backend, Choices, Compilation
    from penstock.cli.state import CliState
    from penstock.compiler.diagnostics import Diagnostic, Label

QUESTION = "question.json"
ANSWER = "answer.json"


def answer_without_a_flow(folder: str, diagnostic: Diagnostic) -> None:
    """The answer of a file that starts no flow."""
    _write(folder, {"flow": None, "diagnostics": _documents([diagnostic]), "targets": {}})


@click.command("_answer")
@click.argument("folder")
@click.pass_obj
def answer(state: CliState, folder: str) -> None:
    """Answer the question in FOLDER."""
    from penstock.backends.registry import named

    question = json.loads(Path(folder, QUESTION).read_text(encoding="utf-8"))
    compiled = state.compiled()
    said = [*compiled.diagnostics, *_others_in_the_file(state.flow_class)]
    targets: dict[str, Any] = {}
    if compiled.program is not None:
        ask = _checked if question["choices"] is None else _compiled
        for name, target in named(question["targets"]).items():
            targets[name] = ask(state, target, question, Path(folder, name), set(said))
    name = compiled.graph.name if compiled.graph else state.flow_class.__name__
    _write(folder, {"flow": name, "diagnostics": _documents(said), "targets": targets})


def _checked(
    state: CliState, target: Backend[Any], _question: Any, _folder: Path, said: set[Diagnostic]
) -> dict[str, Any]:
    """What the target has to say about the flow, compiled or not."""
    from penstock.compiler.diagnostics import has_errors

    found = [gap for gap in _gaps(state, target) if gap not in said]
    return {"refused": has_errors(found), "diagnostics": _documents(found)}


def _gaps(state: CliState, target: Backend[Any]) -> Sequence[Diagnostic]:
    """What the target has to say about the flow, with advice about other targets."""
    from penstock.backends.protocol import gaps
    from penstock.backends.registry import BUILT_IN, backend

    others = {name: backend(name).info.capabilities for name in BUILT_IN}
    return gaps(state.program(), target, others)


def _compiled(
    state: CliState, target: Backend[Any], question: Any, folder: Path, said: set[Diagnostic]
) -> dict[str, Any]:
    """The flow compiled for the target, its files below ``folder``."""
    from penstock.compiler.diagnostics import Diagnostic, Refused
    from penstock.runtime_shim.failures import Failure

    try:
        compilation = target.compile(state, _choices(question, target.info.name), question["output"])
    except Refused as refused:
        advised = {replace(gap, help=""): gap for gap in _gaps(state, target)}
        found = tuple(advised.get(replace(each, help=""), each) for each in refused.diagnostics)
    except Failure as failure:
        found = (Diagnostic(failure.code, failure.message, help=failure.help),)
    else:
        warnings = [warning for warning in compilation.warnings if warning not in said]
        return {"refused": False, "diagnostics": _documents(warnings), **_stored(state, compilation, folder)}
    return {"refused": True, "diagnostics": _documents(each for each in found if each not in said)}


def _choices(question: Any, target: str) -> Choices:
    from penstock.backends.protocol import Choices

    chosen = question["choices"]
    return Choices(**{**chosen, "tags": tuple(chosen["tags"]), "own": tuple(question["own"].get(target, ()))})


def _stored(state: CliState, compilation: Compilation, folder: Path) -> dict[str, Any]:
    """Write the files; what there is to know of them.

    Raises CannotWrite.
    """
    from penstock.runtime_shim.records import blob_key

    for path, data in compilation.bundle.files.items():
        _put(folder / path, data)
    package = None
    if compilation.package is not None:
        sha = compilation.package.sha
        package = {"sha1": sha, "url": f"{compilation.datastore_root}/{blob_key(state.flow_class.__name__, sha)}"}
    return {
        "name": compilation.name,
        "main": compilation.bundle.main,
        "files": sorted(compilation.bundle.files),
        "package": package,
    }


def _others_in_the_file(started: type) -> list[Diagnostic]:
    """A warning for every flow that the file defines and does not start: nothing can run that one."""
    from penstock.compiler.diagnostics import Diagnostic, Severity
    from penstock.runtime_shim.flowspec import FlowSpec

    found = []
    help_text = "put it into a file of its own, which ends with starting it"
    for other in list(vars(sys.modules["__main__"]).values()):
        whole = isinstance(other, type) and issubclass(other, FlowSpec) and _is_whole(other)
        if whole and other.__module__ == "__main__" and not issubclass(started, other):
            message = f"the flow {other.__name__} is left out: its file starts {started.__name__}"
            found.append(Diagnostic("P513", message, _place_of(other), help=help_text, severity=Severity.WARNING))
    return found


def _place_of(flow: type) -> Label | None:
    """The first line of a class; None of one that is made without a class statement."""
    from inspect import getfile, getsourcelines

    from penstock.compiler.diagnostics import Label
    from penstock.compiler.spans import Span

    try:
        lines, number = getsourcelines(flow)
    except (OSError, TypeError):
        return None
    return Label(Span(getfile(flow), number, 1, number, len(lines[0].rstrip()) + 1))


def _is_whole(flow: type) -> bool:
    return all(getattr(getattr(flow, name, None), "is_step", False) for name in ("start", "end"))


def _documents(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    from penstock.compiler.diagnostic_documents import document_of

    return [document_of(diagnostic) for diagnostic in diagnostics]


def _write(folder: str, document: dict[str, Any]) -> None:
    """Write the answer: all of it is there, or none."""
    _put(Path(folder, f"{ANSWER}.new"), json.dumps(document).encode())
    os.replace(Path(folder, f"{ANSWER}.new"), Path(folder, ANSWER))


def _put(file: Path, data: bytes) -> None:
    """Write a temporary file.

    Raises CannotWrite.
    """
    from penstock.backends.commandline import CannotWrite

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise CannotWrite(f"cannot write {file}: {error.strerror}") from error
