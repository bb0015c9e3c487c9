"""Batch job definitions: what stands once for all steps of one shape."""

from __future__ import annotations

import json
from typing import Any

from penstock.backends.step_functions.names import job_definition_name
from penstock.backends.step_functions.settings import StepFunctionsSettings
from penstock.compiler.packaging import bootstrap


def job_definition(flow: str, settings: StepFunctionsSettings) -> dict[str, Any]:
    """The arguments of ``RegisterJobDefinition``, named by their content.

    Equal content has an equal name, so a definition is registered once and never changes; a state names it without a
    revision, which is its only one.
    """
    environment = sorted(_environment(flow, settings).items())
    content = {
        "type": "container",
        "containerProperties": {
            "image": settings.image,
            "command": ["python", "-c", bootstrap()],
            "environment": [{"name": name, "value": value} for name, value in environment],
            "jobRoleArn": settings.job_role,
            "resourceRequirements": [
                {"type": "VCPU", "value": str(settings.vcpus)},
                {"type": "MEMORY", "value": str(settings.memory)},
            ],
        },
        "retryStrategy": {"attempts": 1},
    }
    name = job_definition_name(flow, json.dumps(content, sort_keys=True).encode())
    return {"jobDefinitionName": name, **content}


def _environment(flow: str, settings: StepFunctionsSettings) -> dict[str, str]:
    variables = {
        **settings.config,
        "PENSTOCK_FLOW": flow,
        "PENSTOCK_ROOT": settings.datastore_root,
        "PENSTOCK_PACKAGE": settings.package_sha,
        "PENSTOCK_ENTRY": _compact(list(settings.entry)),
        "PENSTOCK_IMAGE": settings.image,
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
