"""Applies compiled manifests to a cluster; whatever is there already and equal stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from penstock.backends.argo.description import describe
from penstock.backends.argo.names import schedule_name
from penstock.backends.argo.running.deployed import comparable, demand_own, own_schedule, parts_of
from penstock.backends.argo.running.workflows import COMPLETED_LABEL, TEMPLATE_LABEL
from penstock.backends.differences import differences, lines
from penstock.backends.flow_package import upload_code

if TYPE_CHECKING:
    from penstock.backends.argo.compilation import CompiledFlow
    from penstock.backends.argo.running.cluster import Cluster
    from penstock.backends.commandline import State

Object = Mapping[str, Any]
_NAMES = {"WorkflowTemplate": "template", "CronWorkflow": "schedule"}
_MOST_LINES = 12
"""Of what is told of the changes; `argo-workflows diff` tells all before they are made."""


def deploy(state: State, compiled: CompiledFlow, cluster: Cluster, *, force: bool) -> Iterator[str]:
    """Make the cluster hold the manifests, with a line for each thing as it is done, and for what changed in it.

    Nothing is touched before it is clear that all names are free or the flow's; what is referred to comes before what
    refers to it.  ``force`` takes over fields that somebody else has changed.  Raises Refused, StorageFailure.
    """
    flow, name = state.flow_class.__name__, compiled.settings.name
    documents = in_order(compiled.documents)
    live = [cluster.find(str(each["kind"]), str(each["metadata"]["name"])) for each in documents]
    for found in live:
        if found is not None:
            demand_own(str(found["kind"]), found, flow)
    scheduled = any(each["kind"] == "CronWorkflow" for each in documents)
    outdated = None if scheduled else own_schedule(cluster, schedule_name(name), flow)
    yield upload_code(state, compiled.package, compiled.settings.datastore_root)
    if outdated is not None:  # before the template that it starts becomes another one
        cluster.delete("CronWorkflow", outdated["metadata"]["name"])
        yield line("CronWorkflow", outdated["metadata"]["name"], "deleted")
    for document, before in zip(documents, live, strict=True):
        after = cluster.apply(document, force=force)
        yield line(str(document["kind"]), document["metadata"]["name"], _happened(before, after))
    yield from _changes(live, documents)
    yield from _remove_old_parts(cluster, name, {each["metadata"]["name"] for each in documents})


def in_order(documents: Iterable[Object]) -> list[Object]:
    """Parts before the template that refers to them, and what starts it last."""
    found = list(documents)

    def rank(document: Object) -> int:
        if document["kind"] == "CronWorkflow":
            return 2
        return 1 if "entrypoint" in document["spec"] else 0

    return sorted(found, key=rank)


def line(kind: str, name: str, happened: str) -> str:
    """What happened to a thing, below what `upload_code` says."""
    return f"{_NAMES[kind]:<15}{name}  {happened}"


def _happened(before: Object | None, after: Object) -> str:
    if before is None:
        return "created"
    same = before["metadata"].get("resourceVersion") == after["metadata"].get("resourceVersion")
    return "unchanged" if same else "updated"


def _changes(live: list[Object | None], documents: list[Object]) -> Iterator[str]:
    """In what the flow differs from what was there, where there was something."""
    before = [comparable(found, documents) for found in live if found is not None]
    if not before:
        return
    told = lines(differences(describe(before), describe(documents)))
    yield from (f"  {each}" for each in told[:_MOST_LINES])
    if len(told) > _MOST_LINES:
        yield f"  and {len(told) - _MOST_LINES:,} changes more"


def _remove_old_parts(cluster: Cluster, name: str, current: set[str]) -> Iterator[str]:
    """Parts of earlier versions go, unless runs may still need them: Argo reads a part when a run comes to it."""
    old = [part for part in parts_of(cluster, name) if part not in current]
    if not old:
        return
    going = next(cluster.labels("Workflow", f"{TEMPLATE_LABEL}={name},{COMPLETED_LABEL}!=true"), None)
    for part in old:
        if going is None:
            cluster.delete("WorkflowTemplate", part)
        yield line("WorkflowTemplate", part, "deleted" if going is None else "kept: runs that go on may need it")
