"""Options that several commands of `step-functions` have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import click


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
