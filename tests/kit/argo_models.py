"""Hera's models of Argo 4.0's objects, made to refuse fields that Argo does not have."""

from __future__ import annotations

from typing import Any

from hera.shared._pydantic import APIBaseModel

APIBaseModel.model_config["extra"] = "forbid"  # before the models are made, which take it from here

from hera.workflows.models import CronWorkflow, WorkflowTemplate  # noqa: E402 - as above
from pydantic import BaseModel, ValidationError  # noqa: E402 - after what it checks

_MODELS: dict[str, type[BaseModel]] = {"WorkflowTemplate": WorkflowTemplate, "CronWorkflow": CronWorkflow}


def model_problems(objects: list[dict[str, Any]]) -> list[str]:
    """What is no field of Argo, or of another type."""
    return [problem for each in objects for problem in _problems(each)]


def _problems(document: dict[str, Any]) -> list[str]:
    try:
        _MODELS[document["kind"]].model_validate(document)
    except ValidationError as error:
        name = document["metadata"]["name"]
        return [f"{name}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return []
