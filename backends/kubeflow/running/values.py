"""A run's parameters as values of a pipeline's inputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penstock.backends.kubeflow.inputs import EXACT
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.runtime_shim.parameters import Parameter

MOST_BYTES = 100_000
"""Of all values as JSON: a container is given them as one argument, and Linux takes 128 KiB as one."""
_REPLACED = "{{$"


def input_values(given: Mapping[str, object], parameters: Mapping[str, Parameter]) -> dict[str, object]:
    """The values ``given`` as a server takes them: JSON values as their text, the others as they are.

    Raises Refused with everything that would arrive as something else than it is.
    """
    values = {name: _value(value, parameters[name].type_name) for name, value in given.items()}
    problems = [
        Diagnostic("P554", f"the parameter `{name}` {problem}", help=advice)
        for name, value in values.items()
        for problem, advice in _problem(value)
    ]
    if problems:
        raise Refused(problems)
    size = len(json.dumps(values).encode())
    if size > MOST_BYTES:
        message = f"the parameters have {size:,} bytes, a pod takes {MOST_BYTES:,}"
        raise Refused([Diagnostic("P554", message, help="store a large value, and pass its key")])
    return values


def _value(value: object, kind: str) -> object:
    if kind == "json" and not isinstance(value, str):
        return json.dumps(value)
    return value


def _problem(value: object) -> list[tuple[str, str]]:
    """What is wrong with a value, and what to do; nothing most often."""
    match value:
        case str() if _REPLACED in value:
            problem = f"holds `{_REPLACED}`, which Kubeflow would replace"
            return [(problem, "leave it out, or store the text and pass its key")]
        case str() if not value.isascii() and not _is_unicode(value):
            return [("is no Unicode text", "use text that can be encoded as UTF-8")]
        case bool():
            return []
        case int() if abs(value) > EXACT:
            problem = f"is {value}, and Kubeflow keeps whole numbers up to {EXACT:,} only"
            return [(problem, "make it a parameter of type str")]
        case float() if not math.isfinite(value):
            return [(f"is {value}, which Kubeflow can't keep", "make it a parameter of type str")]
        case _:
            return []


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
