"""What stands in double braces, replaced as Argo does it: in the JSON of a template or a task, not in its values.

From ``util/template`` (fasttemplate, simple_template, expression_template): a value is escaped as Go writes string
literals, which are JSON only where it has no control characters but those of JSON; a tag that nothing is known of
stays as it is, unless it must be known.  What a replaced value brings along is replaced in the next pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from penstock.backends.argo.rehearsal.expressions import compiled
from penstock.backends.argo.rehearsal.operations import BadExpression
from penstock.runtime_shim.failures import Failure

Values = Mapping[str, str | None]
"""Texts by tag (``inputs.parameters.path``); None for an output of a task that was skipped, and has no default."""

_GO_ESCAPES = {
    "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", '"': r"\"", "\\": r"\\"
}  # fmt: skip


class Unresolvable(Failure):
    """Something in double braces that Argo cannot replace: the node that it belongs to fails."""

    code = "R187"
    exit_code = 1


def replaced(document: Any, values: Values, strict: tuple[str, ...] = ()) -> Any:
    """``document``, JSON, with its tags replaced; those that begin with one of ``strict`` must be known.

    Raises Unresolvable.
    """
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    if "{{" not in text:
        return document
    return _read(_replaced(text, values, strict))


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Unresolvable(
            "a value that was replaced holds a control character, which Argo cannot write as JSON"
        ) from None


def _replaced(text: str, values: Values, strict: tuple[str, ...]) -> str:
    parts, place = [], 0
    while (opening := text.find("{{", place)) >= 0:
        closing = text.find("}}", opening + 2)
        if closing < 0:
            raise Unresolvable(f"{text[opening : opening + 40]!r} has no end: there is no `}}}}` after it")
        parts += [text[place:opening], _tag(text[opening + 2 : closing], values, strict)]
        place = closing + 2
    return "".join([*parts, text[place:]])


def _tag(tag: str, values: Values, strict: tuple[str, ...]) -> str:
    if tag.startswith("="):
        return _expression(tag, values, strict)
    name = tag.strip()
    if name in values:
        value = values[name]
        if value is None:
            raise Unresolvable(f"{{{{{name}}}}} has no value: its task was skipped, and the output has no default")
        return go_quoted(value)
    outer, nested, inner = tag.rpartition("{{")
    if nested and outer and (value := values.get(inner)) is not None:
        return f"{{{{{outer}{go_quoted(value)}"
    if name.startswith(strict):
        raise Unresolvable(f"failed to resolve {{{{{name}}}}}")
    return f"{{{{{tag}}}}}"


def _expression(tag: str, values: Values, strict: tuple[str, ...]) -> str:
    """An expression's value; one that has none is left for a later pass, unless it needs what must be known."""
    text = str(_read(f'"{tag[1:]}"'))
    try:
        result = compiled(text)(nested(values))
    except BadExpression as error:
        if any(prefix in text for prefix in strict):
            raise Unresolvable(f"failed to resolve {{{{{tag}}}}}: {error}") from None
        return f"{{{{{tag}}}}}"
    if result is None:
        if any(prefix in text for prefix in strict):
            raise Unresolvable(f"failed to resolve {{{{{tag}}}}}: it has no value")
        return f"{{{{{tag}}}}}"
    return json.dumps(_go_text(result), ensure_ascii=False)[1:-1]


def nested(values: Values) -> dict[str, Any]:
    """The values as an expression sees them: ``inputs.parameters.path`` is ``path`` in ``parameters`` in ``inputs``.

    A tag that others go on from, as the JSON of all parameters, is not among them.
    """
    found: dict[str, Any] = {}
    for tag in sorted(values, reverse=True):
        inside, (*way, last) = found, tag.split(".")
        for part in way:
            following = inside.setdefault(part, {})
            inside = following if isinstance(following, dict) else {}
        inside.setdefault(last, values[tag])
    return found


def _go_text(value: Any) -> str:
    """A value as ``%v`` prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{' '.join(map(_go_text, value))}]"
    return str(value)


def go_quoted(text: str) -> str:
    """A text as Go's ``strconv.Quote`` writes it, without the quotes around it."""
    return "".join(_GO_ESCAPES.get(each) or (each if each.isprintable() else _go_escape(ord(each))) for each in text)


def _go_escape(code: int) -> str:
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
