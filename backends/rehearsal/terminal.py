"""What the commands that rehearse share: where the run goes, and what is said of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from penstock.backends.options import Decorator, optioned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.backends.commandline import State
    from penstock.backends.job_hosts.container_engine import ContainerEngine
    from penstock.backends.rehearsal.running import Rehearsed
    from penstock.runtime_shim.datastore.local import LocalDatastore


def rehearsal_options(unit: str) -> Decorator:
    """Gives a command ``jobs`` and ``containers``: how many of the ``unit`` run at once, and in what."""
    options = (
        click.option(
            "--jobs",
            type=click.IntRange(1),
            metavar="N",
            help=f"{unit.capitalize()}s at once; twice the processors if not given.",
        ),
        click.option(
            "--containers",
            is_flag=True,
            help=f"Run every {unit} in its image, on the Docker or Podman of this machine.",
        ),
    )
    return lambda command: optioned(command, options)


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


def tell_done(state: State, done: Rehearsed, root: str) -> None:
    """The last lines of a rehearsal that went well, its run in the datastore ``root``.

    Raises RehearsalFailed for one that did not.
    """
    if done.failure is not None:
        raise done.failure
    if state.options.quiet:
        return
    command = reading_command(state)
    tasks = "1 task" if done.tasks == 1 else f"{done.tasks} tasks"
    click.echo(f"Done: {tasks} in {done.seconds:.1f} s, stored in {root}.")
    click.echo(f"  {command} dump {done.run}/end")
    click.echo(f"  {command} logs {done.run}/start")
