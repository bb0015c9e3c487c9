"""Steps that some arms of a switch share: each arm has its own copy, up to a limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from penstock.compiler.dags import Dags, shared_tails
from penstock.compiler.diagnostics import Diagnostic, Label

if TYPE_CHECKING:
    from penstock.compiler.program import Program

MOST_COPIES = 2
"""So many times the tasks of a flow may stand in what is compiled, those that arms share counted in each."""


def copy_problems(program: Program, code: str, document: str) -> Iterator[Diagnostic]:
    """A diagnostic of this code where arms share so much that the ``document`` would be too large for its flow."""
    steps = len(program.graph)
    dags = Dags(program, most=MOST_COPIES * steps)
    if dags.complete:
        return
    copies = shared_tails(dags)
    switch = max(copies, key=lambda name: copies[name])
    yield Diagnostic(
        code,
        f"the arms of the switch `{switch}` share so many steps that the {document} would have more than "
        f"{MOST_COPIES * steps} tasks for {steps} steps",
        Label(program.graph[switch].exit_span, "each arm has its own copy of what some of the arms share"),
        help="let all arms meet in one step, or choose anew there",
    )
