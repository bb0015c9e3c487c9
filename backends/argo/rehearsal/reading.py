"""Manifests read strictly, as Kubernetes' field validation does: what is unknown, or beyond a rehearsal, is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from penstock.backends.argo.rehearsal.document import Template, WorkflowTemplate
from penstock.backends.argo.rehearsal.templates import read_template
from penstock.backends.rehearsal.fields import BadDocument, Fields

API_VERSION = "argoproj.io/v1alpha1"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_LONGEST_NAME = 63
"""Of a WorkflowTemplate, since its name becomes a label of its workflows."""
_OF_THE_CLUSTER = (
    "affinity", "archiveLogs", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "executor", "hostAliases",
    "hostNetwork", "imagePullSecrets", "metrics", "nodeSelector", "podDisruptionBudget", "podGC", "podMetadata",
    "podPriorityClassName", "podSpecPatch", "priority", "schedulerName", "securityContext", "tolerations",
    "ttlStrategy", "volumeClaimGC", "volumeClaimTemplates", "volumes", "workflowMetadata",
)  # fmt: skip
"""What a workflow has from its cluster, and processes of this machine have not."""


def read_manifests(stream: bytes) -> dict[str, WorkflowTemplate]:
    """The WorkflowTemplates of a YAML stream by name, in its order; a List is read as its items, and what else is
    applied with them (a CronWorkflow) is passed over.

    Raises BadDocument.
    """
    found: dict[str, WorkflowTemplate] = {}
    for document in _documents(stream):
        if isinstance(document, Mapping) and document.get("kind") == "WorkflowTemplate":
            template = _workflow_template(Fields(document, "WorkflowTemplate"))
            if template.name in found:
                raise BadDocument(f"WorkflowTemplate {template.name}: there are two of this name")
            found[template.name] = template
    if not found:
        raise BadDocument("there is no WorkflowTemplate")
    return found


def _documents(stream: bytes) -> Iterator[Any]:
    try:
        for document in yaml.load_all(stream, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(document, Mapping) and document.get("kind") == "List":
                yield from document.get("items") or ()
            elif document is not None:
                yield document
    except yaml.YAMLError as error:
        raise BadDocument(f"the manifests are no YAML: {error}") from None


def _workflow_template(fields: Fields) -> WorkflowTemplate:
    if fields.text("apiVersion") != API_VERSION:
        raise fields.refuse(f"its apiVersion is not {API_VERSION}")
    fields.ignore("kind")
    metadata = fields.message("metadata")
    name = metadata.text("name")
    if not _NAME.match(name) or len(name) > _LONGEST_NAME:
        raise metadata.refuse(f"{name!r} is no name of up to {_LONGEST_NAME} small letters, digits and dashes")
    metadata.ignore("namespace", "labels", "annotations")
    metadata.done()
    spec = fields.message("spec")
    spec.place = f"WorkflowTemplate {name}"
    found = _spec(name, spec)
    fields.done()
    return found


def _spec(name: str, spec: Fields) -> WorkflowTemplate:
    spec.ignore(*_OF_THE_CLUSTER)
    parameters, descriptions = _parameters(spec.message("arguments"))
    templates: dict[str, Template] = {}
    for each in spec.raw_list("templates"):
        template = read_template(each, name)
        if template.name in templates:
            raise spec.refuse(f"there are two templates called {template.name!r}")
        templates[template.name] = template
    found = WorkflowTemplate(
        name,
        templates,
        entrypoint=spec.text("entrypoint", ""),
        parameters=parameters,
        descriptions=descriptions,
        on_exit=spec.text("onExit", ""),
        deadline=float(spec.number("activeDeadlineSeconds")) or None,
        service_account=spec.text("serviceAccountName", "default"),
    )
    spec.done()
    return found


def _parameters(arguments: Fields) -> tuple[dict[str, str | None], dict[str, str]]:
    """The workflow's parameters: their values, and what is said of them."""
    values: dict[str, str | None] = {}
    descriptions: dict[str, str] = {}
    for parameter in arguments.list("parameters"):
        name = parameter.text("name")
        if name in values:
            raise parameter.refuse(f"there are two parameters called {name!r}")
        values[name] = parameter.any_text("value")
        if description := parameter.text("description", ""):
            descriptions[name] = description
        parameter.done()
    arguments.done()
    return values, descriptions
