"""What environment and profile say of every pod: METAFLOW_KUBERNETES_… in the forms that Metaflow has for them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from penstock.backends.kubernetes.pods import destinations
from penstock.compiler.diagnostics import Diagnostic
from penstock.runtime_shim.decorators import pairs_of

if TYPE_CHECKING:
    from penstock.backends.protocol import Settings
    from penstock.runtime_shim.configuration import Configuration

CONTAINER_KEYS = (
    "METAFLOW_AWS_ARN",
    "METAFLOW_AWS_S3_REGION",
    "METAFLOW_S3_ENDPOINT_URL",
    "METAFLOW_DATATOOLS_SYSROOT_S3",
)
"""The configuration keys that a compiled document may hold: none of them is a credential."""
IMAGE_KEY = "METAFLOW_KUBERNETES_CONTAINER_IMAGE"
_PREFIX = "METAFLOW_KUBERNETES_"
_PAIRS = {"NODE_SELECTOR": "node_selector", "LABELS": "labels", "ANNOTATIONS": "annotations"}
_TEXTS = {
    "CONTAINER_REGISTRY": "registry",
    "IMAGE_PULL_POLICY": "image_pull_policy",
    "SERVICE_ACCOUNT": "service_account",
    "GPU_VENDOR": "gpu_vendor",
}
_ROOT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?\Z", re.DOTALL)
_UNQUOTABLE = re.compile(r"['{}\\\x00-\x1f\x7f]")


def cluster_fields(
    configuration: Configuration, datastore_root: str | None, image: str | None
) -> tuple[dict[str, Any], tuple[Diagnostic, ...]]:
    """The fields of settings that the configuration decides, where the command line gives no root or image; and P531
    for each key whose value cannot be read.  The image is not qualified yet.
    """
    defaults, wrong = pod_defaults(configuration)
    fields = {
        "datastore_root": (datastore_root or configuration.get("METAFLOW_DATASTORE_SYSROOT_S3") or "").rstrip("/"),
        "image": image or configuration.get(IMAGE_KEY) or f"python:{sys.version_info.major}.{sys.version_info.minor}",
        "config": MappingProxyType({key: value for key in CONTAINER_KEYS if (value := configuration.get(key))}),
    }
    return {**fields, **defaults}, wrong


def pod_defaults(configuration: Configuration) -> tuple[dict[str, Any], tuple[Diagnostic, ...]]:
    """What METAFLOW_KUBERNETES_… says of every pod by field of the settings, and P531 for each key whose value cannot
    be read.
    """
    found: dict[str, Any] = {}
    wrong: list[Diagnostic] = []
    readers = (_texts, _pairs, _json, _amounts)
    for reader in readers:
        for key, value in reader(configuration, found):
            message = f"{_PREFIX}{key} cannot be {configuration.get(_PREFIX + key)!r}"
            wrong.append(Diagnostic("P531", message, help=f"it is {value}"))
    return found, tuple(wrong)


def settings_problems(flow: str, settings: Settings, cluster: str) -> Iterator[Diagnostic]:
    """P530 to P532: what is wrong with root, configuration and the flow's name, for pods on ``cluster``."""
    root = settings.datastore_root
    if not root:
        message = "no S3 datastore is configured, where the tasks find their code and store their artifacts"
        key = "METAFLOW_DATASTORE_SYSROOT_S3"
        help_text = f"give --datastore-root, set it as the environment variable {key}, or under that key in "
        yield Diagnostic("P530", message, help=help_text + "~/.metaflowconfig/config.json")
    elif not _ROOT.match(root):
        message = f"the datastore root {root!r} is not of the form s3://bucket/prefix"
        yield Diagnostic("P531", message, help=f"tasks on {cluster} reach S3 only")
    for what, text in (("the datastore root", root), ("the flow's name", flow)):
        found = _UNQUOTABLE.search(text)
        if found:
            message = f"{what} {text!r} holds {found.group()!r}, which targets would have to quote"
            yield Diagnostic("P532", message, help="leave out quotes, braces, backslashes and control characters")
    for key, value in settings.config.items():
        if "://" in value and "@" in urlsplit(value).netloc:
            message = f"{key} holds a user name or a password, and would stand in the compiled document"
            yield Diagnostic("P531", message, help="give the tasks' credentials by a secret or a service account")


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
    if value := configuration.get(_PREFIX + "SECRETS"):
        if value.startswith(("{", "[")):
            secrets = _json_of(value, dict if value.startswith("{") else list)
        else:  # as Metaflow has it
            secrets = [name.strip() for name in value.split(",") if name.strip()]
        if secrets is None:
            yield "SECRETS", 'names with commas between them, or JSON like {"db": {"password": "DB_PASSWORD"}}'
        else:
            found["secrets"] = destinations(secrets)


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
