"""Executors and their components: what stands once for all steps of one shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.kubeflow.code_urls import variables
from penstock.backends.kubeflow.platforms import mounted_variables
from penstock.backends.kubernetes.containers import compact, environment
from penstock.compiler.packaging import bootstrap, program_from_image
from penstock.runtime_shim.kubeflow_names import NEXT, PARAMETER, PATH, RUN, SPLITS, STEP

if TYPE_CHECKING:
    from penstock.backends.kubeflow.pods import Shape
    from penstock.backends.kubeflow.settings import KubeflowSettings

VARIABLES_FROM = "PENSTOCK_VARIABLES_FROM"
"""Environment variable that tells a container which of its files are variables."""
STRING = {"parameterType": "STRING"}


class Kind(NamedTuple):
    """What components of one shape differ in: only the start task takes the flow's parameters, only openers put out
    splits, only switches the name of the next step.
    """

    start: bool = False
    opener: bool = False
    switch: bool = False

    @property
    def name(self) -> str:
        """A word or two for the names of component and executor."""
        words = [word for word, said in zip(("start", "opener", "switch"), self, strict=True) if said]
        return "-".join(words) or "task"


def executor_name(kind: Kind, shape: Shape, plain: Shape) -> str:
    """``task`` for steps that ask for nothing, ``task-1a2b3c4d`` for a shape of their own: named by what it is."""
    if shape == plain:
        return kind.name
    return f"{kind.name}-{hashlib.sha256(repr(tuple(shape)).encode()).hexdigest()[:8]}"


def component(kind: Kind, name: str, parameters: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The component of an executor: what its tasks are given and put out."""
    inputs: dict[str, Any] = {RUN: STRING, STEP: STRING, PATH: STRING}
    if kind.start:
        inputs |= {PARAMETER + parameter: _handed_on(given) for parameter, given in parameters.items()}
    definition: dict[str, Any] = {"executorLabel": f"exec-{name}", "inputDefinitions": {"parameters": inputs}}
    outputs = {}
    if kind.opener:
        outputs[SPLITS] = {"parameterType": "LIST"}
    if kind.switch:
        outputs[NEXT] = STRING
    if outputs:
        definition["outputDefinitions"] = {"parameters": outputs}
    return definition


def executor(flow: str, settings: KubeflowSettings, shape: Shape) -> dict[str, Any]:
    """The container: its one argument is what the launcher knows of the task, as JSON, and no shell reads it."""
    program = program_from_image if settings.code_url else bootstrap
    others = variables(settings) if settings.code_url else {}
    mounted = mounted_variables(json.loads(shape.platform))
    if mounted:
        mounted["kept"] += [each["name"] for each in environment(flow, settings, shape.image, "kfp", others)]
        others[VARIABLES_FROM] = compact(mounted)
    container: dict[str, Any] = {
        "image": shape.image,
        "command": ["python", "-c", program(mounted_variables=True) if mounted else program()],
        "args": ["{{$}}"],
        "env": environment(flow, settings, shape.image, "kfp", others),
    }
    if resources := _resources(shape):
        container["resources"] = resources
    return {"container": container}


def _handed_on(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the start task is given of a pipeline's input: its type, and whether it may be missing."""
    return {name: value for name, value in given.items() if name in ("parameterType", "isOptional")}


def _resources(shape: Shape) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    if shape.cpu:
        resources |= {"resourceCpuLimit": shape.cpu, "resourceCpuRequest": shape.cpu}
    if shape.memory:
        resources |= {"resourceMemoryLimit": f"{shape.memory}Mi", "resourceMemoryRequest": f"{shape.memory}Mi"}
    if shape.gpu:
        resources["accelerator"] = {"resourceType": shape.gpu_resource, "resourceCount": str(shape.gpu)}
    return resources
