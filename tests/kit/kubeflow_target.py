"""Fixed settings for Kubeflow, what a compiled pipeline holds, and what its schemas say of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import yaml
from google.protobuf.json_format import ParseDict, ParseError
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from penstock.backends.kubeflow.settings import KubeflowSettings
from penstock.compiler.program import Program


def fixed_settings(program: Program) -> KubeflowSettings:
    """Settings that depend on the flow's name alone: the bytes of a golden file depend on nothing else."""
    return KubeflowSettings(
        datastore_root="s3://penstock-golden/metaflow",
        name=program.name,
        entry=("flow.py",),
        package_sha="0123456789abcdef0123456789abcdef01234567",
        image="python:3.11",
        user="golden",
    )


def documents(data: bytes) -> list[dict[str, Any]]:
    """The pipeline, and the platform document where there is one."""
    return list(yaml.safe_load_all(data))


def schema_problems(data: bytes) -> list[str]:
    """What Kubeflow's own protobufs find wrong, parsed strictly: none of them takes a field that it does not know.

    The executors and the platform document are free structures in the schema of a pipeline, and have their own.
    """
    pipeline, *platform = documents(data)
    found = [
        *_unparsed(pipeline, pipeline_spec_pb2.PipelineSpec()),
        *_unparsed(pipeline.get("deploymentSpec", {}), pipeline_spec_pb2.PipelineDeploymentConfig()),
    ]
    for document in platform:
        found += _unparsed(document, pipeline_spec_pb2.PlatformSpec())
        for entry in document["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
            found += _unparsed(entry, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    return found or _dangling(pipeline)


def _unparsed(document: Any, message: Any) -> list[str]:
    try:
        ParseDict(document, message)
    except ParseError as error:
        return [str(error)]
    return []


def _dangling(pipeline: dict[str, Any]) -> list[str]:
    """Names that stand for nothing, which no schema knows."""
    found = []
    executors = pipeline["deploymentSpec"]["executors"]
    for name, component in [("root", pipeline["root"]), *pipeline["components"].items()]:
        if "executorLabel" in component and component["executorLabel"] not in executors:
            found.append(f"{name}: no executor {component['executorLabel']}")
        tasks = component.get("dag", {}).get("tasks", {})
        inputs = component.get("inputDefinitions", {}).get("parameters", {})
        for key, task in tasks.items():
            found += [f"{name}/{key}: {problem}" for problem in _task_problems(pipeline, tasks, inputs, key, task)]
    return found


def _task_problems(
    pipeline: dict[str, Any], tasks: dict[str, Any], inputs: dict[str, Any], key: str, task: dict[str, Any]
) -> list[str]:
    after = task.get("dependentTasks", [])
    found = [f"waits for {other}" for other in after if other not in tasks]
    component = pipeline["components"].get(task["componentRef"]["name"])
    if component is None:
        return [*found, f"no component {task['componentRef']['name']}"]
    if task["taskInfo"]["name"] != key:
        found.append(f"is called {task['taskInfo']['name']}")
    declared = component.get("inputDefinitions", {}).get("parameters", {})
    item = task.get("parameterIterator", {}).get("itemInput")
    given = task.get("inputs", {}).get("parameters", {})
    if {*given, *([item] if item else [])} != set(declared):
        found.append(f"is given {sorted(given)}, takes {sorted(declared)}")
    for value in given.values():
        outer, output = value.get("componentInputParameter"), value.get("taskOutputParameter")
        if outer is not None and outer not in inputs:
            found.append(f"its pipeline has no input {outer}")
        if output is not None:
            producer = tasks[output["producerTask"]]["componentRef"]["name"]
            outputs = pipeline["components"][producer]["outputDefinitions"]["parameters"]
            if output["outputParameterKey"] not in outputs or output["producerTask"] not in after:
                found.append(f"does not wait for {output}")
    return found


def step_counts(data: bytes) -> Counter[str]:
    """How many tasks may run each step in one run: of the arms of a switch, the one that has most."""
    pipeline = documents(data)[0]
    return _counts(pipeline, pipeline["root"])


def _counts(pipeline: dict[str, Any], component: dict[str, Any]) -> Counter[str]:
    counts: Counter[str] = Counter()
    arms: Counter[str] = Counter()
    for task in component["dag"]["tasks"].values():
        inner = pipeline["components"][task["componentRef"]["name"]]
        if "executorLabel" in inner:
            counts[task["inputs"]["parameters"]["step"]["runtimeValue"]["constant"]] += 1
        elif "triggerPolicy" in task:
            arms |= _counts(pipeline, inner)
        else:
            counts += _counts(pipeline, inner)
    return counts + arms
