"""``merge_artifacts``: carry artifacts over a join, where all inputs agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.scope import LEVEL, PRIVATE

if TYPE_CHECKING:
    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.scope import Scope

_NOT_MERGED = PRIVATE | {
    "_unbounded_foreach",
    "_control_mapper_tasks",
    "_control_task_is_mapper_zero",
    "_parallel_ubf_iter",
}


class MergeArtifactsException(Exception):
    """``merge_artifacts`` was called outside a join, or with both ``include`` and ``exclude``."""


class UnhandledInMergeArtifactsException(MergeArtifactsException):
    """Inputs have different values of an artifact; ``artifact_names`` lists all such artifacts."""

    def __init__(self, message: str, unhandled: list[str]) -> None:
        super().__init__(message)
        self.artifact_names = unhandled


class MissingInMergeArtifactsException(MergeArtifactsException):
    """Artifacts to ``include`` that no input has; ``artifact_names`` lists them."""

    def __init__(self, message: str, missing: list[str]) -> None:
        super().__init__(message)
        self.artifact_names = missing


def merge(flow: FlowSpec, scope: Scope, inputs: Iterable[Any], exclude: Sequence[str], include: Sequence[str]) -> None:
    """Carry the artifacts of ``inputs`` on in ``flow``, without reading them: values are compared by their sha.

    Artifacts that the step has assigned or merged already are left alone.  Raises as ``FlowSpec.merge_artifacts``
    says; then nothing is merged.
    """
    step = scope.step
    if scope.planned is None or not scope.planned.is_join:
        raise MergeArtifactsException(f"merge_artifacts can be called in a join only, and step `{step}` is none")
    if exclude and include:
        raise MergeArtifactsException(
            f"step `{step}` gives merge_artifacts both `include` and `exclude`: they exclude each other"
        )
    found: dict[str, tuple[Any, str]] = {}
    conflicts: dict[str, None] = {}
    for inp in inputs:
        artifacts = vars(inp)["_penstock_scope"].artifacts
        for name, stored in artifacts.stored().items():
            if not _wanted(name, exclude, include) or _has(flow, scope, name):
                continue
            _, sha = found.setdefault(name, (artifacts, stored.sha))
            if sha != stored.sha:
                conflicts[name] = None
    if conflicts:
        raise UnhandledInMergeArtifactsException(
            f"step `{step}` can't merge {_listed(conflicts)}: the inputs have different values. Assign"
            f" {'it' if len(conflicts) == 1 else 'them'} in the step before calling merge_artifacts, or exclude"
            f" {'it' if len(conflicts) == 1 else 'them'}.",
            list(conflicts),
        )
    missing = [name for name in include if name not in found and not _has(flow, scope, name)]
    if missing and _any(inputs):
        raise MissingInMergeArtifactsException(
            f"step `{step}` is to merge {_listed(missing)}, which no input has.", missing
        )
    for name, (artifacts, _) in found.items():
        scope.artifacts.take_over(name, artifacts)


def _wanted(name: str, exclude: Sequence[str], include: Sequence[str]) -> bool:
    if include:
        return name in include
    return name not in exclude and name not in _NOT_MERGED and not name.startswith(LEVEL)


def _has(flow: FlowSpec, scope: Scope, name: str) -> bool:
    """Whether the step has the attribute, without reading it from the datastore."""
    return name in vars(flow) or hasattr(type(flow), name) or name in scope.artifacts


def _any(inputs: Iterable[Any]) -> bool:
    return next(iter(inputs), None) is not None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
