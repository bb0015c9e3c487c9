"""Options of every command that compiles the flow for Kubeflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.backends.options import DATASTORE_ROOT, IMAGE, TAGS_OF_RUNS, choosing, max_workers

if TYPE_CHECKING:
    from penstock.backends.kubeflow.resolution import Chosen

CODE_URL = click.option(
    "--code-url",
    metavar="URL[#sha256=…]",
    help="Where containers fetch the flow file, in the place of the code package: https, http or s3.",
)
MAX_PARALLELISM = max_workers("--max-parallelism")
_OPTIONS = (
    click.option("--pipeline-name", "name", metavar="NAME", help="The pipeline's name; the flow's if not given."),
    IMAGE,
    MAX_PARALLELISM,
    CODE_URL,
    TAGS_OF_RUNS,
    DATASTORE_ROOT,
)
_NAMES = ("name", "image", "max_workers", "code_url", "tags", "datastore_root")


def _chosen(given: dict[str, Any]) -> Chosen:
    from penstock.backends.kubeflow.resolution import Chosen

    return Chosen(**given)


pipeline_options = choosing(_OPTIONS, _NAMES, _chosen)
"""Gives a command what a pipeline is made from, which it takes as its argument ``chosen``."""
