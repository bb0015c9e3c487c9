"""From options, profile and environment to the settings of a pipeline; everything that is missing is told at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.backends.kubeflow.code_urls import code_url_problems
from penstock.backends.kubeflow.settings import KubeflowSettings
from penstock.backends.kubernetes.cluster import cluster_fields, settings_problems
from penstock.backends.kubernetes.names import label
from penstock.compiler.diagnostics import Diagnostic

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration


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
    fields, unreadable = cluster_fields(configuration, chosen.datastore_root, chosen.image)
    settings = KubeflowSettings(
        **fields,
        name=chosen.name or flow,
        entry=entry,
        tags=chosen.tags,
        user=user,
        max_workers=chosen.max_workers,
        code_url=chosen.code_url or "",
    )
    settings = replace(settings, image=settings.qualified(settings.image))
    return settings, (*problems(flow, settings), *unreadable)


def problems(flow: str, settings: KubeflowSettings) -> Iterator[Diagnostic]:
    """Everything that is wrong with the settings."""
    yield from settings_problems(flow, settings, "Kubeflow")
    if settings.code_url:
        yield from code_url_problems(settings.code_url)
    if not label(settings.name):
        message = f"a pipeline can't have the name {settings.name!r}"
        yield Diagnostic("P532", message, help="use letters, digits and `-`")
