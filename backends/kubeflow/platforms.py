"""The second document: what only Kubernetes knows of the executors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.backends.kubernetes.pods import Destination, Placement, filled

if TYPE_CHECKING:
    from penstock.backends.kubeflow.pods import Shape


def platform_document(shapes: Mapping[str, Shape]) -> list[dict[str, Any]]:
    """The document, as a list of one; of none where no executor has anything to say."""
    executors = {f"exec-{name}": json.loads(shape.platform) for name, shape in shapes.items()}
    said = {name: entry for name, entry in executors.items() if entry}
    return [{"platforms": {"kubernetes": {"deploymentSpec": {"executors": said}}}}] if said else []


def executor_entry(pod: Placement, deadline: int | None) -> dict[str, Any]:
    """An executor's entry (``KubernetesExecutorConfig`` of kfp-kubernetes), what is empty left out.

    ``deadline`` is in seconds.
    """
    entry: dict[str, Any] = {
        "activeDeadlineSeconds": str(deadline) if deadline else None,
        "imagePullPolicy": pod.pull_policy,
        "imagePullSecret": [{"secretName": name, "secretNameParameter": _constant(name)} for name in pod.pull_secrets],
        "nodeSelector": {"labels": pod.node_selector} if pod.node_selector else None,
        "podMetadata": filled({"labels": pod.labels, "annotations": pod.annotations}),
        "pvcMount": [
            {"constant": name, "mountPath": folder, "pvcNameParameter": _constant(name)}
            for name, folder in pod.volume_claims.items()
        ],
        "tolerations": [*pod.tolerations],
    }
    entry |= _sources("secret", pod.secrets)
    entry |= _sources("configMap", pod.config_maps)
    if pod.shared_memory:
        entry["enabledSharedMemory"] = {"volumeName": "shm", "size": f"{pod.shared_memory}Mi"}
    return filled(entry)


def _sources(what: str, wanted: Mapping[str, Destination]) -> dict[str, Any]:
    """Secrets or config maps: as variables where their keys have names, else as files in a folder; those of which
    nobody says where their content goes are refused before.
    """
    name_field, key_field = f"{what}Name", "secretKey" if what == "secret" else "configMapKey"
    variables = [
        {
            name_field: name,
            f"{name_field}Parameter": _constant(name),
            "keyToEnv": [{"envVar": variable, key_field: key} for key, variable in destination.items()],
        }
        for name, destination in wanted.items()
        if isinstance(destination, Mapping)
    ]
    folders = [
        {name_field: name, f"{name_field}Parameter": _constant(name), "mountPath": destination}
        for name, destination in wanted.items()
        if isinstance(destination, str)
    ]
    return {f"{what}AsEnv": variables, f"{what}AsVolume": folders}


def _constant(name: str) -> dict[str, Any]:
    """A name as newer backends (from 2.5) read it; older ones read the field beside it."""
    return {"runtimeValue": {"constant": name}}
