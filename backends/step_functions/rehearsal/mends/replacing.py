"""Putting one function of moto in the place of another."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def replace_everywhere(old: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Put ``new`` in the place of the module-level function ``old`` in every module of moto's interpreter.

    Those modules import functions by name, so that replacing one where it is defined changes nothing elsewhere.

    Raises LookupError when no module has it.
    """
    places = 0
    for name, module in list(sys.modules.items()):
        if not name.startswith("moto.stepfunctions."):
            continue
        for attribute, value in list(vars(module).items()):
            if value is old:
                setattr(module, attribute, new)
                places += 1
    if not places:
        raise LookupError(f"{old!r} is nowhere in moto.stepfunctions")
