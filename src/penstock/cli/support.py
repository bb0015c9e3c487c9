"""`penstock support`: what each target can do."""

from __future__ import annotations

import json

import click


@click.command(short_help="Show what each target can do.")
@click.option(
    "--target", "targets", multiple=True, metavar="NAME", help="This target, or `all` schedulers; repeatable."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="How it is printed; `markdown` and `json` have a sentence for everything.",
)
def support(targets: tuple[str, ...], form: str) -> None:
    """Show what each installed target can do, as it declares itself; without --target all of them, this machine too.

    \b
    Examples:
      penstock support
      penstock support --target argo-workflows --format markdown
      penstock support --format json | jq '.kfp.features.loops'
    """
    from penstock.backends.registry import backends, named
    from penstock.backends.support import document, markdown, table

    known = named(targets) if targets else backends()
    infos = [target.info for target in known.values()]
    match form:
        case "json":
            click.echo(json.dumps(document(infos), indent=1))
        case "markdown":
            click.echo(markdown(infos), nl=False)
        case _:
            click.echo(table(infos), nl=False)
