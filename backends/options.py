"""Options that commands of several targets have."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import click

from penstock.backends.commandline import write_file

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def max_workers(*names: str) -> Decorator:
    """The option of ``names`` that a foreach is narrowed by, for the argument ``max_workers``."""
    return click.option(
        *names,
        "max_workers",
        type=click.IntRange(1),
        default=100,
        show_default=True,
        help="Tasks of one foreach at once.",
    )


MAX_WORKERS = max_workers("--max-workers")
WORKFLOW_TIMEOUT = click.option(
    "--workflow-timeout", type=click.IntRange(1), metavar="SECONDS", help="Stop a run that takes longer than this."
)
IMAGE = click.option("--image", metavar="IMAGE", help="The containers' image, where a step names none.")
TAGS_OF_RUN = click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark the run; repeatable.")
TAGS_OF_RUNS = click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark every run; repeatable.")
DATASTORE_ROOT = click.option(
    "--datastore-root", metavar="S3_URL", help="Where code and artifacts are stored: s3://bucket/prefix."
)
RUN_ID_FILE = click.option(
    "--run-id-file", type=click.Path(dir_okay=False), help="Write the id of the run to this file."
)


def optioned(command: Callable[..., Any], options: Sequence[Decorator]) -> Callable[..., Any]:
    """The command with the options, the first of them first: as decorators that stand one above the other."""
    return functools.reduce(lambda inner, option: option(inner), reversed(options), command)


def choosing(options: Sequence[Decorator], names: Sequence[str], choose: Callable[[dict[str, Any]], Any]) -> Decorator:
    """Gives a command the options, which it takes together as its argument ``chosen``: ``choose`` makes it of the
    values of ``names``, where the datastore's root is the command line's if the command has been given none.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_chosen(*arguments: Any, **given: Any) -> Any:
            taken = {name: given.pop(name) for name in names}
            taken["datastore_root"] = taken["datastore_root"] or click.get_current_context().obj.options.datastore_root
            return command(*arguments, chosen=choose(taken), **given)

        return optioned(with_chosen, options)

    return decorate


class Waiting(NamedTuple):
    """What a command that starts a run does then: whether it ``wait``s for the end, for ``timeout`` seconds at most,
    and the file that it writes the run's id to.
    """

    wait: bool
    timeout: float | None
    run_id_file: str | None

    def note(self, run: str = "") -> None:
        """Write the run's id to its file; without one before the start, so that what can't be written is told before a
        run is under way.

        Raises CannotWrite.
        """
        if self.run_id_file:
            write_file(self.run_id_file, run.encode())


def waiting_options(*timeout: str) -> Decorator:
    """Gives a command the options of waiting for a run that it starts, which it takes together as ``waiting``;
    ``timeout`` are the names of the time limit.
    """
    other = f"  {timeout[1]} where the flow has a `timeout`." if len(timeout) > 1 else ""
    options = (
        click.option("--wait", is_flag=True, help="Show how the run is doing until it is over."),
        click.option(
            *timeout,
            "timeout",
            type=click.FloatRange(0, min_open=True),
            metavar="SECONDS",
            help=f"With --wait: stop watching after so long; the run goes on.{other}",
        ),
        RUN_ID_FILE,
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_waiting(
            *arguments: Any, wait: bool, timeout: float | None, run_id_file: str | None, **given: Any
        ) -> Any:
            if timeout is not None and not wait:
                message = "the time limit is one of the waiting: give --wait too"
                raise click.UsageError(message, click.get_current_context())
            return command(*arguments, waiting=Waiting(wait, timeout, run_id_file), **given)

        return optioned(with_waiting, options)

    return decorate
