"""Asks several flow files at once, each in a process of its own (:mod:`penstock.cli.flow_process`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.cli.answering import ANSWER, QUESTION
from penstock.compiler.diagnostic_documents import diagnostic_of
from penstock.compiler.diagnostics import Diagnostic, Refused, has_errors

if TYPE_CHECKING:
    from penstock.backends.protocol import Choices

_START = "import sys; sys.path[:1] = [p for p in sys.path[:1] if p]; from penstock.cli.flow_process import main; main()"
"""The current folder is no place to import from: the flow's own folder is, and only for what the flow imports."""
_EXIT_BUG = 3


@dataclass(frozen=True)
class Question:
    """What is asked of each flow: whether ``targets`` (names) can take it, and with ``choices`` to be compiled for
    them.

    ``own`` are options for single targets, as arguments; ``output`` is a folder that code packages leave out.
    ``decospecs`` and ``package_suffixes`` stand before a command of a flow (`--with`, `--package-suffixes`).
    """

    targets: tuple[str, ...]
    choices: Choices | None = None
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    output: str | None = None
    decospecs: tuple[str, ...] = ()
    package_suffixes: str | None = None

    @property
    def options(self) -> list[str]:
        """The options before a flow's command."""
        suffixes = [] if self.package_suffixes is None else [f"--package-suffixes={self.package_suffixes}"]
        return [*suffixes, *(f"--with={decospec}" for decospec in self.decospecs)]

    def to_json(self) -> str:
        """The question as the flow's process reads it."""
        chosen = None if self.choices is None else asdict(self.choices)
        document = {"targets": self.targets, "choices": chosen, "own": dict(self.own), "output": self.output}
        return json.dumps(document)


@dataclass(frozen=True)
class TargetAnswer:
    """What a target makes of a flow: ``refused``, or its files, by path, in ``folder``.

    ``name`` is what the flow is called there; ``package`` has ``sha1`` and ``url`` of the code, where the target needs
    it; ``main`` is the file that matters most.
    """

    refused: bool
    diagnostics: tuple[Diagnostic, ...]
    folder: Path
    name: str = ""
    main: str = ""
    files: tuple[str, ...] = ()
    package: Mapping[str, str] | None = None


@dataclass(frozen=True)
class FlowAnswer:
    """What came of a file: the flow's name, None where it starts none; what there is to say of it on all targets, and
    what each target makes of it.  ``failed`` is the exit code of a process that ended without an answer, and has said
    why in ``said``, which is what it printed.
    """

    file: str
    flow: str | None
    diagnostics: tuple[Diagnostic, ...]
    targets: Mapping[str, TargetAnswer]
    failed: int = 0
    said: str = ""

    @property
    def refused(self) -> bool:
        """Whether there is anything to mend."""
        return bool(self.failed) or has_errors(self.diagnostics) or any(each.refused for each in self.targets.values())

    def with_error(self, diagnostic: Diagnostic) -> FlowAnswer:
        """The answer of a file that is refused, whatever its targets make of it."""
        return replace(self, diagnostics=(*self.diagnostics, diagnostic), targets={})


def ask(files: Iterable[str], question: Question, folder: Path) -> list[FlowAnswer]:
    """The answers of the files, in their order; a file given twice is asked once.

    ``folder`` takes what the flows compile to.  Two flows of one name are both refused (P510).  What the files print
    goes to stderr, in their order.  Raises Refused (P511) where there is no room for temporary files or processes.
    """
    paths = list({os.path.realpath(file): _shown(file) for file in reversed(list(files))}.values())[::-1]
    running: set[subprocess.Popen[bytes]] = set()
    with ThreadPoolExecutor(max_workers=min(len(paths), os.cpu_count() or 1)) as workers:
        try:
            waiting = [
                workers.submit(_ask, path, question, folder / str(number), running) for number, path in enumerate(paths)
            ]
            answers = [each.result() for each in waiting]
        except OSError as error:
            message = f"the flow files can't be loaded: {error.filename or folder}: {error.strerror}"
            raise Refused([Diagnostic("P511", message, help="make room there, or set TMPDIR")]) from None
        except BaseException:
            workers.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.kill()
            raise
    sys.stderr.write("".join(answer.said for answer in answers))
    return _without_doubles(_without_namesakes(answers))


def _shown(file: str) -> str:
    """The path from here where the file is below, which spans and documents then carry."""
    relative = os.path.relpath(file)
    return os.path.normpath(file) if relative.startswith("..") else relative


def _ask(path: str, question: Question, folder: Path, running: set[subprocess.Popen[bytes]]) -> FlowAnswer:
    folder.mkdir(parents=True)
    (folder / QUESTION).write_text(question.to_json(), encoding="utf-8")
    command = [sys.executable, "-c", _START, path, *question.options, "_answer", str(folder)]
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        running.add(process)
        code = process.wait()
        running.discard(process)
    text = said.read_text(encoding="utf-8", errors="backslashreplace")
    try:
        document = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        # A diagnostic of the command line itself, or a bug: both stand on stderr.
        return FlowAnswer(path, None, (), {}, code or _EXIT_BUG, text)
    targets = {name: _target(each, folder / name) for name, each in document["targets"].items()}
    return FlowAnswer(path, document["flow"], _diagnostics(document), targets, said=text)


def _target(document: Mapping[str, Any], folder: Path) -> TargetAnswer:
    return TargetAnswer(
        refused=document["refused"],
        diagnostics=_diagnostics(document),
        folder=folder,
        name=document.get("name", ""),
        main=document.get("main", ""),
        files=tuple(document.get("files", ())),
        package=document.get("package"),
    )


def _diagnostics(document: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    return tuple(diagnostic_of(each) for each in document["diagnostics"])


def _without_namesakes(answers: Sequence[FlowAnswer]) -> list[FlowAnswer]:
    """The answers, flows of one name refused; on many file systems capital letters make no other name."""
    files: dict[str, list[str]] = {}
    for each in answers:
        if each.flow is not None:
            files.setdefault(each.flow.casefold(), []).append(each.file)
    return [
        each if each.flow is None or len(files[each.flow.casefold()]) == 1 else each.with_error(_namesake(each, files))
        for each in answers
    ]


def _namesake(answer: FlowAnswer, files: Mapping[str, list[str]]) -> Diagnostic:
    flow = str(answer.flow)
    others = ", ".join(file for file in files[flow.casefold()] if file != answer.file)
    message = f"{answer.file} and {others} have flows of one name, {flow}, and would take each other's place"
    return Diagnostic(
        "P510", message, help="a flow's class names what is stored and deployed: call one of them otherwise"
    )


def _without_doubles(answers: Sequence[FlowAnswer]) -> list[FlowAnswer]:
    """The answers, flows that would be called alike on a target refused for that target."""
    files: dict[tuple[str, str], list[str]] = {}
    for answer in answers:
        for name, target in answer.targets.items():
            if not target.refused:
                files.setdefault((name, target.name), []).append(answer.file)
    doubles = {key: each for key, each in files.items() if key[1] and len(each) > 1}
    return [
        replace(answer, targets={name: _single(name, target, doubles) for name, target in answer.targets.items()})
        for answer in answers
    ]


def _single(name: str, target: TargetAnswer, doubles: Mapping[tuple[str, str], list[str]]) -> TargetAnswer:
    others = doubles.get((name, target.name))
    if others is None:
        return target
    message = f"{' and '.join(others)} would both be called {target.name} on {name}"
    double = Diagnostic("P510", message, help="a name that is given is for one flow: compile them one by one")
    return replace(target, refused=True, diagnostics=(*target.diagnostics, double))
