"""Rules about the first and the last step."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.frontend.written import WrittenFlow
from penstock.compiler.lint.spelling import did_you_mean


def has_start(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P120: every flow begins with `start`."""
    yield from _missing(flow, "start", "P120")


def has_end(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P121: every flow ends with `end`."""
    yield from _missing(flow, "end", "P121")


def end_has_no_next(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P122: nothing comes after `end`."""
    end = flow.steps.get("end")
    if end is not None:
        for span in (*(call.span for call in end.ending.calls), *end.ending.strays):
            yield Diagnostic("P122", "step `end` goes on to another step", Label(span), help="remove this `self.next`")


def end_is_no_join(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P123: `end` takes no ``inputs``."""
    end = flow.steps.get("end")
    if end is not None and end.is_join:
        yield Diagnostic(
            "P123", "step `end` is a join", Label(end.span, "takes `inputs`"), help="add a join step before `end`"
        )


def start_is_no_join(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P124: nothing comes before `start`, so it has no ``inputs``."""
    start = flow.steps.get("start")
    if start is not None and start.is_join:
        yield Diagnostic(
            "P124", "step `start` is a join", Label(start.span, "takes `inputs`"), help="write `def start(self):`"
        )


def _missing(flow: WrittenFlow, name: str, code: str) -> Iterator[Diagnostic]:
    if name not in flow.steps:
        hint = did_you_mean(name, flow.steps)
        yield Diagnostic(
            code,
            f"flow `{flow.name}` has no step `{name}`",
            Label(flow.span),
            help=hint or f"add a method `{name}` decorated with `@step`",
        )
