"""Fixed settings for Argo, what compiled manifests hold, and what Argo's models and rules say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from argo_lint import lint
from argo_models import model_problems

from penstock.backends.argo import lowering, splitting
from penstock.backends.argo.names import template_name
from penstock.backends.argo.settings import ArgoSettings
from penstock.backends.protocol import Bundle
from penstock.compiler.program import Program

Object = dict[str, Any]


def fixed_settings(program: Program) -> ArgoSettings:
    """Settings that depend on the flow's name alone: the bytes of a golden file depend on nothing else."""
    return ArgoSettings(
        datastore_root="s3://penstock-golden/metaflow",
        name=template_name(program.name),
        entry=("flow.py",),
        package_sha="0123456789abcdef0123456789abcdef01234567",
        image="python:3.11",
        user="golden",
    )


def cut_small(patch: pytest.MonkeyPatch, objects: int, graphs: int | None = None, *, above: int = 1) -> None:
    """Compile as if objects held so many bytes, and their graphs so many; from ``above`` bytes a flow is split."""
    patch.setattr(lowering, "SPLIT_ABOVE", above)
    patch.setattr(splitting, "OBJECT_BYTES", objects)
    if graphs is not None:
        patch.setattr(splitting, "GRAPH_BYTES", graphs)


def objects_of(bundle: Bundle) -> list[Object]:
    """The objects of a bundle, the workflow template that runs are made from first."""
    return [each for data in bundle.files.values() for each in yaml.safe_load_all(data)]


def schema_problems(objects: list[Object]) -> list[str]:
    """What Argo's models find wrong, taken strictly, and what its linter would."""
    return [*model_problems(objects), *lint(objects)]


def templates_of(objects: list[Object]) -> dict[str, Object]:
    """The templates of all objects by name: a flow's are unique over all of them."""
    return {
        each["name"]: each
        for whole in objects
        if whole["kind"] == "WorkflowTemplate"
        for each in whole["spec"]["templates"]
    }


def step_counts(objects: list[Object]) -> Counter[str]:
    """How many tasks may run each step in one run, with one turn of each loop: of tasks with conditions, the one that
    has most.
    """
    return _counts(templates_of(objects), "main", frozenset())


def _counts(templates: Mapping[str, Object], name: str, around: frozenset[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    arms: dict[str, Counter[str]] = {}
    for task in templates[name]["dag"]["tasks"]:
        used = task.get("template") or task["templateRef"]["template"]
        if used in around:
            continue  # another turn
        given = {each["name"]: each["value"] for each in task.get("arguments", {}).get("parameters", [])}
        found = Counter([given["step"]]) if "step" in given else _counts(templates, used, around | {name, used})
        if "when" in task:
            arms.setdefault(task["when"].partition(" == ")[0], Counter())
            arms[task["when"].partition(" == ")[0]] |= found
        else:
            counts += found
    return sum(arms.values(), counts)
