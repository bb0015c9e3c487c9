"""A step's exception as it is stored: text only, so that it can be read where its class does not exist."""

from __future__ import annotations

import sys
import traceback
from typing import Any


class MetaflowExceptionWrapper(Exception):
    """``type``, ``exception`` (its message) and ``stacktrace`` of an exception, as text.

    Stored under Metaflow's name and with its fields, so that each side's Client shows the other's.
    """

    def __init__(self, exc: BaseException | None = None, stacktrace: str | None = None) -> None:
        """Wrap ``exc``; without a ``stacktrace`` that of the exception being handled is taken, if there is one."""
        if exc is not None:
            self.exception = str(exc)
            self.type = f"{type(exc).__module__}.{type(exc).__name__}"
            handling = sys.exc_info()[0] is not None
            self.stacktrace = stacktrace or (traceback.format_exc() if handling else None)

    # An exception's own __reduce__ gives the constructor its message.
    def __reduce__(self) -> Any:
        return type(self), (None,), self.__dict__

    def __setstate__(self, state: Any) -> None:
        self.__dict__ = state

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return self.stacktrace or f"[no stacktrace]\n{self.type}: {self.exception}"
