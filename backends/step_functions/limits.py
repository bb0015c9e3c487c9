"""The numbers that AWS holds, checked on the compiled document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from penstock.backends.step_functions.capabilities import DEFINITION_BYTES, OVERRIDES_LENGTH
from penstock.backends.step_functions.lowering import STATE_MACHINE
from penstock.backends.step_functions.states import overrides
from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.program import Run, walk

if TYPE_CHECKING:
    from penstock.backends.protocol import Bundle
    from penstock.compiler.program import Program

_LATER = 300
"""Characters kept free in the overrides for what is known when a job is submitted only: run id, path, event cost."""


def limit_problems(program: Program, bundle: Bundle) -> Iterator[Diagnostic]:
    """Where the compiled machine is more than AWS takes."""
    size = len(bundle.files[STATE_MACHINE])
    steps = [item.step for item in walk(program.root) if isinstance(item, Run)]
    if size > DEFINITION_BYTES:
        message = f"the state machine has {size:,} bytes ({len(steps):,} steps), "
        message += f"Step Functions takes {DEFINITION_BYTES:,}"
        help_text = f"split the flow in several of at most {len(steps) * DEFINITION_BYTES // size:,} steps"
        yield Diagnostic("P410", message, Label(program.graph.span), help=help_text)
    for step in steps:
        yield from _override_problems(program, step)


def _override_problems(program: Program, step: str) -> Iterator[Diagnostic]:
    length = len(json.dumps(overrides(step, {}))) + _LATER
    if length > OVERRIDES_LENGTH:
        message = f"the container overrides of step `{step[:40]}` have {length:,} characters, "
        message += f"AWS Batch takes {OVERRIDES_LENGTH:,}"
        label = Label(program.graph[step].span) if step in program.graph else None
        yield Diagnostic("P411", message, label, help="choose a shorter name")
