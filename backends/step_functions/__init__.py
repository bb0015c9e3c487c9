"""AWS Step Functions over AWS Batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.backends.protocol import BackendInfo, Bundle
from penstock.backends.step_functions.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.differences import Description
    from penstock.backends.protocol import Choices, Compilation
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

    def compile(self, state: State, choices: Choices, output: str | None = None) -> Compilation:
        """As `step-functions create` does."""
        from penstock.backends.commandline import chosen_with
        from penstock.backends.step_functions.compilation import compile_for_step_functions
        from penstock.backends.step_functions.options import COMPILED_WITH

        return compile_for_step_functions(state, chosen_with(COMPILED_WITH, state, choices), output=output).compilation

    def describe(self, bundle: Bundle) -> Description:
        """States by their way through those around them, each with the job it submits."""
        from penstock.backends.step_functions.comparing.description import describe_bundle

        return describe_bundle(bundle)


BACKEND = StepFunctions()
