"""From a flow's command line to what a server is asked to run: compiled, its code uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.backends.kubeflow.running.server import Order
from penstock.backends.kubeflow.running.values import input_values
from penstock.runtime_shim.parameters import parameters_of

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.compilation import CompiledFlow


def order_of(
    state: State,
    compiled: CompiledFlow,
    given: Mapping[str, object],
    *,
    name: str,
    pipeline_root: str | None = None,
    service_account: str | None = None,
) -> Order:
    """What to ask a server for: the compiled flow with the parameters ``given``, under a ``name``.

    Raises Refused for parameters that would not arrive as they are.
    """
    spec, platform = read_documents(compiled.document)
    return Order(
        name=name,
        spec=spec,
        platform=platform,
        parameters=input_values(given, parameters_of(state.flow_class)),
        pipeline_root=pipeline_root or state.configuration.get("METAFLOW_KFP_PIPELINE_ROOT") or "",
        service_account=service_account or compiled.settings.service_account,
    )


def read_documents(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pipeline of a YAML file, and its platform document, empty where there is none.

    Raises yaml.YAMLError, ValueError for a file that is no pipeline.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = [document for document in yaml.load_all(data, Loader=loader) if document]
    pipelines = [each for each in documents if isinstance(each, dict) and "pipelineInfo" in each]
    platforms = [each for each in documents if isinstance(each, dict) and "platforms" in each]
    if len(pipelines) != 1 or len(platforms) > 1 or len(documents) != len(pipelines) + len(platforms):
        raise ValueError("it holds no pipeline in its first document")
    return pipelines[0], platforms[0] if platforms else {}


def experiment_name(state: State, chosen: str | None) -> str:
    """The experiment that is meant: as said, as configured for kfp, or the flow's own."""
    configuration = state.configuration
    return (
        configuration.get("KF_PIPELINES_OVERRIDE_EXPERIMENT_NAME")
        or chosen
        or configuration.get("KF_PIPELINES_DEFAULT_EXPERIMENT_NAME")
        or state.flow_class.__name__
    )
