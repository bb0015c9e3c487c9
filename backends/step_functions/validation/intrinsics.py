"""Intrinsic functions: ``States.Format('{}/{}', $.p, $$.Map.Item.Value)``."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"\s*(?:(?P<name>States\.[A-Za-z0-9]+)\s*\(|(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<constant>true|false|null)\b|(?P<path>\$[^,()\s]*)|(?P<mark>[,)]))",
    re.DOTALL,
)
ARITY: dict[str, tuple[int, int]] = {
    "Array": (0, 1000),
    "ArrayContains": (2, 2),
    "ArrayGetItem": (2, 2),
    "ArrayLength": (1, 1),
    "ArrayPartition": (2, 2),
    "ArrayRange": (3, 3),
    "ArrayUnique": (1, 1),
    "Base64Decode": (1, 1),
    "Base64Encode": (1, 1),
    "Format": (1, 1000),
    "Hash": (2, 2),
    "JsonMerge": (3, 3),
    "JsonToString": (1, 1),
    "MathAdd": (2, 2),
    "MathRandom": (2, 3),
    "StringSplit": (2, 2),
    "StringToJson": (1, 1),
    "UUID": (0, 0),
}
"""Least and most arguments of each function."""
_NESTING = 10


class MalformedIntrinsic(Exception):
    """Text that is no call of an intrinsic function."""


def parse_intrinsic(text: str) -> list[str]:
    """The paths among the arguments of a call, those of calls inside it included.

    Raises MalformedIntrinsic.
    """
    paths: list[str] = []
    calls: list[tuple[str, list[str]]] = []
    complete = False
    expecting = True
    for match in _tokens(text):
        if complete:
            raise MalformedIntrinsic(f"{match.group()!r} is left over in {text!r}")
        if match["mark"]:
            if not calls or (expecting and (match["mark"] == "," or calls[-1][1])):
                raise MalformedIntrinsic(f"an argument is missing in {text!r}")
            expecting = match["mark"] == ","
            if not expecting:
                _check(*calls.pop(), text)
                complete = not calls
            continue
        if not expecting:
            raise MalformedIntrinsic(f"a comma is missing in {text!r}")
        if calls:
            calls[-1][1].append(match.group().strip())
        elif not match["name"]:
            raise MalformedIntrinsic(f"{text!r} is neither a path nor a call of an intrinsic function")
        expecting = bool(match["name"])
        if match["name"]:
            calls.append((match["name"], []))
            if len(calls) > _NESTING:
                raise MalformedIntrinsic(f"more than {_NESTING} functions inside each other in {text!r}")
        if match["path"]:
            paths.append(match["path"])
    if not complete:
        raise MalformedIntrinsic(f"{text!r} is neither a path nor a call of an intrinsic function")
    return paths


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise MalformedIntrinsic(f"{text!r} is neither a path nor a call of an intrinsic function")
        position = match.end()
        yield match


def _check(name: str, arguments: list[str], text: str) -> None:
    least, most = ARITY.get(name.removeprefix("States."), (0, -1))
    if most < 0:
        raise MalformedIntrinsic(f"{name} is no intrinsic function")
    if not least <= len(arguments) <= most:
        raise MalformedIntrinsic(f"{name} does not take {len(arguments)} arguments: {text!r}")
    if name == "States.Format" and arguments[0].startswith("'"):
        plain = re.sub(r"\\.", "", arguments[0])
        places = plain.count("{}")
        if re.search(r"[{}]", plain.replace("{}", "")):
            raise MalformedIntrinsic(f"a brace in {arguments[0]} is neither `{{}}` nor escaped")
        if places != len(arguments) - 1:
            raise MalformedIntrinsic(f"{arguments[0]} has {places} places for {len(arguments) - 1} values")
