"""`show`: a flow described, in the terminal or as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from penstock.cli.overview import Overview
    from penstock.cli.state import CliState

_MARKS = {"native": "yes", "emulated": "yes, emulated", "not yet": "not yet", "never": "no"}


@click.command()
@click.option(
    "--html", "page", type=click.Path(dir_okay=False), help="Write one self-contained page to this file instead."
)
@click.pass_obj
def show(state: CliState, page: str | None) -> None:
    """Show the flow: its graph, steps, parameters, and which target can run it.

    \b
    Examples:
      python flow.py show
      python flow.py show --html flow.html
    """
    from penstock.cli.overview import overview

    view = overview(state)
    if page is None:
        _print(view)
        return
    from penstock.backends.commandline import write_file
    from penstock.cli.page import render

    write_file(page, render(view).encode(errors="backslashreplace"))
    if not state.options.quiet:
        click.echo(f"Written to {page}", err=True)


def _print(view: Overview) -> None:
    from rich.console import Console
    from rich.text import Text

    from penstock.compiler.drawing import text

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(view.name, style="bold"))
    for line in view.doc.splitlines():
        console.print(Text(line))
    _heading(console, "Graph")
    for line in text(view.program).splitlines():
        console.print(Text(f"  {line}"))
    _heading(console, "Steps")
    for step in view.steps:
        console.print(Text.assemble("  ", (step.name, "bold"), (f"  {step.role}" if step.role else "", "cyan")))
        for line in step.doc.splitlines() or ["?"]:
            console.print(Text(f"    {line.strip()}"))
        after = ", ".join(step.targets)
        console.print(Text(f"    => {after}{f'  ({step.after})' if step.after and after else step.after}", style="dim"))
    _print_parameters(console, view)
    _print_targets(console, view)


def _heading(console: Console, title: str) -> None:
    from rich.text import Text

    console.print()
    console.print(Text(title, style="bold underline"))


def _print_parameters(console: Console, view: Overview) -> None:
    from rich.table import Table
    from rich.text import Text

    if not view.parameters:
        return
    _heading(console, "Parameters")
    table = Table("name", "type", "default", "help", box=None, padding=(0, 2), header_style="dim", pad_edge=True)
    for parameter in view.parameters:
        table.add_row(*(Text(cell) for cell in (parameter.name, parameter.type, parameter.default, parameter.help)))
    console.print(table)


def _print_targets(console: Console, view: Overview) -> None:
    from rich.text import Text

    _heading(console, "Targets")
    for target in view.targets:
        verdict = ("can run this flow", "green") if not target.gaps else ("cannot run this flow", "red")
        console.print(Text.assemble("  ", (target.name, "bold"), "  ", verdict))
        for said in (*target.gaps, *target.remarks):
            console.print(Text(f"    {said}"))
