"""How a flow starts by itself, for the targets that do this."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from penstock.compiler.cron import read_schedule
from penstock.compiler.diagnostics import Diagnostic, Label

if TYPE_CHECKING:
    from penstock.compiler.program import Program
    from penstock.compiler.schedules import Schedule
    from penstock.compiler.spans import Span


def schedule_of(program: Program) -> Schedule | None:
    """When the flow starts by itself; None where it does not."""
    for decorator in program.graph.decorators:
        if decorator.name == "schedule":
            return read_schedule(decorator.attributes)
    return None


def schedule_span(program: Program) -> Span:
    """The place of `@schedule`, of the class where it has none."""
    graph = program.graph
    spans = (decorator.span for decorator in graph.decorators if decorator.name == "schedule")
    return next(spans, None) or graph.span


def unattended_problems(program: Program) -> Iterator[Diagnostic]:
    """P304: a run that nobody starts has no values for required parameters."""
    if schedule_of(program) is None:
        return
    required = [parameter for parameter in program.graph.parameters if parameter.required]
    if required:
        names = ", ".join(f"`{parameter.name}`" for parameter in required)
        yield Diagnostic(
            "P304",
            f"a scheduled run has no value for the required parameter{'s' if len(required) > 1 else ''} {names}",
            Label(schedule_span(program), "starts runs with the defaults of all parameters"),
            tuple(Label(parameter.span) for parameter in required if parameter.span),
            help="give the parameter a default, or let somebody start the flow who has the value",
        )
