"""Parameter values as the backend handles them: google.protobuf.Value, whose numbers are doubles.

From ``metadata.TextToPbValue`` and ``PbValueToText`` (how outputs are read and texts are made), and protojson (how
values reach a container).
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from penstock.backends.rehearsal.fields import BadDocument

STRING: Final = "STRING"
TYPES: Final = ("NUMBER_DOUBLE", "NUMBER_INTEGER", STRING, "BOOLEAN", "LIST", "STRUCT")
"""The parameter types that a rehearsal knows; TASK_FINAL_STATUS and TASK_CONFIG are not among them."""
_LARGEST_PLAIN = 1e21
"""From here on Go writes a double with an exponent."""


def as_value(value: Any) -> Any:
    """What a google.protobuf.Value keeps of a JSON value: numbers are doubles, so that ``2**53 + 1`` is not itself.

    Raises ValueError for what it cannot hold.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, list):
        return [as_value(each) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: as_value(each) for key, each in value.items()}
    raise ValueError(f"{value!r} is no value that a parameter can have")


def _number(value: int | float) -> int | float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number!r} cannot be written as JSON")
    return int(number) if number.is_integer() and abs(number) < _LARGEST_PLAIN else number


def to_json(value: Any) -> str:
    """The JSON that a container sees."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def to_text(value: Any) -> str:
    """A value as the text that a STRING parameter or a placeholder in the midst of a command gets."""
    return value if isinstance(value, str) else to_json(value)


def from_text(text: str, kind: str) -> Any:
    """The value of an output file of type ``kind``.

    Raises ValueError where the text is none of that type.
    """
    if kind == STRING:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        raise ValueError(f"{_shown(text)} is no {kind}") from None
    if not fits(value, kind):
        raise ValueError(f"{_shown(text)} is no {kind}")
    return as_value(value)


def fits(value: Any, kind: str) -> bool:
    """Whether a value is of type ``kind``."""
    if kind in ("NUMBER_DOUBLE", "NUMBER_INTEGER"):
        whole = kind == "NUMBER_DOUBLE" or isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return isinstance(value, (int, float)) and not isinstance(value, bool) and whole
    wanted: dict[str, type] = {STRING: str, "BOOLEAN": bool, "LIST": list, "STRUCT": dict}
    return isinstance(value, wanted[kind])


def checked(value: Any, kind: str, place: str) -> Any:
    """The value, as an input of type ``kind`` gets it: a STRING takes anything as text, other types their own.

    Raises BadDocument.
    """
    if kind == STRING:
        return to_text(value)
    if not fits(value, kind):
        raise BadDocument(f"{place}: the value {_shown(to_json(value))} is no {kind}")
    return value


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
