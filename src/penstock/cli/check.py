"""`check`: everything there is to say about a flow, and about a target's ability to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from penstock.cli import EXIT_PROBLEM

if TYPE_CHECKING:
    from penstock.cli.state import CliState
    from penstock.compiler.diagnostics import Diagnostic
    from penstock.compiler.program import Program


@click.command()
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Also check that this target can run it, or `all` schedulers; repeatable.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="`json` prints a list on stdout, empty when there is nothing to say.",
)
@click.option(
    "--with", "decospecs", multiple=True, metavar="DECOSPEC", help="Add a decorator to every step; repeatable."
)
@click.pass_obj
def check(state: CliState, targets: tuple[str, ...], form: str, decospecs: tuple[str, ...]) -> int:
    """Check the flow, and say everything that is wrong with it in one go.

    Exit code 1 when there are errors; warnings alone give 0.

    \b
    Examples:
      python flow.py check
      python flow.py check --target step-functions
      python flow.py check --format json | jq -r '.[].message'
    """
    from penstock.compiler.diagnostics import has_errors
    from penstock.compiler.render import render_json, render_text

    state.add_decospecs(decospecs)
    if form == "text" and not state.options.quiet:
        click.echo("Validating your flow...", err=True)
    compiled = state.compiled()
    found = list(compiled.diagnostics)
    if compiled.program is not None:
        found += _gaps(compiled.program, targets)
    if form == "json":
        click.echo(render_json(found), nl=False)
    elif found:
        from penstock.cli import wants_color

        click.echo(render_text(found, color=wants_color()), err=True, nl=False)
    if has_errors(found):
        return EXIT_PROBLEM
    if form == "text" and not state.options.quiet:
        click.echo("    The graph looks good!", err=True)
    return 0


def _gaps(program: Program, targets: tuple[str, ...]) -> list[Diagnostic]:
    from penstock.backends.protocol import gaps
    from penstock.backends.registry import BUILT_IN, backend, named

    others = {name: backend(name).info.capabilities for name in BUILT_IN}
    return [gap for target in named(targets).values() for gap in gaps(program, target, others)]
