"""Runs of a deployed flow: started, found, listed, ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.backends.argo.names import run_name
from penstock.backends.argo.parameters import demand_room
from penstock.backends.argo.running.answers import Absent, Taken
from penstock.backends.argo.running.workflows import (
    COMPLETED_LABEL,
    CRON_LABEL,
    INSTANCE_LABEL,
    PHASE_LABEL,
    TEMPLATE_LABEL,
    SeenWorkflow,
    seen,
    workflow_name,
)
from penstock.compiler.diagnostics import Diagnostic, Refused
from penstock.runtime_shim.argo_names import RUN_PREFIX

if TYPE_CHECKING:
    from penstock.backends.argo.running.cluster import Cluster

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")
"""Of any object: what is no name is not asked for."""
_TRIES = 3

SELECTORS: Mapping[str, str] = {
    "running": f"{COMPLETED_LABEL}!=true",
    "succeeded": f"{PHASE_LABEL}=Succeeded",
    "failed": f"{PHASE_LABEL} in (Failed,Error)",
}
"""How runs are asked for by how they are doing."""


def start(cluster: Cluster, template: Mapping[str, Any], arguments: Sequence[Mapping[str, str]]) -> str:
    """Start a run of a deployed workflow template with these parameters, name and value each; the workflow's name.

    Raises Refused.
    """
    demand_room(arguments)
    for left in reversed(range(_TRIES)):
        name = run_name(template["metadata"]["name"])
        try:
            cluster.create(_workflow(name, template["metadata"], arguments))
        except Taken:
            if not left:
                raise
        else:
            break
    return name


def _workflow(name: str, template: Mapping[str, Any], arguments: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The name is ours and not Kubernetes', so that it is known where the answer gets lost.

    Of several controllers one takes a workflow that has its label from the beginning.
    """
    labels = {TEMPLATE_LABEL: template["name"]}
    if instance := (template.get("labels") or {}).get(INSTANCE_LABEL):
        labels[INSTANCE_LABEL] = instance
    spec: dict[str, Any] = {"workflowTemplateRef": {"name": template["name"]}}
    if arguments:
        spec["arguments"] = {"parameters": list(arguments)}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


def look(cluster: Cluster, run: str, template: str) -> SeenWorkflow:
    """How a run of the workflow template is doing; ``run`` with or without its prefix.

    Raises Refused (P563) where there is no such run of that template.
    """
    name = workflow_name(run)
    found = cluster.find("Workflow", name) if _NAME.match(name) else None
    if found is None:
        raise _no_run(run, f"in the namespace {cluster.namespace} at {cluster.address}, or no longer")
    shown = seen(found)
    if shown.template != template:
        other = f"the workflow template {shown.template}" if shown.template else "no workflow template"
        raise _no_run(run, f"of {template}: it is one of {other}")
    return shown


def _no_run(run: str, where: str) -> Refused:
    message = f"there is no run {RUN_PREFIX}{workflow_name(run)} {where}"
    return Refused([Diagnostic("P563", message, help="`argo-workflows list-runs` shows those of the flow")])


def list_runs(cluster: Cluster, template: str, cron: str, most: int, wanted: Iterable[str]) -> list[SeenWorkflow]:
    """The newest ``most`` runs of the workflow template, newest first; ``wanted`` are keys of SELECTORS, all if empty.

    Runs that ``cron`` has started carry its label.  Only those that are listed are read whole: a workflow may have a
    megabyte.
    """
    found: dict[str, str] = {}
    for label, value in ((TEMPLATE_LABEL, template), (CRON_LABEL, cron)):
        for how in [f",{SELECTORS[each]}" for each in dict.fromkeys(wanted)] or [""]:
            for metadata in cluster.labels("Workflow", f"{label}={value}{how}"):
                found[str(metadata["name"])] = str(metadata.get("creationTimestamp", ""))
    newest = sorted(found, key=lambda name: (found[name], name), reverse=True)
    documents = (cluster.find("Workflow", name) for name in newest)
    listed: list[SeenWorkflow] = []
    for document in documents:
        if document is not None and (shown := seen(document)).template == template:
            listed.append(shown)
        if len(listed) == most:
            break
    return listed


def terminate(cluster: Cluster, run: str, template: str) -> bool:
    """End a run and its pods; False where it had ended before.

    Raises Refused.
    """
    shown = look(cluster, run, template)
    if shown.over:
        return False
    patch = {"spec": {"shutdown": "Terminate"}}
    try:
        cluster.merge("Workflow", shown.name, patch, f"terminate the run {shown.run}")
    except Absent:
        raise _no_run(run, "any more") from None
    return True
