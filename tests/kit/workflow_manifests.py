"""Manifests of workflows written by hand, and their runs without any process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from penstock.backends.argo.rehearsal.checks import check
from penstock.backends.argo.rehearsal.dependencies import Phase
from penstock.backends.argo.rehearsal.interpreter import Interpreter, Pod, PodEnd, RunEnded
from penstock.backends.argo.rehearsal.reading import read_manifests

Document = dict[str, Any]
NAME = "by-hand-x7k2p"


def leaf(name: str, *, inputs: Mapping[str, str | None] | None = None, outputs: Any = (), **more: Any) -> Document:
    """A template with a container; ``inputs`` with their defaults, ``outputs`` by name with theirs, None for none."""
    declared = dict.fromkeys(outputs) if not isinstance(outputs, dict) else outputs
    container = {"image": "python:3", "command": ["true"], **more.pop("container", {})}
    found: Document = {"name": name, "container": container, **more}
    if inputs:
        found["inputs"] = {"parameters": [_input(key, default) for key, default in inputs.items()]}
    if declared:
        found["outputs"] = {"parameters": [_output(key, default) for key, default in declared.items()]}
    return found


def dag(name: str, *tasks: Document, inputs: Mapping[str, str | None] | None = None, **more: Any) -> Document:
    """A template with tasks."""
    found: Document = {"name": name, "dag": {"tasks": list(tasks)}, **more}
    if inputs:
        found["inputs"] = {"parameters": [_input(key, default) for key, default in inputs.items()]}
    return found


def task(name: str, depends: str = "", template: str = "leaf", **more: Any) -> Document:
    """A task; what is passed to its template are ``arguments`` by name."""
    found: Document = {"name": name, "template": template}
    if depends:
        found["depends"] = depends
    passed = more.pop("arguments", {})
    if passed:
        found["arguments"] = {"parameters": [{"name": key, "value": value} for key, value in passed.items()]}
    return {key: value for key, value in {**found, **more}.items() if value is not None}


def output(producer: str, name: str) -> str:
    """The tag of an output."""
    return f"{{{{tasks.{producer}.outputs.parameters.{name}}}}}"


def manifest(*templates: Document, name: str = "by-hand", entrypoint: str = "main", **spec: Any) -> Document:
    """A WorkflowTemplate; ``parameters`` are its arguments by name, None for one without a value."""
    parameters = spec.pop("parameters", {})
    arguments = [{"name": key, **({} if value is None else {"value": value})} for key, value in parameters.items()]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": name},
        "spec": {
            "entrypoint": entrypoint,
            **({"arguments": {"parameters": arguments}} if arguments else {}),
            "templates": list(templates),
            **spec,
        },
    }


def stream(*documents: Document) -> bytes:
    """The documents as `kubectl apply` takes them."""
    return yaml.safe_dump_all(documents, allow_unicode=True).encode()


Behaviour = Callable[[Pod], PodEnd]


def succeeds(pod: Pod, **outputs: str) -> PodEnd:
    """A pod that ends well: outputs that are not given have their defaults."""
    defaults = {each.name: each.default or "" for each in pod.template.outputs}
    return PodEnd(Phase.SUCCEEDED, {**defaults, **outputs})


class ScriptedLauncher:
    """Ends each pod at once, as ``behave`` says, and notes what it was given."""

    def __init__(self, behave: Behaviour, launched: list[Pod]) -> None:
        self._behave = behave
        self.launched = launched
        self.stopped = False

    def launch(self, pod: Pod, ended: Callable[[PodEnd], None]) -> None:
        self.launched.append(pod)
        ended(self._behave(pod))

    def stop(self) -> None:
        self.stopped = True


def run(
    *documents: Document, parameters: Mapping[str, str] | None = None, behave: Behaviour = succeeds
) -> tuple[RunEnded, list[Pod]]:
    """Run the first manifest without any process: how it ended, and its pods in the order of their starts."""
    templates = read_manifests(stream(*documents))
    main = documents[0]["metadata"]["name"]
    check(templates, main)
    launchers: list[ScriptedLauncher] = []
    launched: list[Pod] = []

    def launcher(_: str) -> ScriptedLauncher:
        launchers.append(ScriptedLauncher(behave, launched))
        return launchers[-1]

    ended = Interpreter(templates, main, launcher, NAME).run(parameters or {})
    assert all(each.stopped for each in launchers)
    return ended, launched


def places(pods: list[Pod]) -> list[str]:
    """Where pods stood, without the workflow's name."""
    return [pod.place.removeprefix(f"{NAME}.") for pod in pods]


def inputs_of(pod: Pod) -> dict[str, str]:
    """What a pod was passed."""
    return {each["name"]: each["value"] for each in pod.template.raw.get("inputs", {}).get("parameters", [])}


def _input(name: str, default: str | None) -> Document:
    return {"name": name, **({} if default is None else {"default": default})}


def _output(name: str, default: str | None) -> Document:
    source = {"path": f"/tmp/out/{name}", **({} if default is None else {"default": default})}
    return {"name": name, "valueFrom": source}
