"""What only Kubernetes knows of a pod, in the fields of a template and its container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.kubernetes.pods import filled

if TYPE_CHECKING:
    from penstock.backends.kubernetes.pods import Destination, Needs, Placement


class PodFields(NamedTuple):
    """``template`` and ``container`` are fields of these, what is empty left out; ``variables`` are those of the
    container's environment whose values the cluster has.
    """

    template: Mapping[str, Any]
    container: Mapping[str, Any]
    variables: tuple[Mapping[str, Any], ...]


def pod_fields(pod: Placement, needs: Needs) -> PodFields:
    """The fields of a pod; image pull secrets are the workflow's."""
    volumes, mounts = [], []
    for number, (source, folder) in enumerate(_volumes(pod), 1):
        volumes.append({"name": f"volume-{number}", **source})
        mounts.append({"name": f"volume-{number}", "mountPath": folder})
    template = {
        "metadata": filled({"labels": pod.labels, "annotations": pod.annotations}),
        "nodeSelector": dict(pod.node_selector),
        "serviceAccountName": pod.service_account,
        "tolerations": [_toleration(each) for each in pod.tolerations],
        "volumes": volumes,
    }
    container = {
        "envFrom": [*_whole("secretRef", pod.secrets), *_whole("configMapRef", pod.config_maps)],
        "imagePullPolicy": pod.pull_policy,
        "resources": _resources(needs, pod.disk),
        "volumeMounts": mounts,
    }
    variables = (*_by_key("secretKeyRef", pod.secrets), *_by_key("configMapKeyRef", pod.config_maps))
    return PodFields(filled(template), filled(container), variables)


def _volumes(pod: Placement) -> Iterator[tuple[dict[str, Any], str]]:
    """What is mounted, and where."""
    for claim, folder in pod.volume_claims.items():
        yield {"persistentVolumeClaim": {"claimName": claim}}, folder
    for name, destination in pod.secrets.items():
        if isinstance(destination, str):
            yield {"secret": {"secretName": name}}, destination
    for name, destination in pod.config_maps.items():
        if isinstance(destination, str):
            yield {"configMap": {"name": name}}, destination
    if pod.shared_memory:
        yield {"emptyDir": {"medium": "Memory", "sizeLimit": f"{pod.shared_memory}Mi"}}, "/dev/shm"  # noqa: S108 - the pod's


def _whole(reference: str, wanted: Mapping[str, Destination]) -> Iterator[dict[str, Any]]:
    return ({reference: {"name": name}} for name, destination in wanted.items() if destination is None)


def _by_key(reference: str, wanted: Mapping[str, Destination]) -> Iterator[dict[str, Any]]:
    for name, destination in wanted.items():
        if isinstance(destination, Mapping):
            for key, variable in destination.items():
                yield {"name": variable, "valueFrom": {reference: {"key": key, "name": name}}}


def _toleration(given: Mapping[str, Any]) -> dict[str, Any]:
    seconds = given.get("tolerationSeconds")
    return dict(given) if seconds is None else {**given, "tolerationSeconds": int(seconds)}


def _resources(needs: Needs, disk: int) -> dict[str, Any]:
    """What is asked for is the limit too, so that a pod has what it needs wherever it is put; of disk, asked alone."""
    amounts = filled({"cpu": needs.cpu, "memory": f"{needs.memory}Mi" if needs.memory else ""})
    limits = {**amounts, **({needs.gpu_resource: str(needs.gpu)} if needs.gpu else {})}
    requests = {**amounts, **({"ephemeral-storage": f"{disk}Mi"} if disk else {})}
    return filled({"limits": limits, "requests": requests})
