"""The decorators of a step or a flow, with the places of their words; and those that `--with` adds."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from penstock.compiler.frontend.sources import SourceFile
from penstock.compiler.frontend.written import WrittenDecorator
from penstock.runtime_shim.decorators import ALIASES, DECORATORS

Kept = Sequence[tuple[str, dict[str, object]]]
"""What a decorator notes of itself: its name and what it was given, the innermost first."""


def decorators_of(file: SourceFile | None, nodes: Sequence[ast.expr], kept: Kept) -> tuple[WrittenDecorator, ...]:
    """The decorators in the order of the source.

    Values are those of the imported object, places those of the expression that ends in the decorator's name.  A
    decorator that goes by another name in the file has no place.
    """
    remaining = list(nodes)
    found = []
    for name, attributes in reversed(kept):
        node = next((node for node in remaining if _named(node) == name), None)
        values = MappingProxyType(dict(attributes))
        if node is None or file is None:
            found.append(WrittenDecorator(name, values))
            continue
        del remaining[: remaining.index(node) + 1]
        keywords = node.keywords if isinstance(node, ast.Call) else []
        places = {keyword.arg: file.span(keyword) for keyword in keywords if keyword.arg is not None}
        found.append(WrittenDecorator(name, values, file.span(node), MappingProxyType(places)))
    return tuple(found)


def added_decorator(text: str) -> WrittenDecorator:
    """What ``name:key=value,key=value`` means; a value that cannot be read stays text, which a lint rule names."""
    name, _, rest = text.partition(":")
    name = ALIASES.get(name, name)
    kind = DECORATORS.get(name)
    attributes: dict[str, object] = {}
    malformed = ""
    for part in _parts(rest):
        key, equals, value = part.partition("=")
        if not equals or not key.strip().isidentifier():
            malformed = malformed or part
            continue
        known = kind.attribute(key.strip()) if kind else None
        try:
            attributes[key.strip()] = known.read(value) if known else value
        except ValueError:
            attributes[key.strip()] = value
    return WrittenDecorator(name, MappingProxyType(attributes), text=text, malformed=malformed)


def _named(node: ast.expr) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return ALIASES.get(name, name)
        case _:
            return ""


def _parts(text: str) -> Iterator[str]:
    """``text`` at its commas; a value that begins like a JSON object or list goes to that one's end."""
    while text:
        key, equals, value = text.partition("=")
        if equals and "," not in key and value.startswith(("{", "[")):
            try:
                end = json.JSONDecoder().raw_decode(value)[1]
            except ValueError:
                end = len(value)
            yield f"{key}={value[:end]}"
            text = value[end:].removeprefix(",")
        else:
            part, _, text = text.partition(",")
            yield part
