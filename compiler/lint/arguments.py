"""Rules about the functions that are steps."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.frontend.written import WrittenFlow


def self_first(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P110: a step takes ``self``."""
    for step in flow.steps.values():
        if not step.arguments:
            yield Diagnostic(
                "P110",
                f"step `{step.name}` takes no `self`",
                Label(step.span),
                help=f"write `def {step.name}(self):`",
            )


def not_too_many(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P111: at most ``self`` and ``inputs``, and no starred ones."""
    for step in flow.steps.values():
        if len(step.arguments) > 2 or any(argument.startswith("*") for argument in step.arguments):
            yield Diagnostic(
                "P111",
                f"step `{step.name}` takes arguments that nobody gives it",
                Label(step.span, f"takes ({', '.join(step.arguments)})"),
                help="a step takes `(self)`, a join takes `(self, inputs)`",
            )


def plain_function(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P112: calling a generator or an ``async`` function does not run its body."""
    for step in flow.steps.values():
        if step.unusual:
            yield Diagnostic(
                "P112",
                f"step `{step.name}` is {step.unusual}, so its body would never run",
                Label(step.span),
                help="make it a plain function: no `yield`, no `async`",
            )
