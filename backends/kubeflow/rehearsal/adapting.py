"""A document that ``kfp.local`` 2.17 runs as the backend runs the original: a function for each thing it gets wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.backends.rehearsal.fields import BadDocument

OUTPUT = "Output"
"""The one name of an output that kfp.local can iterate over."""


class Adapted:
    """A document that kfp.local runs as the backend runs the original; ``iterated`` is the name of the output that
    loops run over, which has another one here.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = copy.deepcopy(document)
        self.iterated = ""

    def dags(self) -> Iterator[dict[str, Any]]:
        """The tasks of each DAG."""
        for component in (self.document["root"], *self.document.get("components", {}).values()):
            if "dag" in component:
                yield component["dag"]["tasks"]

    def inputs(self, task: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """What a task's inputs are bound to."""
        found: dict[str, dict[str, Any]] = task.get("inputs", {}).get("parameters", {})
        return found


def adapted_for_kfp_local(document: dict[str, Any], parameters: Mapping[str, Any], run_uuid: str) -> Adapted:
    """The copy of ``document`` that kfp.local is given.

    Raises BadDocument where no copy would do.
    """
    adapted = Adapted(document)
    _with_run_uuid(adapted, run_uuid)
    _without_missing_inputs(adapted, parameters)
    _without_retries(adapted)
    _one_at_a_time(adapted)
    _iterate_over_output(adapted)
    return adapted


def _with_run_uuid(adapted: Adapted, run_uuid: str) -> None:
    """kfp.local gives a run eight digits instead of a UUID, and replaces the placeholder wherever it stands, where the
    backend does it in constants only: here only those are replaced, and a mistake stays one.
    """
    for tasks in adapted.dags():
        for task in tasks.values():
            for source in adapted.inputs(task).values():
                if source.get("runtimeValue") == {"constant": "{{$.pipeline_job_uuid}}"}:
                    source["runtimeValue"] = {"constant": run_uuid}


def _without_missing_inputs(adapted: Adapted, parameters: Mapping[str, Any]) -> None:
    """kfp.local fails where an optional input of the pipeline has no default and nobody gave it, and makes a number of
    None where a component's is not bound; to the backend both are missing.
    """
    root = adapted.document["root"]
    definitions = root.get("inputDefinitions", {}).get("parameters", {})
    missing = {
        name
        for name, definition in definitions.items()
        if "defaultValue" not in definition and parameters.get(name) is None
    }
    for task in root["dag"]["tasks"].values():
        inputs = adapted.inputs(task)
        for name in [name for name, source in inputs.items() if source.get("componentInputParameter") in missing]:
            del inputs[name]
    for name in missing:
        del definitions[name]
    bound = {
        (task["componentRef"]["name"], name)
        for tasks in adapted.dags()
        for task in tasks.values()
        for name in adapted.inputs(task)
    }
    for component, definition in adapted.document["components"].items():
        inputs = definition.get("inputDefinitions", {}).get("parameters", {})
        optional = [name for name, each in inputs.items() if each.get("isOptional") and "defaultValue" not in each]
        for name in optional:
            if (component, name) not in bound:
                del inputs[name]


def _without_retries(adapted: Adapted) -> None:
    """kfp.local retries inside of loops too, and tells no container which attempt it is."""
    for tasks in adapted.dags():
        for task in tasks.values():
            task.pop("retryPolicy", None)


def _one_at_a_time(adapted: Adapted) -> None:
    """kfp.local lets all tasks of one component write the same output files, so that iterations which run side by side
    read each other's.
    """
    for tasks in adapted.dags():
        for task in tasks.values():
            if "parameterIterator" in task:
                task["iteratorPolicy"] = {"parallelismLimit": 1}


def _iterate_over_output(adapted: Adapted) -> None:
    """kfp.local finds the items of a loop only where they are an output named ``Output``, and the input that holds them
    is called after its producer as the SDK does it.
    """
    names = set()
    for tasks in adapted.dags():
        for task in tasks.values():
            items = task.get("parameterIterator", {}).get("items", {})
            source = adapted.inputs(task).get(items.get("inputParameter", ""), {}).get("taskOutputParameter")
            if source is not None:
                names.add(source["outputParameterKey"])
                items["inputParameter"] = f"pipelinechannel--{source['producerTask']}-{OUTPUT}-loop-item"
    if len(names) > 1:
        raise BadDocument(f"loops run over outputs of {len(names)} names, of which kfp.local knows one only")
    for name in names:
        adapted.iterated = name
        _rename_output(adapted, name)


def _rename_output(adapted: Adapted, name: str) -> None:
    for component in adapted.document["components"].values():
        outputs = component.get("outputDefinitions", {}).get("parameters", {})
        if name in outputs:
            outputs[OUTPUT] = outputs.pop(name)
    for tasks in adapted.dags():
        for task in tasks.values():
            for source in adapted.inputs(task).values():
                output = source.get("taskOutputParameter")
                if output is not None and output["outputParameterKey"] == name:
                    output["outputParameterKey"] = OUTPUT
