"""Rules about decorators of steps."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.frontend.written import WrittenFlow
from penstock.compiler.lint.spelling import did_you_mean

KNOWN: tuple[str, ...] = ()
"""The decorators there are besides ``@step``."""


def known(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P160: a decorator that would have no effect is refused, on a step and in `--with`."""
    for step in flow.steps.values():
        for decorator in step.decorators:
            if decorator.name not in KNOWN:
                yield _unknown(decorator.name, Label(decorator.span or step.span))
    for decospec in flow.decospecs:
        name = decospec.partition(":")[0]
        if name not in KNOWN:
            yield _unknown(name, None)


def _unknown(name: str, label: Label | None) -> Diagnostic:
    return Diagnostic(
        "P160",
        f"there is no decorator `{name}`",
        label,
        help=did_you_mean(name, KNOWN) or "remove it: `@step` is the only decorator so far",
    )
