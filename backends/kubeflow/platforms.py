"""The second document: what only Kubernetes knows of the executors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.decorators import pairs_of

if TYPE_CHECKING:
    from penstock.backends.kubeflow.pods import Shape
    from penstock.backends.kubeflow.settings import KubeflowSettings


def platform_document(shapes: Mapping[str, Shape]) -> list[dict[str, Any]]:
    """The document, as a list of one; of none where no executor has anything to say."""
    executors = {f"exec-{name}": json.loads(shape.platform) for name, shape in shapes.items()}
    said = {name: entry for name, entry in executors.items() if entry}
    return [{"platforms": {"kubernetes": {"deploymentSpec": {"executors": said}}}}] if said else []


def executor_entry(asked: Mapping[str, Any], settings: KubeflowSettings, deadline: int | None) -> dict[str, Any]:
    """An executor's entry (``KubernetesExecutorConfig`` of kfp-kubernetes), what is empty left out.

    ``deadline`` is in seconds.  Lists of the settings come before those of the step; of pairs, the step's win.
    """
    selector = {**settings.node_selector, **_pairs(asked.get("node_selector"))}
    labels = {**settings.labels, **_pairs(asked.get("labels"))}
    annotations = {**settings.annotations, **_pairs(asked.get("annotations"))}
    claims = {**settings.volume_claims, **(asked.get("persistent_volume_claims") or {})}
    entry: dict[str, Any] = {
        "activeDeadlineSeconds": str(deadline) if deadline else None,
        "imagePullPolicy": asked.get("image_pull_policy") or settings.image_pull_policy,
        "imagePullSecret": [
            {"secretName": name, "secretNameParameter": _constant(name)}
            for name in _once(settings.image_pull_secrets, asked.get("image_pull_secrets") or ())
        ],
        "nodeSelector": {"labels": selector} if selector else None,
        "podMetadata": _filled({"labels": labels, "annotations": annotations}),
        "pvcMount": [
            {"constant": name, "mountPath": folder, "pvcNameParameter": _constant(name)}
            for name, folder in claims.items()
        ],
        "tolerations": [*map(json.loads, settings.tolerations), *map(_toleration, asked.get("tolerations") or ())],
    }
    entry |= _sources("secret", {**settings.secrets, **_destinations(asked.get("secrets"))})
    entry |= _sources("configMap", _destinations(asked.get("config_maps")))
    if asked.get("shared_memory"):
        entry["enabledSharedMemory"] = {"volumeName": "shm", "size": f"{asked['shared_memory']}Mi"}
    return _filled(entry)


def _sources(what: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Secrets or config maps: as variables where their keys have names, else as files in a folder."""
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


def _destinations(value: object) -> Mapping[str, Any]:
    """Names with where their content goes; a mere list, which says nothing of that, is refused before."""
    return value if isinstance(value, Mapping) else {}


def _toleration(given: Mapping[str, Any]) -> dict[str, Any]:
    seconds = given.get("toleration_seconds", given.get("tolerationSeconds"))
    known = {name: given.get(name) for name in ("key", "operator", "value", "effect")}
    return _filled({**known, "tolerationSeconds": None if seconds is None else str(seconds)})


def _constant(name: str) -> dict[str, Any]:
    """A name as newer backends (from 2.5) read it; older ones read the field beside it."""
    return {"runtimeValue": {"constant": name}}


def _pairs(value: object) -> Mapping[str, str]:
    if isinstance(value, str):
        return pairs_of(value) or {}
    return value if isinstance(value, Mapping) else {}


def _once(*several: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys(name for names in several for name in names))


def _filled(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value not in (None, "", [], {})}
