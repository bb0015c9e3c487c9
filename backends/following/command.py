"""The part of a command that waits for a run: progress, a time limit, Ctrl-C."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from penstock.backends.following.ending import StillRunning
from penstock.backends.following.telling import Teller
from penstock.backends.following.watching import Watch
from penstock.backends.tables import duration

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.following.seen import SeenTask, Sight
    from penstock.backends.reporting import Reporter

R = TypeVar("R")


def follow(
    state: State,
    run: str,
    look: Callable[[], Sight[R]],
    *,
    reconnect: Callable[[], object],
    pods: Callable[[SeenTask], str],
    terminate: str,
    timeout: float | None,
) -> tuple[R, Teller]:
    """Follow the run ``run`` to its end, telling on stdout how it is doing; the run, and what was told.

    ``look`` shows it, ``reconnect`` signs in again, ``pods`` is the command that shows a waiting task's pod,
    ``terminate`` the one that ends the run, ``timeout`` in seconds.  Raises StillRunning, Refused, and click's Exit
    where the user stops it.
    """
    # Where there is no terminal, or a dumb one, lines tell.
    table = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    reporter = _reporter(f"{state.flow_class.__name__}/{run}", table, state.options.quiet)
    teller = Teller(reporter, run, table=table, pods=pods)
    try:
        ended = Watch(look, reporter, teller, reconnect=reconnect).follow(timeout)
    except KeyboardInterrupt:
        reporter.close()
        click.echo(f"Stopped watching: run {run} goes on. This ends it:\n  {terminate}", err=True)
        raise click.exceptions.Exit(1) from None
    finally:
        reporter.close()
    if ended is None:
        message = f"run {run} is not over after {duration(timeout or 0)}: it goes on"
        raise StillRunning(message, help=f"`{terminate}` ends it")
    return ended, teller


def _reporter(title: str, table: bool, quiet: bool) -> Reporter:
    from penstock.backends.reporting import LineReporter, LiveReporter

    return LiveReporter(title, quiet=quiet) if table else LineReporter(sys.stdout.write, quiet=quiet)
