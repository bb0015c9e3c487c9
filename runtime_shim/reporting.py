"""What goes to stderr when a step fails: the user's own traceback, or a report that Penstock is to blame."""

from __future__ import annotations

import os.path
import traceback
from types import TracebackType

_SHIM = os.path.dirname(os.path.abspath(__file__)) + os.sep


def user_traceback(error: BaseException) -> str:
    """The traceback from the first line that is not Penstock's, with the exceptions that caused it."""
    return "".join(traceback.format_exception(type(error), error, _from_user_code(error.__traceback__)))


def _from_user_code(trace: TracebackType | None) -> TracebackType | None:
    """Without the leading frames of the shim; the whole where there are no others."""
    inner = trace
    while inner is not None and os.path.abspath(inner.tb_frame.f_code.co_filename).startswith(_SHIM):
        inner = inner.tb_next
    return inner or trace


def bug_report(text: str) -> str:
    """What to say about an exception that should not have happened; ``text`` is its traceback."""
    return (
        f"{text}\nThis is a bug in Penstock, not in your flow. Please report it with the traceback above,"
        " the flow, and the output of `penstock version`.\n"
    )
