"""AWS Step Functions over AWS Batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.backends.protocol import BackendInfo, Bundle
from penstock.backends.step_functions.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from penstock.backends.step_functions.settings import StepFunctionsSettings
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.program import Program


class StepFunctions:
    """The target ``step-functions``."""

    info = BackendInfo(
        name="step-functions",
        title="AWS Step Functions",
        summary="A state machine whose states are AWS Batch jobs.",
        capabilities=CAPABILITIES,
        commands="penstock.backends.step_functions.commands:step_functions",
    )

    def check(self, program: Program) -> Sequence[Diagnostic]:
        """What Batch does otherwise than decorators say, and what a schedule can't start."""
        from penstock.backends.step_functions.jobs import job_problems
        from penstock.compiler.starting import unattended_problems

        return [*job_problems(program), *unattended_problems(program)]

    def lower(self, program: Program, settings: StepFunctionsSettings) -> Bundle:
        """``state-machine.json``, ``job-definitions.json``, and ``schedule.json`` where the flow has a schedule."""
        from penstock.backends.step_functions.lowering import lower

        return lower(program, settings)


BACKEND = StepFunctions()
