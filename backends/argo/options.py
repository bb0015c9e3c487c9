"""Options of every command that compiles the flow for Argo Workflows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

NAME = click.option("--name", metavar="NAME", help="The workflow template's name; the flow's if not given.")
NAMESPACE = click.option(
    "--namespace", metavar="NAME", help="The Kubernetes namespace; METAFLOW_KUBERNETES_NAMESPACE if not given."
)
CONTEXT = click.option("--kube-context", metavar="NAME", help="The context of kubectl; the current one if not given.")
MAX_WORKERS = click.option(
    "--max-workers", type=click.IntRange(1), default=100, show_default=True, help="Tasks of one foreach at once."
)
WORKFLOW_TIMEOUT = click.option(
    "--workflow-timeout", type=click.IntRange(1), metavar="SECONDS", help="Stop a run that takes longer than this."
)
ON_EXIT = click.option(
    "--on-exit",
    metavar="TEMPLATE[/ENTRY]",
    help="A workflow template that a run ends with; `main` in it if no ENTRY is given.",
)
TAG = click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark every run; repeatable.")
_OPTIONS = (
    NAME,
    NAMESPACE,
    click.option("--image", metavar="IMAGE", help="The containers' image, where a step names none."),
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
    TAG,
    click.option("--datastore-root", metavar="S3_URL", help="Where code and artifacts are stored: s3://bucket/prefix."),
)
_NAMES = (
    "name", "namespace", "image", "service_account", "max_workers", "workflow_timeout", "on_exit", "labels",
    "annotations", "tags", "datastore_root",
)  # fmt: skip


def workflow_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command what manifests are made from, which it takes as its argument ``chosen``."""

    @functools.wraps(command)
    def with_chosen(*arguments: Any, **options: Any) -> Any:
        from penstock.backends.argo.resolution import Chosen

        given = {name: options.pop(name) for name in _NAMES}
        given["datastore_root"] = given["datastore_root"] or click.get_current_context().obj.options.datastore_root
        given["workflow_timeout"] = given["workflow_timeout"] or 0
        given["on_exit"] = given["on_exit"] or ""
        return command(*arguments, chosen=Chosen(**given), **options)

    wrapped: Callable[..., Any] = with_chosen
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
