"""What the commands that rehearse share: where the run goes, and what is said of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.backends.commandline import State
    from penstock.backends.job_hosts.container_engine import ContainerEngine
    from penstock.runtime_shim.datastore.local import LocalDatastore


def write(line: str) -> None:
    """Show a line of progress at once."""
    sys.stdout.write(line)
    sys.stdout.flush()


def local_target(state: State) -> LocalDatastore:
    """The local datastore of the command line, whatever store is the default."""
    from penstock.runtime_shim.datastore.local import LocalDatastore
    from penstock.runtime_shim.datastore.opening import local_root

    root = state.options.datastore_root
    if root and not root.startswith("s3://") and state.options.datastore in (None, "local"):
        return LocalDatastore(root)
    return LocalDatastore(local_root(state.configuration))


def reach_engine(images: Mapping[str, Sequence[str]]) -> ContainerEngine:
    """The container engine of this machine with ``images``, each with the steps that run in it.

    Raises Refused.
    """
    from penstock.backends.job_hosts.container_engine import ContainerEngine

    engine = ContainerEngine.reach()
    for sentence in engine.warnings:
        click.echo(f"warning: {sentence}", err=True)
    engine.demand_images(images, write)
    return engine


def reading_command(state: State) -> str:
    """How advice names the command line that reads the run afterwards."""
    local = state.configuration.get("METAFLOW_DEFAULT_DATASTORE") == "local"
    return " ".join(["python", *state.entry, *([] if local else ["--datastore=local"])])


def tell_done(state: State, run: str, tasks: int, seconds: float, root: str) -> None:
    """The last lines of a rehearsal that went well."""
    if state.options.quiet:
        return
    command = reading_command(state)
    click.echo(f"Done: {tasks} tasks in {seconds:.1f} s, stored in {root}.")
    click.echo(f"  {command} dump {run}/end")
    click.echo(f"  {command} logs {run}/start")
