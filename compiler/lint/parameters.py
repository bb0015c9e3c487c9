"""Rules about a flow's parameters."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.frontend.written import WrittenFlow, WrittenParameter

RESERVED_ATTRIBUTES = frozenset(
    {"cmd", "foreach_stack", "index", "input", "merge_artifacts", "name", "next", "script_name"}
)
"""What a flow object itself has: a parameter of that name could not be read."""


def usable(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P150: name, type, default and separator are such that a value can be given."""
    for parameter in flow.parameters:
        for problem in parameter.value.problems():
            yield Diagnostic("P150", problem, _label(parameter), help="see `penstock explain P150` for what is allowed")


def attribute_is_free(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P151: the attribute is not one that every flow object has, and not private."""
    for parameter in flow.parameters:
        if parameter.attribute in RESERVED_ATTRIBUTES or parameter.attribute.startswith("_"):
            kind = "is private" if parameter.attribute.startswith("_") else "is an attribute of every flow"
            yield Diagnostic(
                "P151",
                f"parameter `{parameter.value.name}` cannot be read: `{parameter.attribute}` {kind}",
                _label(parameter),
                help="assign it to another attribute; the name in the string may stay",
            )


def distinct(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P152: names differ by more than case, `-` and `_`: options and environment variables cannot tell those apart."""
    seen: dict[str, WrittenParameter] = {}
    for parameter in flow.parameters:
        first = seen.setdefault(str(parameter.value.name).replace("-", "_").lower(), parameter)
        if first is not parameter:
            others = (Label(first.span, "the first one"),) if first.span else ()
            yield Diagnostic(
                "P152",
                f"there are two parameters `{parameter.value.name}`",
                _label(parameter),
                others,
                help="names are compared without regard to case and to `-` or `_`",
            )


def default_makes_optional(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P153: ``required`` beside a default has no effect."""
    for parameter in flow.parameters:
        if parameter.value.required_in_vain:
            yield Diagnostic(
                "P153",
                f"parameter `{parameter.value.name}` is required and has a default: it is not required",
                _label(parameter),
                help="remove one of the two",
                severity=Severity.WARNING,
            )


def _label(parameter: WrittenParameter) -> Label | None:
    return Label(parameter.span) if parameter.span else None
