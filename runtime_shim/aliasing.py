"""Runs a flow file that says ``from metaflow import …``: the name stands for penstock in this process only."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import penstock
from penstock.runtime_shim.failures import Failure

_EXIT_PROBLEM = 1


class NoFlow(Failure):
    """The file cannot be run as a flow."""

    code = "P506"


def run_file(path: str, arguments: Sequence[str]) -> int:
    """Run ``path`` as ``__main__`` with these arguments; the exit code when it ends without having started a flow.

    A file that starts a flow ends in SystemExit.  Problems of the file are told on stderr, without a traceback of ours.
    """
    import runpy

    sys.modules["metaflow"] = penstock
    sys.argv = [path, *arguments]
    sys.path[0:1] = [os.path.dirname(os.path.abspath(path))]
    try:
        demand_python(path)
        runpy.run_path(path, run_name="__main__")
    except NoFlow as failure:
        return _say(str(failure))
    except Exception as error:  # the user's file: its traceback is shown, without our frames
        return _say(_traceback(error, path))
    return _say(str(not_started(path)))


_START = 'end {name} with `if __name__ == "__main__":` and a call of the flow\'s class, as `MyFlow()`'


def not_started(path: str) -> NoFlow:
    """The failure of a file that ended without starting a flow."""
    name = os.path.basename(path)
    return NoFlow(f"{name} ended without starting a flow", help=_START.format(name=name))


def demand_python(path: str) -> None:
    """Raises NoFlow unless ``path`` is a Python file that can be read and parsed."""
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise NoFlow(f"cannot read {path}: {error.strerror}") from error
    try:
        compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        message = f"{path} is not Python {sys.version_info.major}.{sys.version_info.minor}: {error.msg}"
        raise NoFlow(message, help=_syntax_help(error)) from error
    except ValueError as error:  # a NUL byte, before Python 3.12
        raise NoFlow(f"{path} is not Python source: {error}") from error


def _syntax_help(error: SyntaxError) -> str:
    if not error.lineno:
        return ""
    line = (error.text or "").strip()
    return f"see line {error.lineno}" + (f": {line}" if line else "")


def _traceback(error: Exception, path: str) -> str:
    import traceback

    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != path:
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame or error.__traceback__)).rstrip()


def _say(text: str) -> int:
    sys.stderr.write(text + "\n")
    return _EXIT_PROBLEM
