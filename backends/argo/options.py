"""Options of every command that compiles the flow for Argo Workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.backends.options import DATASTORE_ROOT, IMAGE, MAX_WORKERS, TAGS_OF_RUNS, WORKFLOW_TIMEOUT, choosing

if TYPE_CHECKING:
    from penstock.backends.argo.resolution import Chosen

NAME = click.option("--name", metavar="NAME", help="The workflow template's name; the flow's if not given.")
NAMESPACE = click.option(
    "--namespace", metavar="NAME", help="The Kubernetes namespace; METAFLOW_KUBERNETES_NAMESPACE if not given."
)
CONTEXT = click.option("--kube-context", metavar="NAME", help="The context of kubectl; the current one if not given.")
ON_EXIT = click.option(
    "--on-exit",
    metavar="TEMPLATE[/ENTRY]",
    help="A workflow template that a run ends with; `main` in it if no ENTRY is given.",
)
_OPTIONS = (
    NAME,
    NAMESPACE,
    IMAGE,
    click.option("--service-account", metavar="NAME", help="The service account of a run's pods."),
    MAX_WORKERS,
    WORKFLOW_TIMEOUT,
    ON_EXIT,
    click.option(
        "--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label of objects and runs; repeatable."
    ),
    click.option(
        "--annotation", "annotations", multiple=True, metavar="KEY=VALUE", help="An annotation of them; repeatable."
    ),
    TAGS_OF_RUNS,
    DATASTORE_ROOT,
)
_NAMES = (
    "name", "namespace", "image", "service_account", "max_workers", "workflow_timeout", "on_exit", "labels",
    "annotations", "tags", "datastore_root",
)  # fmt: skip


def _chosen(given: dict[str, Any]) -> Chosen:
    from penstock.backends.argo.resolution import Chosen

    given["workflow_timeout"] = given["workflow_timeout"] or 0
    given["on_exit"] = given["on_exit"] or ""
    return Chosen(**given)


workflow_options = choosing(_OPTIONS, _NAMES, _chosen)
"""Gives a command what manifests are made from, which it takes as its argument ``chosen``."""
