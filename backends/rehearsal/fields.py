"""Reading a scheduler's document strictly: a field that nobody asked for is an error, at its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from penstock.runtime_shim.failures import Failure

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?\Z")
_UNITS = {
    "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30,
    "Ti": 2.0**40,
}  # fmt: skip


class BadDocument(Failure):
    """A document that its scheduler would not take, or would not run as it reads; the text begins with the place."""

    code = "R187"
    exit_code = 1


class Fields:
    """The fields of one message at ``place``, taken one by one; :meth:`done` refuses what is left.

    Scalars have their type, in the JSON form of protobuf or Kubernetes.  Raises BadDocument throughout.
    """

    def __init__(self, message: object, place: str) -> None:
        if not isinstance(message, dict) or not all(isinstance(name, str) for name in message):
            raise BadDocument(f"{place}: {_shown(message)} is no message")
        self.place = place
        self._left: dict[str, Any] = dict(message)

    def __contains__(self, name: object) -> bool:
        return name in self._left

    def refuse(self, what: str) -> BadDocument:
        """The failure that says ``what`` is wrong here."""
        return BadDocument(f"{self.place}: {what}")

    def text(self, name: str, default: str | None = None) -> str:
        """A string; without a default it must be there."""
        value = self._left.pop(name, default)
        if not isinstance(value, str):
            raise self.refuse(f"`{name}` is {_shown(value)}, where a string belongs")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean, ``default`` where it is not given."""
        value = self._left.pop(name, default)
        if not isinstance(value, bool):
            raise self.refuse(f"`{name}` is {_shown(value)}, where true or false belongs")
        return value

    def number(self, name: str, default: float = 0) -> float:
        """A number; a whole one may be written as a string."""
        value = self._left.pop(name, default)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.refuse(f"`{name}` is {_shown(value)}, where a number belongs")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings, empty where it is not given."""
        value = self._left.pop(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.refuse(f"`{name}` is {_shown(value)}, where a list of strings belongs")
        return tuple(value)

    def value(self, name: str) -> Any:
        """Anything that JSON has."""
        return self._left.pop(name)

    def any_text(self, name: str) -> str | None:
        """Argo's AnyString: a string, or the JSON text of a number or a boolean; None where it is not given."""
        if self._left.get(name) is None:
            self._left.pop(name, None)
            return None
        value = self._left.pop(name)
        if isinstance(value, (dict, list)):
            raise self.refuse(f"`{name}` is {_shown(value)}, where a string belongs")
        return value if isinstance(value, str) else json.dumps(value)

    def quantity(self, name: str) -> float | None:
        """A quantity as Kubernetes writes it (``500m``, ``4Gi``), None where it is not given."""
        text = self.any_text(name)
        if not text:
            return None
        match = _QUANTITY.match(text)
        if match is None:
            raise self.refuse(f"`{name}` is {text!r}, which is no quantity")
        return float(match[1]) * _UNITS[match[2] or ""]

    def names(self) -> tuple[str, ...]:
        """The fields that are left, sorted."""
        return tuple(sorted(self._left))

    def message(self, name: str) -> Fields:
        """A message; where it is not given, one without fields."""
        return Fields(self._left.pop(name, {}), f"{self.place}.{name}")

    def messages(self, name: str) -> Iterator[tuple[str, Fields]]:
        """A map of messages, sorted by key; empty where it is not given."""
        inside = Fields(self._left.pop(name, {}), f"{self.place}.{name}")
        return ((key, Fields(message, f"{inside.place}.{key}")) for key, message in sorted(inside._left.items()))

    def list(self, name: str) -> Iterator[Fields]:
        """A list of messages, empty where it is not given."""
        messages = self.raw_list(name)
        return (Fields(message, f"{self.place}.{name}[{place}]") for place, message in enumerate(messages))

    def raw_list(self, name: str) -> Sequence[Any]:
        """A list as it is, empty where it is not given."""
        value = self._left.pop(name, [])
        if not isinstance(value, list):
            raise self.refuse(f"`{name}` is {_shown(value)}, where a list belongs")
        return value

    def ignore(self, *names: str) -> None:
        """Drop fields that mean nothing for a rehearsal."""
        for name in names:
            self._left.pop(name, None)

    def done(self) -> None:
        """Nothing else is here."""
        if self._left:
            raise self.refuse(f"the field `{min(self._left)}` is unknown, or nothing that a rehearsal can run")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
