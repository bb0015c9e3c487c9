"""Graphs and leaves as objects of Kubernetes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from penstock.backends.argo.graphs import MAIN
from penstock.backends.argo.leaves import DEFAULTS
from penstock.backends.argo.names import (
    CONTENT_ANNOTATION,
    DESCRIPTION_ANNOTATION,
    FLOW_ANNOTATION,
    FLOW_LABEL,
    PART_LABEL,
    TAGS_ANNOTATION,
    VERSION_ANNOTATION,
    label_value,
    schedule_name,
)
from penstock.backends.argo.parameters import inert, plain
from penstock.backends.kubernetes.containers import compact
from penstock.runtime_shim.argo_names import RUN_PREFIX

if TYPE_CHECKING:
    from penstock.backends.argo.graphs import Graph, Task
    from penstock.backends.argo.settings import ArgoSettings

Object = dict[str, Any]
API_VERSION = "argoproj.io/v1alpha1"
ON_EXIT = "on-exit"
"""The template that a run ends with."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Writer:
    """Writes the objects of one flow."""

    def __init__(self, flow: str, settings: ArgoSettings) -> None:
        self._flow = flow
        self._settings = settings

    def workflow_template(
        self, templates: Iterable[Object], arguments: Sequence[Object], pull_secrets: Iterable[str]
    ) -> Object:
        """The WorkflowTemplate that runs are made from."""
        settings = self._settings
        spec: Object = {
            "entrypoint": MAIN,
            "templates": [*templates, *self._on_exit()],
            "workflowMetadata": {"labels": self._labels(), "annotations": self._marks()},
        }
        if arguments:
            spec["arguments"] = {"parameters": [*arguments]}
        if settings.on_exit:
            spec["onExit"] = ON_EXIT
        if settings.workflow_timeout:
            spec["activeDeadlineSeconds"] = settings.workflow_timeout
        if settings.service_account:
            spec["serviceAccountName"] = settings.service_account
        if names := [{"name": name} for name in pull_secrets]:
            spec["imagePullSecrets"] = names
        return self._object("WorkflowTemplate", settings.name, spec)

    def part(self, name: str, templates: Iterable[Object]) -> Object:
        """A WorkflowTemplate with templates for which the one that runs are made from has no room."""
        return self._object("WorkflowTemplate", name, {"templates": [*templates]}, {PART_LABEL: self._settings.name})

    def cron_workflow(self, cron: str, timezone: str) -> Object:
        """The CronWorkflow that starts runs with the defaults of all parameters."""
        spec = {
            "schedules": [cron],
            "timezone": timezone,
            "concurrencyPolicy": "Allow",
            "workflowSpec": {"workflowTemplateRef": {"name": self._settings.name}},
        }
        return self._object("CronWorkflow", schedule_name(self._settings.name), spec)

    def _object(self, kind: str, name: str, spec: Object, labels: Mapping[str, str] = _NOTHING) -> Object:
        """An object with the hash of all else in its annotations."""
        metadata: Object = {
            "name": name,
            "labels": {**self._labels(), "app.kubernetes.io/managed-by": "penstock", **labels},
            "annotations": self._marks(),
        }
        if self._settings.kubernetes_namespace:
            metadata["namespace"] = self._settings.kubernetes_namespace
        made: Object = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
        metadata["annotations"][CONTENT_ANNOTATION] = hashlib.sha256(as_json(made)).hexdigest()
        return made

    def _labels(self) -> dict[str, str]:
        return {**self._settings.object_labels, FLOW_LABEL: label_value(self._flow)}

    def _marks(self) -> dict[str, str]:
        from penstock import __version__

        marks = {**self._settings.object_annotations, FLOW_ANNOTATION: self._flow, VERSION_ANNOTATION: __version__}
        if self._settings.tags:
            marks[TAGS_ANNOTATION] = inert(compact(list(self._settings.tags)))
        if self._settings.description:
            marks[DESCRIPTION_ANNOTATION] = plain(self._settings.description)
        return marks

    def _on_exit(self) -> Iterator[Object]:
        if not self._settings.on_exit:
            return
        name, _, entry = self._settings.on_exit.partition("/")
        given = {
            "run": RUN_PREFIX + "{{workflow.name}}",
            "flow": self._flow,
            "status": "{{workflow.status}}",
            "failures": "{{workflow.failures}}",
        }
        reference = {"name": name, "template": entry or MAIN}
        task = {"name": ON_EXIT, "templateRef": reference, "arguments": {"parameters": _parameters(given)}}
        yield {"name": ON_EXIT, "dag": {"tasks": [task]}}


def template_of(graph: Graph, homes: Mapping[str, str] = _NOTHING) -> Object:
    """A template; ``homes`` names the object of each template that stands in another one than this."""
    template: Object = {"name": graph.name, "dag": {"tasks": [task_of(task, homes) for task in graph.tasks]}}
    if graph.inputs:
        template["inputs"] = {"parameters": _parameters({name: DEFAULTS[name] for name in graph.inputs})}
    if graph.parallelism is not None:
        template["parallelism"] = graph.parallelism
    return template


def as_json(document: object) -> bytes:
    """Compact JSON, keys sorted: what Kubernetes keeps of an object has this size."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def task_of(task: Task, homes: Mapping[str, str] = _NOTHING) -> Object:
    """A task of a template."""
    home = homes.get(task.template)
    written: Object = {"name": task.name, **task.more}
    if home is None:
        written["template"] = task.template
    else:
        written["templateRef"] = {"name": home, "template": task.template}
    if task.after:
        written["depends"] = " && ".join(task.after)
    if task.given:
        written["arguments"] = {"parameters": _parameters(task.given)}
    return written


def _parameters(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]
