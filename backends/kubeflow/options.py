"""Options of every command that compiles the flow for Kubeflow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

IMAGE = click.option("--image", metavar="IMAGE", help="The containers' image, where a step names none.")
CODE_URL = click.option(
    "--code-url",
    metavar="URL[#sha256=…]",
    help="Where containers fetch the flow file, in the place of the code package: https, http or s3.",
)
_OPTIONS = (
    click.option("--pipeline-name", "name", metavar="NAME", help="The pipeline's name; the flow's if not given."),
    IMAGE,
    click.option(
        "--max-parallelism",
        "max_workers",
        type=click.IntRange(1),
        default=100,
        show_default=True,
        help="Tasks of one foreach at once.",
    ),
    CODE_URL,
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark every run; repeatable."),
    click.option("--datastore-root", metavar="S3_URL", help="Where code and artifacts are stored: s3://bucket/prefix."),
)
_NAMES = ("name", "image", "max_workers", "code_url", "tags", "datastore_root")


def pipeline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command what a pipeline is made from, which it takes as its argument ``chosen``."""

    @functools.wraps(command)
    def with_chosen(**options: Any) -> Any:
        from penstock.backends.kubeflow.resolution import Chosen

        given = {name: options.pop(name) for name in _NAMES}
        given["datastore_root"] = given["datastore_root"] or click.get_current_context().obj.options.datastore_root
        return command(chosen=Chosen(**given), **options)

    wrapped: Callable[..., Any] = with_chosen
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
