"""Options that several commands of `step-functions` have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from penstock.backends.step_functions.resolution import Chosen


class Naming(NamedTuple):
    """What the command line says of a state machine's name: None where the flow or the configuration decides."""

    name: str | None = None
    prefix: str | None = None

    def __str__(self) -> str:
        """As it was given, for a command line that is advised."""
        given = {"--name": self.name, "--name-prefix": self.prefix}
        return "".join(f" {option} {value}" for option, value in given.items() if value is not None)


def _named(command: Callable[..., Any]) -> Callable[..., Any]:
    @click.option("--name", metavar="NAME", help="The state machine's name; the flow's if not given.")
    @click.option(
        "--name-prefix",
        metavar="PREFIX",
        help="What stands before the name, with `_`; METAFLOW_SFN_STATE_MACHINE_PREFIX if not given.",
    )
    @functools.wraps(command)
    def with_naming(*arguments: Any, name: str | None, name_prefix: str | None, **options: Any) -> Any:
        return command(*arguments, name=Naming(name, name_prefix), **options)

    return with_naming


MACHINE_NAME = _named
"""Gives a command `--name` and `--name-prefix`, which it takes together as ``name``, a :class:`Naming`."""


_COMPILED_WITH = (
    click.option("--image", metavar="IMAGE", help="The jobs' image, where a step names none."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark every run; repeatable."),
    click.option(
        "--max-workers", type=click.IntRange(1), default=100, show_default=True, help="Tasks of one foreach at once."
    ),
    click.option(
        "--workflow-timeout",
        type=click.IntRange(1),
        metavar="SECONDS",
        help="Stop a run that takes longer than this.",
    ),
    click.option(
        "--distributed-map", is_flag=True, help="Run every outermost foreach as a Distributed Map, of any width."
    ),
    click.option(
        "--aws-tag",
        "--aws-batch-tag",
        "aws_tags",
        multiple=True,
        metavar="KEY=VALUE",
        help="A tag in the sense of AWS for state machine, job definitions and jobs; repeatable.",
    ),
    click.option(
        "--log-execution-history/--no-log-execution-history",
        help="Log executions to the group METAFLOW_SFN_EXECUTION_LOG_GROUP_ARN.",
    ),
    click.option(
        "--log-level",
        type=click.Choice(["all", "error", "fatal"]),
        help="With --log-execution-history: which events; all if not given.",
    ),
    click.option("--datastore-root", metavar="S3_URL", help="Where code and artifacts are stored: s3://bucket/prefix."),
)


def _compiled(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def with_choices(
        *arguments: Any, name: Naming, log_execution_history: bool, log_level: str | None, **options: Any
    ) -> Any:
        if log_level and not log_execution_history:
            raise click.UsageError("--log-level needs --log-execution-history", click.get_current_context())
        given = {field: options.pop(field) for field in _CHOSEN}
        chosen = _chosen(name, (log_level or "all") if log_execution_history else "off", given)
        return command(*arguments, chosen=chosen, **options)

    # As decorators stand one above the other, the first is applied last.
    optioned = functools.reduce(lambda inner, option: option(inner), reversed(_COMPILED_WITH), with_choices)
    return MACHINE_NAME(optioned)


_CHOSEN = ("image", "tags", "max_workers", "workflow_timeout", "distributed_map", "aws_tags", "datastore_root")


def _chosen(name: Naming, log_level: str, given: dict[str, Any]) -> Chosen:
    from penstock.backends.step_functions.resolution import Chosen

    options = click.get_current_context().obj.options
    given["datastore_root"] = given["datastore_root"] or options.datastore_root
    given["workflow_timeout"] = given["workflow_timeout"] or 0
    return Chosen(name=name.name, name_prefix=name.prefix, log_level=log_level.upper(), **given)


COMPILED_WITH = _compiled
"""Gives a command that compiles the flow all that `create` may be told, which it takes together as ``chosen``."""
