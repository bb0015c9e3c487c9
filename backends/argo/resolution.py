"""From options, profile and environment to the settings of manifests; everything that is missing is told at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from penstock.backends.argo.names import is_object_name, template_name
from penstock.backends.argo.parameters import REPLACED
from penstock.backends.argo.settings import ArgoSettings
from penstock.backends.kubernetes.cluster import cluster_fields, settings_problems
from penstock.compiler.diagnostics import Diagnostic

if TYPE_CHECKING:
    from penstock.runtime_shim.configuration import Configuration

_PART = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_PART}\Z")
_VALUE = re.compile(rf"({_PART})?\Z")
_ON_EXIT = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[A-Za-z0-9][A-Za-z0-9-]*)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the command line says: None or empty where the configuration decides.

    ``labels`` and ``annotations`` are texts like ``key=value``, ``workflow_timeout`` is in seconds, 0 for none.
    """

    name: str | None = None
    namespace: str | None = None
    datastore_root: str | None = None
    image: str | None = None
    service_account: str | None = None
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    max_workers: int = 100
    workflow_timeout: int = 0
    on_exit: str = ""


def resolve_settings(
    flow: str, entry: tuple[str, ...], user: str, configuration: Configuration, chosen: Chosen
) -> tuple[ArgoSettings, tuple[Diagnostic, ...]]:
    """The settings, with gaps left empty, and what is wrong with them.

    Reads nothing but its arguments.  The code package's sha is still to be filled in.
    """
    fields, unreadable = cluster_fields(configuration, chosen.datastore_root, chosen.image)
    if chosen.service_account:
        fields["service_account"] = chosen.service_account
    settings = ArgoSettings(
        **fields,
        name=chosen.name or template_name(flow),
        entry=entry,
        tags=chosen.tags,
        user=user,
        max_workers=chosen.max_workers,
        workflow_timeout=chosen.workflow_timeout,
        kubernetes_namespace=chosen.namespace or configuration.get("METAFLOW_KUBERNETES_NAMESPACE") or "",
        object_labels=_pairs(chosen.labels),
        object_annotations=_pairs(chosen.annotations),
        on_exit=chosen.on_exit,
    )
    settings = replace(settings, image=settings.qualified(settings.image))
    wrong_pairs = [*_wrong_pairs("--label", chosen.labels), *_wrong_pairs("--annotation", chosen.annotations)]
    return settings, (*problems(flow, settings), *wrong_pairs, *unreadable)


def problems(flow: str, settings: ArgoSettings) -> Iterator[Diagnostic]:
    """Everything that is wrong with the settings."""
    yield from settings_problems(flow, settings, "Argo Workflows")
    yield from name_problems("workflow template", settings.name)
    if settings.kubernetes_namespace:
        yield from name_problems("namespace", settings.kubernetes_namespace)
    for key, value in _texts(settings):
        found = REPLACED.search(value)
        if found:
            message = f"{key} holds {found.group()!r}, which Argo or Kubernetes would take for something to replace"
            yield Diagnostic("P532", message, help="leave it out there")
    if settings.on_exit and not _ON_EXIT.match(settings.on_exit):
        message = f"--on-exit can't be {settings.on_exit!r}"
        yield Diagnostic("P532", message, help="name a workflow template, and behind a `/` a template in it")
    for key, value in settings.object_labels.items():
        if not (_KEY.match(key) and _VALUE.match(value)):
            message = f"{key}={value} can't be a label"
            help_text = "at most 63 letters, digits, `-`, `_` and `.` on each side; a host and a `/` may stand before"
            yield Diagnostic("P532", message, help=help_text)
    for key in settings.object_annotations:
        if not _KEY.match(key):
            help_text = "at most 63 letters, digits, `-`, `_` and `.`; a host and a `/` may stand before"
            yield Diagnostic("P532", f"{key!r} can't be the name of an annotation", help=help_text)


def name_problems(what: str, name: str) -> Iterator[Diagnostic]:
    """P532 where Kubernetes takes no object of that name."""
    if not is_object_name(name):
        message = f"a {what} can't have the name {name!r}"
        yield Diagnostic("P532", message, help="use at most 63 small letters, digits and `-`, a letter first")


def _texts(settings: ArgoSettings) -> Iterator[tuple[str, str]]:
    """What stands in the environment of containers as it is; the root is judged with the others' roots."""
    yield "the datastore root", settings.datastore_root
    yield "the image", settings.image
    yield "the user's name", settings.user
    yield "the namespace of runs", settings.namespace
    yield from settings.config.items()
    yield from ((f"the label {key}", value) for key, value in settings.labels.items())
    yield from ((f"the annotation {key}", value) for key, value in settings.annotations.items())
    yield from ((f"the annotation {key}", value) for key, value in settings.object_annotations.items())


def _pairs(texts: tuple[str, ...]) -> Mapping[str, str]:
    pairs = (text.partition("=") for text in texts)
    return MappingProxyType({key.strip(): value.strip() for key, equals, value in pairs if equals})


def _wrong_pairs(option: str, texts: tuple[str, ...]) -> Iterator[Diagnostic]:
    for text in texts:
        if not text.partition("=")[1]:
            yield Diagnostic("P532", f"{option} can't be {text!r}", help="write it like team=growth")
