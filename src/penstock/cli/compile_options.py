"""What flows are compiled with: the options that `penstock compile` and `penstock diff` have."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Iterable
from typing import Any

import click

TARGETS = click.option(
    "--target", "targets", multiple=True, metavar="NAME", help="A target, or `all` schedulers; repeatable."
)
WITH = click.option(
    "--with", "decospecs", multiple=True, metavar="DECOSPEC", help="Add a decorator to every step; repeatable."
)
_CHOICES = (
    click.option("--datastore-root", metavar="URL", help="Where code and artifacts are stored: s3://bucket/prefix."),
    click.option("--image", metavar="IMAGE", help="The containers' image, where a step names none."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark every run; repeatable."),
    click.option(
        "--max-workers", type=click.IntRange(1), default=100, show_default=True, help="Tasks of one foreach at once."
    ),
    click.option(
        "--for",
        "own",
        nargs=2,
        multiple=True,
        metavar="TARGET OPTIONS",
        help="Options of the target's own command, in quotes; repeatable.",
    ),
    click.option("--package-suffixes", metavar=".S,…", help="Suffixes of the files that go into the code package."),
)


def compiled_with(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command what every flow is compiled with, together as ``question``."""

    @functools.wraps(command)
    def with_question(
        *arguments: Any,
        targets: tuple[str, ...],
        decospecs: tuple[str, ...],
        own: tuple[tuple[str, str], ...],
        package_suffixes: str | None,
        **options: Any,
    ) -> Any:
        from penstock.backends.protocol import Choices
        from penstock.cli.flow_files import Question

        choices = Choices(**{name: options.pop(name) for name in ("datastore_root", "image", "tags", "max_workers")})
        known = known_targets(targets or ("all",))
        question = Question(
            known, choices, _own_options(own, known), decospecs=decospecs, package_suffixes=package_suffixes
        )
        return command(*arguments, question=question, **options)

    return functools.reduce(lambda inner, option: option(inner), [*reversed(_CHOICES), WITH, TARGETS], with_question)


def known_targets(targets: Iterable[str]) -> tuple[str, ...]:
    """The targets' names, `all` replaced.

    Raises Refused where one of them does not exist.
    """
    from penstock.backends.registry import named

    return tuple(named(targets))


def _own_options(own: tuple[tuple[str, str], ...], targets: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """What `--for` gives each target, in arguments.

    Raises click.UsageError for a target that is not compiled for, and for quotes that do not close.
    """
    found: dict[str, tuple[str, ...]] = {}
    for target, text in own:
        if target not in targets:
            raise click.UsageError(f"--for {target}: that is none of the targets, {', '.join(targets)}")
        try:
            found[target] = (*found.get(target, ()), *shlex.split(text))
        except ValueError as error:
            raise click.UsageError(f"--for {target}: {text!r}: {error}") from None
    return found
