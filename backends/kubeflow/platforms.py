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


def mounted_variables(platform: Mapping[str, Any]) -> dict[str, list[str]]:
    """Of an executor's entry: the ``folders`` whose files are to become variables, and the variables that it sets one
    by one, which are ``kept``; empty where there are no such folders.

    A pipeline has no word for all keys of a secret as variables (Kubernetes' `envFrom`), so they are mounted.
    """
    mounts = [*platform.get("secretAsVolume", ()), *platform.get("configMapAsVolume", ())]
    named = [*platform.get("secretAsEnv", ()), *platform.get("configMapAsEnv", ())]
    folders = [each["mountPath"] for each in mounts if each["mountPath"].startswith(_MOUNTED)]
    kept = [key["envVar"] for each in named for key in each["keyToEnv"]]
    return {"folders": folders, "kept": kept} if folders else {}


_MOUNTED = "/etc/penstock/"
"""Below it are mounted what has no folder of its own."""


def _sources(what: str, wanted: Mapping[str, Destination]) -> dict[str, Any]:
    """Secrets or config maps: as variables where their keys have names, else as files in a folder."""
    name_field, key_field = f"{what}Name", "secretKey" if what == "secret" else "configMapKey"
    variables, folders = [], []
    for name, destination in wanted.items():
        source: dict[str, Any] = {name_field: name, f"{name_field}Parameter": _constant(name)}
        if isinstance(destination, Mapping):
            keys = [{"envVar": variable, key_field: key} for key, variable in destination.items()]
            variables.append({**source, "keyToEnv": keys})
        else:
            folders.append({**source, "mountPath": destination or f"{_MOUNTED}{what}/{name}"})
    return {f"{what}AsEnv": variables, f"{what}AsVolume": folders}


def _constant(name: str) -> dict[str, Any]:
    """A name as newer backends (from 2.5) read it; older ones read the field beside it."""
    return {"runtimeValue": {"constant": name}}
