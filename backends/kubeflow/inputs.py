"""A flow's parameters as inputs of a pipeline."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.compiler.steps import ParameterInfo

EXACT = 2**53
"""Whole numbers up to here are exact: the backend keeps numbers as doubles."""
PLACEHOLDER = "{{"
"""What the launcher looks for in values; a default that holds it stays in the plan."""

_TYPES = {"str": "STRING", "int": "NUMBER_INTEGER", "float": "NUMBER_DOUBLE", "bool": "BOOLEAN", "json": "STRING"}


def pipeline_inputs(parameters: Iterable[ParameterInfo]) -> dict[str, dict[str, Any]]:
    """The input of each parameter by name."""
    return {parameter.name: _input(parameter) for parameter in parameters}


def _input(parameter: ParameterInfo) -> dict[str, Any]:
    definition: dict[str, Any] = {"parameterType": _TYPES[parameter.type]}
    if not parameter.required:
        definition["isOptional"] = True
    if parameter.help:
        definition["description"] = parameter.help
    default = _default(parameter)
    if default is not None:
        definition["defaultValue"] = default
    return definition


def _default(parameter: ParameterInfo) -> object:
    """The default as a value of the input; None where the document can't hold it: the flow in the container has it."""
    value = parameter.default
    if parameter.deferred or value is None:
        return None
    match parameter.type:
        case "bool":
            return value if isinstance(value, bool) else None
        case "int":
            return value if isinstance(value, int) and abs(value) <= EXACT else None
        case "float":
            return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
        case "json":
            return _plain(value if isinstance(value, str) else json.dumps(value))
        case _:
            return _plain(value) if isinstance(value, str) else None


def _plain(text: str) -> str | None:
    if PLACEHOLDER in text:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which neither YAML nor protobuf can say
        return None
    return text
