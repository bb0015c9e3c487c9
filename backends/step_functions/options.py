"""Options that several commands of `step-functions` have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from penstock.backends.options import DATASTORE_ROOT, MAX_WORKERS, TAGS_OF_RUNS, WORKFLOW_TIMEOUT, choosing

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

DISTRIBUTED_MAP = click.option(
    "--distributed-map", is_flag=True, help="Run every outermost foreach as a Distributed Map, of any width."
)
_OPTIONS = (
    MACHINE_NAME,
    click.option("--image", metavar="IMAGE", help="The jobs' image, where a step names none."),
    TAGS_OF_RUNS,
    MAX_WORKERS,
    WORKFLOW_TIMEOUT,
    DISTRIBUTED_MAP,
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
    DATASTORE_ROOT,
)
_NAMES = (
    "name", "image", "tags", "max_workers", "workflow_timeout", "distributed_map", "aws_tags", "log_execution_history",
    "log_level", "datastore_root",
)  # fmt: skip


def _chosen(given: dict[str, Any]) -> Chosen:
    from penstock.backends.step_functions.resolution import Chosen

    name, logged, log_level = (given.pop(option) for option in ("name", "log_execution_history", "log_level"))
    if log_level and not logged:
        raise click.UsageError("--log-level needs --log-execution-history", click.get_current_context())
    given["workflow_timeout"] = given["workflow_timeout"] or 0
    level = (log_level or "all") if logged else "off"
    return Chosen(name=name.name, name_prefix=name.prefix, log_level=level.upper(), **given)


COMPILED_WITH = choosing(_OPTIONS, _NAMES, _chosen)
"""Gives a command that compiles the flow all that `create` may be told, which it takes together as ``chosen``."""
