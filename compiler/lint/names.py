"""Rules about the names of steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.frontend.written import WrittenFlow

_STEP_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,127}\Z")
_FLOW_NAME = re.compile(r"[A-Za-z0-9_]{1,128}\Z")
RESERVED_STEPS = frozenset({"name", "next", "input", "index", "cmd"})
"""What a flow object means by these names would be lost; the list is Metaflow's."""


def well_formed(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P102: step names are lower-case, as every target can take them."""
    for step in flow.steps.values():
        if not _STEP_NAME.match(step.name):
            yield Diagnostic(
                "P102",
                f"`{step.name}` cannot be the name of a step",
                Label(step.span),
                help="use lower-case ASCII letters, digits and `_`, not starting with `_`, at most 128",
            )


def not_reserved(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P103: a step must not hide what a flow object has under that name."""
    for step in flow.steps.values():
        if step.name in RESERVED_STEPS:
            yield Diagnostic(
                "P103",
                f"`{step.name}` is a reserved name",
                Label(step.span),
                help=f"choose another name than {', '.join(f'`{name}`' for name in sorted(RESERVED_STEPS))}",
            )


def defined_once(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P104: of two functions of one name in a class, Python silently keeps the later."""
    for step in flow.steps.values():
        if step.earlier is not None:
            yield Diagnostic(
                "P104",
                f"step `{step.name}` is defined twice",
                Label(step.span, "this one counts"),
                (Label(step.earlier, "this one is lost"),),
                help="rename or remove one of them",
            )


def flow_is_nameable(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P105: the flow's name is part of every path in the datastore."""
    if not _FLOW_NAME.match(flow.name):
        yield Diagnostic(
            "P105",
            f"`{flow.name}` cannot be the name of a flow",
            Label(flow.span),
            help="name the class in ASCII letters, digits and `_`, at most 128",
        )
