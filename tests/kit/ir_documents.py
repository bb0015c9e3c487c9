"""Pipelines written by hand for the interpreter's tests, each also parsed by the protobufs of Kubeflow's own SDK."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from penstock.backends.kubeflow.rehearsal.document import Pipeline
from penstock.backends.kubeflow.rehearsal.interpreter import Container, ContainerEnded, Interpreter, RunEnded
from penstock.backends.kubeflow.rehearsal.reading import read_pipeline

UUID = "0fd9a1b8-6b1c-4c0e-9a53-2d5b6a1f0c11"
Document = dict[str, Any]


def constant(value: Any) -> Document:
    return {"runtimeValue": {"constant": value}}


def outer(name: str) -> Document:
    return {"componentInputParameter": name}


def output(task: str, key: str) -> Document:
    return {"taskOutputParameter": {"producerTask": task, "outputParameterKey": key}}


def task(component: str, *after: str, key: str = "", **fields: Any) -> Document:
    """A task of ``component`` that depends on the tasks ``after``; ``inputs`` are its parameters."""
    inputs = fields.pop("inputs", {})
    found: Document = {"componentRef": {"name": component}, "cachingOptions": {}, **fields}
    if key:
        found["taskInfo"] = {"name": key}
    if after:
        found["dependentTasks"] = list(after)
    if inputs:
        found["inputs"] = {"parameters": inputs}
    return found


def loop(
    component: str, key: str, items: str | list[Any], item: str, *after: str, limit: int = 0, **more: Any
) -> Document:
    """A task that runs ``component`` for each item of its input ``items``, or of a list."""
    source = {"inputParameter": items} if isinstance(items, str) else {"raw": json.dumps(items)}
    policy = {"iteratorPolicy": {"parallelismLimit": limit}} if limit else {}
    return task(component, *after, key=key, parameterIterator={"itemInput": item, "items": source}, **policy, **more)


def component(
    inputs: Mapping[str, str] | None = None, outputs: Mapping[str, str] | None = None, **body: Any
) -> Document:
    """A component; types of inputs by name, those that end in ``?`` optional; ``dag`` gives the tasks of one."""
    found: Document = {}
    if inputs:
        found["inputDefinitions"] = {"parameters": {name: _input(kind) for name, kind in inputs.items()}}
    if outputs:
        found["outputDefinitions"] = {"parameters": {name: {"parameterType": kind} for name, kind in outputs.items()}}
    tasks = body.pop("dag", None)
    found |= {"dag": {"tasks": tasks}} if tasks is not None else {"executorLabel": body.pop("executor", "exec")}
    return found | body


def _input(kind: str) -> Document:
    return {"parameterType": kind.rstrip("?"), **({"isOptional": True} if kind.endswith("?") else {})}


def pipeline(
    root: Mapping[str, Any],
    components: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
    executors: Mapping[str, Any] | None = None,
    **more: Any,
) -> Document:
    """A pipeline document whose root has the tasks ``root``."""
    plain = {"exec": {"container": {"image": "python:3", "command": ["true"], "args": ["{{$}}"]}}}
    return {
        "pipelineInfo": {"name": "by-hand"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "by hand",
        "deploymentSpec": {"executors": dict(executors or plain)},
        "components": dict(components),
        "root": component(inputs, dag=dict(root)),
        **more,
    }


def parsed(document: Document, platform: Document | None = None) -> Pipeline:
    """The pipeline as the interpreter reads it, once the protobufs have taken it too."""
    json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(document["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    if platform is not None:
        json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    return read(document, platform)


def read(document: Document, platform: Document | None = None) -> Pipeline:
    """The pipeline as the interpreter reads it."""
    return read_pipeline(yaml.safe_dump_all([document] if platform is None else [document, platform]).encode())


Behaviour = Callable[[Container], ContainerEnded]


class ScriptedLauncher:
    """Ends each container at once, as ``behave`` says, and notes what it was given."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self.launched: list[Container] = []
        self.stopped = False

    def launch(self, container: Container, ended: Callable[[ContainerEnded], None]) -> None:
        self.launched.append(container)
        ended(self._behave(container))

    def stop(self) -> None:
        self.stopped = True


def run(
    document: Document, parameters: Mapping[str, Any] | None = None, behave: Behaviour | None = None
) -> tuple[RunEnded, list[Container]]:
    """Run a pipeline without any process: how it ended, and its containers in the order of their starts."""
    launcher = ScriptedLauncher(behave or (lambda _: ContainerEnded()))
    ended = Interpreter(parsed(document), launcher, UUID).run(parameters or {})
    assert launcher.stopped
    return ended, launcher.launched
