"""Argo Workflows: a WorkflowTemplate, and a CronWorkflow for flows that start by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.backends.argo.capabilities import CAPABILITIES
from penstock.backends.protocol import BackendInfo, Bundle, Choices, Compilation

if TYPE_CHECKING:
    from penstock.backends.argo.settings import ArgoSettings
    from penstock.backends.commandline import State
    from penstock.backends.differences import Description
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.program import Program


class Argo:
    """The target ``argo-workflows``."""

    info = BackendInfo(
        name="argo-workflows",
        title="Argo Workflows",
        summary="A workflow template whose tasks are pods.",
        capabilities=CAPABILITIES,
        commands="penstock.backends.argo.commands:argo_workflows",
    )

    def check(self, program: Program) -> Sequence[Diagnostic]:
        """What of decorators Argo cannot say, arms of switches that share too much, and what nests too deep."""
        from penstock.backends.argo.limits import program_problems

        return list(program_problems(program))

    def lower(self, program: Program, settings: ArgoSettings) -> Bundle:
        """``workflow-template.yaml``, and ``cron-workflow.yaml`` where the flow has a schedule."""
        from penstock.backends.argo.lowering import lower

        return lower(program, settings)

    def compile(self, state: State, choices: Choices, output: str | None = None) -> Compilation:
        """As `argo-workflows create --only-yaml` does."""
        from penstock.backends.argo.compilation import compile_for_argo
        from penstock.backends.argo.options import workflow_options
        from penstock.backends.commandline import chosen_with

        return compile_for_argo(state, chosen_with(workflow_options, state, choices), output=output).compilation

    def describe(self, bundle: Bundle) -> Description:
        """Steps by their way through foreaches, arms and loops."""
        from penstock.backends.argo.description import describe, documents_of

        return describe(documents_of(bundle.files))


BACKEND = Argo()
