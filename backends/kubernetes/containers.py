"""The container of a step: what it finds in its environment, the same for all steps of a flow that share an image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.backends.protocol import Settings


def environment(
    flow: str, settings: Settings, image: str, target: str, others: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, str]]:
    """The variables by which a container knows the flow, compiled for ``target``, and ``others``, sorted by name."""
    variables = {
        **settings.config,
        **others,
        "PENSTOCK_TARGET": target,
        "PENSTOCK_FLOW": flow,
        "PENSTOCK_ROOT": settings.datastore_root,
        "PENSTOCK_ENTRY": compact(list(settings.entry)),
        "PENSTOCK_IMAGE": image,
    }
    if settings.package_sha:
        variables["PENSTOCK_PACKAGE"] = settings.package_sha
    if settings.tags:
        variables["PENSTOCK_TAGS"] = compact(list(settings.tags))
    if settings.namespace:
        variables["PENSTOCK_NAMESPACE"] = settings.namespace
    if settings.user:
        variables["METAFLOW_USER"] = settings.user
    return [{"name": name, "value": value} for name, value in sorted(variables.items())]


def compact(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))
