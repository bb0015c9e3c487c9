"""Batch job definitions: what stands once for all steps of one shape."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.backends.step_functions.names import job_definition_name
from penstock.compiler.packaging import bootstrap

if TYPE_CHECKING:
    from penstock.backends.step_functions.jobs import Shape
    from penstock.backends.step_functions.settings import StepFunctionsSettings


def job_definition(flow: str, settings: StepFunctionsSettings, shape: Shape) -> dict[str, Any]:
    """The arguments of ``RegisterJobDefinition``, named by their content.

    Equal content has an equal name, so a definition is registered once and never changes; a state names it without a
    revision, which is its only one.
    """
    environment = sorted(_environment(flow, settings, shape.image).items())
    properties: dict[str, Any] = {
        "image": shape.image,
        "command": ["python", "-c", bootstrap()],
        "environment": [{"name": name, "value": value} for name, value in environment],
        "jobRoleArn": shape.job_role,
        "resourceRequirements": _resources(shape),
    }
    if shape.execution_role:
        properties["executionRoleArn"] = shape.execution_role
    if linux := _linux_parameters(shape):
        properties["linuxParameters"] = linux
    content: dict[str, Any] = {
        "type": "container",
        "containerProperties": properties,
        "retryStrategy": {"attempts": 1},
    }
    if settings.aws_tags:
        # Of the content too: a definition of other tags is another one, so that what jobs cost is never split anew.
        content |= {"tags": dict(sorted(settings.aws_tags.items())), "propagateTags": True}
    name = job_definition_name(flow, json.dumps(content, sort_keys=True).encode())
    return {"jobDefinitionName": name, **content}


def _resources(shape: Shape) -> list[dict[str, str]]:
    resources = [{"type": "VCPU", "value": f"{shape.cpu:g}"}, {"type": "MEMORY", "value": str(shape.memory)}]
    return [*resources, *([{"type": "GPU", "value": str(shape.gpu)}] if shape.gpu else [])]


def _linux_parameters(shape: Shape) -> dict[str, int]:
    asked = {"sharedMemorySize": shape.shared_memory, "maxSwap": shape.max_swap, "swappiness": shape.swappiness}
    return {name: value for name, value in asked.items() if value is not None}


def _environment(flow: str, settings: StepFunctionsSettings, image: str) -> dict[str, str]:
    variables = {
        **settings.config,
        "PENSTOCK_FLOW": flow,
        "PENSTOCK_ROOT": settings.datastore_root,
        "PENSTOCK_PACKAGE": settings.package_sha,
        "PENSTOCK_ENTRY": _compact(list(settings.entry)),
        "PENSTOCK_IMAGE": image,
    }
    if settings.tags:
        variables["PENSTOCK_TAGS"] = _compact(list(settings.tags))
    if settings.namespace:
        variables["PENSTOCK_NAMESPACE"] = settings.namespace
    if settings.user:
        variables["METAFLOW_USER"] = settings.user
    return variables


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
