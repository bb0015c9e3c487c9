"""Kubeflow Pipelines: a pipeline in its intermediate representation, IR YAML 2.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penstock.backends.kubeflow.capabilities import CAPABILITIES
from penstock.backends.protocol import BackendInfo, Bundle, FlowCommand

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.differences import Description
    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.backends.protocol import Choices, Compilation
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

    def compile(self, state: State, choices: Choices, output: str | None = None) -> Compilation:
        """As `generate-kfp-yaml` does."""
        from penstock.backends.commandline import chosen_with
        from penstock.backends.kubeflow.compilation import compile_for_kubeflow
        from penstock.backends.kubeflow.options import pipeline_options

        return compile_for_kubeflow(state, chosen_with(pipeline_options, state, choices), output=output).compilation

    def describe(self, bundle: Bundle) -> Description:
        """Tasks by their way through loops and arms."""
        import yaml

        from penstock.backends.kubeflow.running.description import describe
        from penstock.backends.kubeflow.running.ordering import read_documents

        try:
            return describe(*read_documents(bundle.files[bundle.main]))
        except yaml.YAMLError as error:
            raise ValueError(f"{bundle.main} is no YAML: {' '.join(str(error).split())}") from error


BACKEND = Kubeflow()
