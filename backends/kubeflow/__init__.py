"""Kubeflow Pipelines: a pipeline in its intermediate representation, IR YAML 2.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.backends.kubeflow.capabilities import CAPABILITIES
from penstock.backends.protocol import BackendInfo, Bundle, FlowCommand

if TYPE_CHECKING:
    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.program import Program


class Kubeflow:
    """The target ``kfp``."""

    info = BackendInfo(
        name="kfp",
        title="Kubeflow Pipelines",
        summary="A pipeline whose tasks are pods.",
        capabilities=CAPABILITIES,
        commands="penstock.backends.kubeflow.commands:kubeflow",
        flow_commands=(
            FlowCommand(
                "generate-kfp-yaml",
                "penstock.backends.kubeflow.commands:generate_kfp_yaml",
                "Write the flow as a Kubeflow pipeline.",
            ),
            FlowCommand(
                "run-on-kfp",
                "penstock.backends.kubeflow.running.starting:run_on_kfp",
                "Start a run on Kubeflow Pipelines.",
            ),
        ),
    )

    def check(self, program: Program) -> Sequence[Diagnostic]:
        """What of @kubernetes a pipeline cannot say, and arms of switches that share too much."""
        from penstock.backends.kubeflow.limits import program_problems

        return list(program_problems(program))

    def lower(self, program: Program, settings: KubeflowSettings) -> Bundle:
        """``pipeline.yaml``: the pipeline, and what only Kubernetes knows as a second document."""
        from penstock.backends.kubeflow.lowering import lower

        return lower(program, settings)


BACKEND = Kubeflow()
