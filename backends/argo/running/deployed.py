"""What is deployed under a name, and whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from penstock.backends.argo.names import FLOW_ANNOTATION, PART_LABEL, template_name
from penstock.backends.argo.resolution import name_problems
from penstock.backends.argo.running.cluster import FIELD_MANAGER, WORDS
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.backends.argo.running.cluster import Cluster
    from penstock.backends.commandline import State
    from penstock.runtime_shim.configuration import Configuration

Object = Mapping[str, Any]


def deployed_name(state: State, name: str | None) -> str:
    """The name of the flow's workflow template: as said, or as `create` makes it.

    Raises Refused (P532) where no template can have it.
    """
    wanted = name or template_name(state.flow_class.__name__)
    problems = list(name_problems("workflow template", wanted))
    if problems:
        raise Refused(problems)
    return wanted


def owner(document: Object) -> str | None:
    """The flow that an object belongs to, None where it was not made by Penstock."""
    return ((document.get("metadata") or {}).get("annotations") or {}).get(FLOW_ANNOTATION)


def demand_own(kind: str, document: Object, flow: str) -> None:
    """Raise Refused (P564) unless the object is the flow's."""
    found = owner(document)
    if found == flow:
        return
    whose = f"belongs to the flow {found}, not to {flow}" if found else "was not made by Penstock"
    message = f"the {WORDS[kind]} {document['metadata']['name']} exists and {whose}: it is left alone"
    raise Refused([Diagnostic("P564", message, help="choose another name with --name, or another --namespace")])


def demand_template(cluster: Cluster, name: str, flow: str) -> Object:
    """The flow's workflow template of that name.

    Raises Refused where there is none (P563), or it is not the flow's (P564).
    """
    found = cluster.find("WorkflowTemplate", name)
    if found is None:
        message = f"there is no workflow template {name} in the namespace {cluster.namespace} at {cluster.address}"
        raise Refused([Diagnostic("P563", message, help="deploy the flow first: argo-workflows create")])
    demand_own("WorkflowTemplate", found, flow)
    return found


def own_schedule(cluster: Cluster, name: str, flow: str) -> Object | None:
    """The cron workflow of that name where it is the flow's."""
    found = cluster.find("CronWorkflow", name)
    return found if found is not None and owner(found) == flow else None


def parts_of(cluster: Cluster, name: str) -> Iterator[str]:
    """The names of the workflow templates that a large flow's template of that name is split over, now or once."""
    for metadata in cluster.labels("WorkflowTemplate", f"{PART_LABEL}={name}"):
        yield str(metadata.get("name", ""))


def comparable(live: Object, compiled: Iterable[Object]) -> Object:
    """An object of the cluster without the labels and annotations that others have put there.

    Ours are those that the compiled object of that name has, and those that we own since we have applied them once.
    """
    metadata = live["metadata"]
    alike = (each["metadata"] for each in compiled if _identity(each) == _identity(live))
    wanted: Mapping[str, Any] = next(alike, {})
    kept: dict[str, Any] = {"name": metadata["name"]}
    for sort in ("labels", "annotations"):
        ours = {*(wanted.get(sort) or ()), *_owned(metadata, sort)}
        kept[sort] = {key: value for key, value in (metadata.get(sort) or {}).items() if key in ours}
    return {**live, "metadata": kept}


def _identity(document: Object) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]


def _owned(metadata: Mapping[str, Any], sort: str) -> Iterator[str]:
    """The keys that our field manager owns, as Kubernetes writes it: ``f:metadata``, ``f:labels``, ``f:<key>``."""
    for each in metadata.get("managedFields") or ():
        if each.get("manager") == FIELD_MANAGER:
            fields = ((each.get("fieldsV1") or {}).get("f:metadata") or {}).get(f"f:{sort}") or {}
            yield from (key.removeprefix("f:") for key in fields)


def datastore_root(template: Object, configuration: Configuration) -> str:
    """Where the runs of a deployed template store: what its containers are told, else what is configured here."""
    for each in template["spec"].get("templates") or ():
        for variable in (each.get("container") or {}).get("env") or ():
            if variable.get("name") == "PENSTOCK_ROOT":
                return str(variable.get("value", ""))
    return configuration.get("METAFLOW_DATASTORE_SYSROOT_S3") or ""
