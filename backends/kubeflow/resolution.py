"""From options, profile and environment to the settings of a pipeline; everything that is missing is told at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from penstock.backends.kubeflow.cluster import pod_defaults
from penstock.backends.kubeflow.names import pipeline_name
from penstock.backends.kubeflow.settings import KubeflowSettings
from penstock.compiler.diagnostics import Diagnostic

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration

CONTAINER_KEYS = (
    "METAFLOW_AWS_ARN",
    "METAFLOW_AWS_S3_REGION",
    "METAFLOW_S3_ENDPOINT_URL",
    "METAFLOW_DATATOOLS_SYSROOT_S3",
)
"""The configuration keys that a compiled document may hold: none of them is a credential."""

_ROOT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?\Z", re.DOTALL)
_UNQUOTABLE = re.compile(r"['{}\\\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the command line says: None or empty where the configuration decides."""

    name: str | None = None
    datastore_root: str | None = None
    image: str | None = None
    tags: tuple[str, ...] = ()
    max_workers: int = 100
    code_url: str | None = None


def resolve_settings(
    flow: str, entry: tuple[str, ...], user: str, configuration: Configuration, chosen: Chosen
) -> tuple[KubeflowSettings, tuple[Diagnostic, ...]]:
    """The settings, with gaps left empty, and what is wrong with them.

    Reads nothing but its arguments.  The code package's sha is still to be filled in.
    """
    defaults, unreadable = pod_defaults(configuration)
    settings = KubeflowSettings(
        **defaults,
        datastore_root=(chosen.datastore_root or configuration.get("METAFLOW_DATASTORE_SYSROOT_S3") or "").rstrip("/"),
        name=chosen.name or flow,
        entry=entry,
        image=chosen.image
        or configuration.get("METAFLOW_KUBERNETES_CONTAINER_IMAGE")
        or f"python:{sys.version_info.major}.{sys.version_info.minor}",
        config=MappingProxyType({key: value for key in CONTAINER_KEYS if (value := configuration.get(key))}),
        tags=chosen.tags,
        user=user,
        max_workers=chosen.max_workers,
        code_url=chosen.code_url or "",
    )
    settings = replace(settings, image=settings.qualified(settings.image))
    return settings, (*problems(flow, settings), *unreadable)


def with_placeholders(settings: KubeflowSettings, root: str) -> KubeflowSettings:
    """The settings with every gap filled: for a rehearsal, which needs no cluster."""
    return replace(settings, datastore_root=settings.datastore_root or root)


def problems(flow: str, settings: KubeflowSettings) -> Iterator[Diagnostic]:
    """Everything that is wrong with the settings."""
    root = settings.datastore_root
    if not root:
        message = "no S3 datastore is configured, where the tasks find their code and store their artifacts"
        key = "METAFLOW_DATASTORE_SYSROOT_S3"
        help_text = f"give --datastore-root, set it as the environment variable {key}, or under that key in "
        yield Diagnostic("P530", message, help=help_text + "~/.metaflowconfig/config.json")
    elif not _ROOT.match(root):
        message = f"the datastore root {root!r} is not of the form s3://bucket/prefix"
        yield Diagnostic("P531", message, help="tasks on Kubeflow reach S3 only")
    for what, text in (("the datastore root", root), ("the flow's name", flow)):
        found = _UNQUOTABLE.search(text)
        if found:
            message = f"{what} {text!r} holds {found.group()!r}, which targets would have to quote"
            yield Diagnostic("P532", message, help="leave out quotes, braces, backslashes and control characters")
    for key, value in settings.config.items():
        if "://" in value and "@" in urlsplit(value).netloc:
            message = f"{key} holds a user name or a password, and would stand in the compiled pipeline"
            yield Diagnostic("P531", message, help="give the tasks' credentials by a secret or a service account")
    if settings.code_url:
        message = "containers cannot fetch the flow from a URL yet"
        yield Diagnostic("P531", message, help="leave --code-url out: they fetch the code package from the datastore")
    if not pipeline_name(settings.name):
        message = f"a pipeline can't have the name {settings.name!r}"
        yield Diagnostic("P532", message, help="use letters, digits and `-`")
