"""A pipeline as people compare it: its tasks by their way through loops and arms, with the containers they run in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock.backends.differences import Description, flattened

_UNTOLD = frozenset({"componentRef", "taskInfo", "cachingOptions"})
"""Of a task: names that Kubeflow needs, and nothing that anybody chose."""


def describe(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> Description:
    """A pipeline and its platform document, for :func:`penstock.backends.differences.differences`."""
    root = spec.get("root") or {}
    parameters = (root.get("inputDefinitions") or {}).get("parameters") or {}
    return {
        "pipeline": {"": dict(_fields(spec.get("pipelineInfo") or {}))},
        "parameter": {name: dict(_fields(each)) for name, each in parameters.items()},
        "task": {name: dict(fields) for name, fields in _tasks(spec, platform)},
    }


def _tasks(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    components: Mapping[str, Any] = spec.get("components") or {}
    containers = _containers(spec, platform)
    pending: list[tuple[str, Any]] = [("", spec.get("root") or {})]
    while pending:
        way, component = pending.pop()
        for key, task in ((component.get("dag") or {}).get("tasks") or {}).items():
            inner = components.get((task.get("componentRef") or {}).get("name", "")) or {}
            plain = {field: value for field, value in task.items() if field not in _UNTOLD}
            yield way + key, _fields({**plain, **containers.get(inner.get("executorLabel", ""), {})})
            pending.append((f"{way}{key}/", inner))


def _containers(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What is told of an executor, by its label: image, resources, environment, program, and what Kubernetes adds."""
    executors = (spec.get("deploymentSpec") or {}).get("executors") or {}
    kubernetes = ((platform.get("platforms") or {}).get("kubernetes") or {}).get("deploymentSpec") or {}
    found: dict[str, dict[str, Any]] = {}
    for label, executor in executors.items():
        container = dict(executor.get("container") or {})
        variables = {each.get("name"): each.get("value") for each in container.pop("env", None) or []}
        pods = (kubernetes.get("executors") or {}).get(label) or {}
        found[label] = {**container, "env": variables, **({"kubernetes": pods} if pods else {})}
    return found


def _fields(value: Any) -> Iterator[tuple[str, str]]:
    return flattened(_exact(value))


def _exact(value: Any) -> Any:
    """Whole numbers as such: the server keeps all numbers as doubles.  A document is not deep."""
    if isinstance(value, Mapping):
        return {key: _exact(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_exact(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
