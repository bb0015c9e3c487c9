"""Loads one flow file as `python flow.py` does, for a command that asks about several: a process of its own, so that
files of the same name in two folders, what a file prints, and one that fails or hangs concern no other.

The file's last lines start its flow, whose command line gets the hidden command `_answer`.
"""

from __future__ import annotations

import linecache
import os
import runpy
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import TYPE_CHECKING

import penstock
from penstock.cli.answering import answer_without_a_flow
from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.spans import Span
from penstock.runtime_shim.aliasing import NoFlow, demand_python, not_started
from penstock.runtime_shim.entry import EXIT_INTERRUPTED
from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    from types import TracebackType

_COMMAND_LINE = "penstock.cli.root"
"""The module that a flow's command line begins with."""


class _Alias(MetaPathFinder, Loader):
    """`metaflow` is penstock from the moment at which somebody imports it: so it can be told whether anybody does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname == "metaflow" else None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules["metaflow"] = penstock


def main() -> None:
    """Run the flow file of the command line with the arguments after it; the folder of the answer comes last."""
    path, *arguments = sys.argv[1:]
    os.dup2(2, 1)  # what the file prints is no answer
    sys.meta_path.insert(0, _Alias())
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
    folder = arguments[-1]
    try:
        demand_python(path)
        runpy.run_path(path, run_name="__main__")
    except SystemExit:
        if _COMMAND_LINE in sys.modules:
            raise  # the flow was started: it has answered, or said why not
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)  # whoever asks is interrupted too, and says so
    except NoFlow as failure:
        return answer_without_a_flow(folder, _not_python(path, failure))
    except Exception as error:  # the user's file: whatever it raises is told of it
        return answer_without_a_flow(folder, _fails(path, error))
    unstarted = not_started(path)
    return answer_without_a_flow(folder, Diagnostic(unstarted.code, unstarted.message, help=unstarted.help))


def _not_python(path: str, failure: NoFlow) -> Diagnostic:
    cause = failure.__cause__
    label = None
    if isinstance(cause, SyntaxError) and cause.lineno:
        column = max(1, cause.offset or 1)
        label = Label(Span(path, cause.lineno, column, cause.lineno, column + 1), cause.msg)
    return Diagnostic(failure.code, failure.message, label, help="" if label else failure.help)


def _fails(path: str, error: Exception) -> Diagnostic:
    line = _line_in(path, error.__traceback__)
    label = None if line is None else Label(_whole(path, line))
    if isinstance(error, Failure):
        return Diagnostic(error.code, error.message, label, help=error.help)
    message = f"{path} fails when it is loaded: {type(error).__name__}: {error}"
    advice = "install it where this command runs" if isinstance(error, ModuleNotFoundError) else ""
    return Diagnostic("P506", message, label, help=advice)


def _whole(path: str, line: int) -> Span:
    """The text of a line."""
    text = linecache.getline(path, line).rstrip()
    first = len(text) - len(text.lstrip()) + 1
    return Span(path, line, first, line, max(first, len(text)) + 1)


def _line_in(path: str, traceback: TracebackType | None) -> int | None:
    """The line of the file at which the error came up."""
    found = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            found = traceback.tb_lineno
        traceback = traceback.tb_next
    return found
