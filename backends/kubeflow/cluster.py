"""What METAFLOW_KUBERNETES_… says of every pod, in the forms that Metaflow has for these keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.compiler.diagnostics import Diagnostic
from penstock.runtime_shim.decorators import pairs_of

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration

_PREFIX = "METAFLOW_KUBERNETES_"
_PAIRS = {"NODE_SELECTOR": "node_selector", "LABELS": "labels", "ANNOTATIONS": "annotations"}
_TEXTS = {
    "CONTAINER_REGISTRY": "registry",
    "IMAGE_PULL_POLICY": "image_pull_policy",
    "SERVICE_ACCOUNT": "service_account",
    "GPU_VENDOR": "gpu_vendor",
}


def pod_defaults(configuration: Configuration) -> tuple[dict[str, Any], tuple[Diagnostic, ...]]:
    """The settings by field, and P531 for each key whose value cannot be read."""
    found: dict[str, Any] = {}
    wrong: list[Diagnostic] = []
    readers = (_texts, _pairs, _json, _amounts)
    for reader in readers:
        for key, value in reader(configuration, found):
            message = f"{_PREFIX}{key} cannot be {configuration.get(_PREFIX + key)!r}"
            wrong.append(Diagnostic("P531", message, help=f"it is {value}"))
    if configuration.get(_PREFIX + "SECRETS"):
        message = f"{_PREFIX}SECRETS names secrets only: Kubeflow has to be told which variable each of their keys is"
        help_text = 'write {"db": {"password": "DB_PASSWORD"}} there, or give a folder: {"tls": "/etc/tls"}'
        if "secrets" not in found:
            wrong.append(Diagnostic("P321", message, help=help_text))
    return found, tuple(wrong)


_Wrong = Iterator[tuple[str, str]]
"""Keys, without their prefix, whose values have another form than this one."""


def _texts(configuration: Configuration, found: dict[str, Any]) -> _Wrong:
    for key, field in _TEXTS.items():
        if value := configuration.get(_PREFIX + key):
            found[field] = value
    yield from ()


def _pairs(configuration: Configuration, found: dict[str, Any]) -> _Wrong:
    for key, field in _PAIRS.items():
        if value := configuration.get(_PREFIX + key):
            pairs = _json_of(value, dict) if value.startswith("{") else pairs_of(value)
            if pairs is None or not all(isinstance(each, str) for each in pairs.values()):
                yield key, 'text like "a=b,c=d"'
            else:
                found[field] = pairs


def _json(configuration: Configuration, found: dict[str, Any]) -> _Wrong:
    if value := configuration.get(_PREFIX + "IMAGE_PULL_SECRETS"):
        names = _json_of(value, list)
        if names is None or not all(isinstance(name, str) for name in names):
            yield "IMAGE_PULL_SECRETS", 'a JSON list of names, like ["regcred"]'
        else:
            found["image_pull_secrets"] = tuple(names)
    if value := configuration.get(_PREFIX + "TOLERATIONS"):
        tolerations = _json_of(value, list)
        if tolerations is None or not all(isinstance(each, dict) for each in tolerations):
            yield "TOLERATIONS", 'a JSON list of tolerations, like [{"key": "gpu", "operator": "Exists"}]'
        else:
            found["tolerations"] = tuple(json.dumps(each, sort_keys=True) for each in tolerations)
    if value := configuration.get(_PREFIX + "PERSISTENT_VOLUME_CLAIMS"):
        claims = _json_of(value, dict)
        if claims is None or not all(isinstance(folder, str) for folder in claims.values()):
            yield "PERSISTENT_VOLUME_CLAIMS", 'a JSON object of folders by claim, like {"data": "/data"}'
        else:
            found["volume_claims"] = claims
    secrets = _json_of(configuration.get(_PREFIX + "SECRETS") or "", dict)
    if secrets is not None:
        found["secrets"] = secrets


def _amounts(configuration: Configuration, found: dict[str, Any]) -> _Wrong:
    if value := configuration.get(_PREFIX + "CPU"):
        try:
            found["cpu"] = f"{float(value):g}"
        except ValueError:
            yield "CPU", "a number of CPUs, like 0.5"
    if value := configuration.get(_PREFIX + "MEMORY"):
        if value.isdigit():
            found["memory"] = int(value)
        else:
            yield "MEMORY", "a whole number of MiB, like 4096"


def _json_of(text: str, kind: type) -> Any:
    """The JSON value of a text where it is of that type, else None."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, kind) else None
