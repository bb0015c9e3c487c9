"""The commands `mill …` of a flow."""

from __future__ import annotations

import functools
import json
import os
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from penstock.backends.commandline import FlowCommand, given_parameters, write_file
from penstock.backends.protocol import Choices

if TYPE_CHECKING:
    from penstock.backends.commandline import State


def sheet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command what a sheet is made from, which it takes as its argument ``chosen``."""

    @click.option("--datastore-root", metavar="FOLDER", help="Where the machines store artifacts.")
    @click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark every run; repeatable.")
    @click.option("--max-workers", type=click.IntRange(1), default=100, show_default=True, help="Jobs at once.")
    @functools.wraps(command)
    def with_chosen(
        *arguments: Any, datastore_root: str | None, tags: tuple[str, ...], max_workers: int, **options: Any
    ) -> Any:
        root = datastore_root or click.get_current_context().obj.options.datastore_root
        return command(*arguments, chosen=Choices(datastore_root=root, tags=tags, max_workers=max_workers), **options)

    return with_chosen


@click.group(short_help="Write sheets for Mill, and try them here.")
def mill() -> None:
    """Run the flow on Mill."""


@mill.command(short_help="Write the flow as a sheet.")
@click.option("-o", "--output", default="sheet.json", show_default=True, metavar="FILE", help="The file to write.")
@sheet_options
@click.pass_context
def create(ctx: click.Context, /, output: str, chosen: Choices) -> None:
    """Compile the flow to a sheet, for whoever runs Mill."""
    from penstock_mill import BACKEND

    compilation = BACKEND.compile(ctx.obj, chosen, output)
    write_file(output, compilation.bundle.files[compilation.bundle.main])
    click.echo(f"The sheet {compilation.name} is in {output}.")


@mill.command(cls=FlowCommand, short_help="Work the sheet through on this machine.")
@click.pass_context
def rehearse(ctx: click.Context, /) -> None:
    """Work the compiled sheet through on this machine, each job's real command line as a process.

    The run is in the local datastore afterwards, where `logs`, `dump` and the Client read it.
    """
    from penstock_mill import BACKEND
    from penstock_mill.engine import Mill

    state: State = ctx.obj
    parameters = given_parameters(ctx)
    compilation = BACKEND.compile(state, Choices(datastore_root=os.path.abspath(state.datastore().root)))
    run = secrets.token_hex(4)
    sheet = json.loads(compilation.bundle.files[compilation.bundle.main])
    Mill(sheet, run, os.path.dirname(os.path.abspath(state.entry[-1])), click.echo).work(parameters)
    click.echo(f"Done: the run is mill-{run}.")
