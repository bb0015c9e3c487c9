"""AWS Step Functions over AWS Batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.backends.protocol import BackendInfo, Bundle
from penstock.backends.step_functions.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from penstock.backends.step_functions.settings import StepFunctionsSettings
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

    def lower(self, program: Program, settings: StepFunctionsSettings) -> Bundle:
        """``state-machine.json`` and ``job-definitions.json``."""
        from penstock.backends.step_functions.lowering import lower

        return lower(program, settings)


BACKEND = StepFunctions()
