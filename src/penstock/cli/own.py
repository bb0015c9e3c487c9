"""Small commands: `explain`, `config`, `version`, `help`, and the pages of `init` and `step`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from penstock.runtime_shim.entry import INIT_OPTIONS, STEP_OPTIONS
from penstock.runtime_shim.options import OptionSpec


@click.command(short_help="Print Penstock's version.")
def version() -> None:
    """Print Penstock's version, and that of Python."""
    import sys

    from penstock import __version__

    click.echo(f"penstock {__version__} (Python {sys.version.split()[0]})")


@click.command("help")
@click.argument("command", nargs=-1)
@click.pass_context
def help_command(ctx: click.Context, command: tuple[str, ...]) -> None:
    """Show the list of commands, or the page of one.

    \b
    Examples:
      python flow.py help
      python flow.py help run
    """
    at = ctx.parent or ctx
    for name in command:
        group = at.command
        found = group.resolve_command(at, [name])[1] if isinstance(group, click.Group) else None
        if found is None:
            raise click.UsageError(f"'{at.command_path}' has no commands", at)
        at = found.context_class(found, info_name=name, parent=at, obj=ctx.obj)
    click.echo(at.get_help())


@click.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Print the page about CODE, as `P201` in `error[P201]`; without it, list all codes.

    \b
    Examples:
      penstock explain P201
      penstock explain
    """
    from penstock.compiler import pages

    if code is None:
        for known in pages.codes():
            click.echo(pages.page(known).splitlines()[0].removeprefix("# "))
        return
    try:
        click.echo(pages.page(code.upper()).rstrip())
    except KeyError:
        from difflib import get_close_matches

        from penstock.compiler.diagnostics import Diagnostic, Refused

        close = get_close_matches(code.upper(), pages.codes(), n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise Refused(
            [Diagnostic("P507", f"there is no code `{code}`", help=f"{meant}`penstock explain` lists all")]
        ) from None


@click.command()
def config() -> None:
    """Show each configuration key that is set, its value, and where it came from; secrets are masked.

    The environment comes first, then the profile file ~/.metaflowconfig/config.json, or config_NAME.json with
    METAFLOW_PROFILE=NAME; METAFLOW_HOME names another folder.

    \b
    Examples:
      penstock config
      METAFLOW_PROFILE=prod penstock config
    """
    from penstock.runtime_shim.configuration import Configuration

    entries = Configuration.load().entries()
    if not entries:
        click.echo("Nothing is configured: artifacts go to .metaflow in the current folder.")
    width = max((len(key) for key, _, _ in entries), default=0)
    for key, value, source in entries:
        click.echo(f"{key:<{width}}  {_masked(key, value)}  ({source})")


_SECRET_WORDS = ("SECRET", "TOKEN", "PASSWORD", "CREDENTIAL", "API_KEY", "ACCESS_KEY", "AUTH")


def _masked(key: str, value: str) -> str:
    """The value, hidden where the key names a secret, and without the user part of a URL."""
    if any(word in key.upper() for word in _SECRET_WORDS):
        return "********"
    scheme, mark, rest = value.partition("://")
    authority, slash, path = rest.partition("/")
    if mark and "@" in authority:
        return f"{scheme}://********@{authority.rpartition('@')[2]}{slash}{path}"
    return value


def _page_of(name: str, specs: Sequence[OptionSpec], text: str, *, argument: str | None = None) -> click.Command:
    """The page of a command that the shim runs: this one only shows how it is called."""
    params: list[click.Parameter] = [click.Argument([argument])] if argument else []
    params += [click.Option([spec.flag, spec.field], help=spec.help, hidden=spec.hidden) for spec in specs]
    return click.Command(name, params=params, help=text)


step = _page_of(
    "step",
    STEP_OPTIONS,
    """Run one task of the step NAME: what schedulers call, and what one may call by hand.

    A task is addressed by where it stands (`--split-path`), or as in Metaflow by an id and the tasks before it
    (`--task-id`, `--input-paths`, `--split-index`).  Exit codes: 1 the user's code failed, 202 do not retry, 203 a
    retry may help.

    \b
    Examples:
      python flow.py step start --run-id mine --split-path ""
      python flow.py step train --run-id mine --split-path /2
      python flow.py step train --run-id mine --task-id 3 --input-paths mine/start/1 --split-index 2
    """,
    argument="name",
)

init = _page_of(
    "init",
    INIT_OPTIONS,
    """Store the parameters of a run; each parameter of the flow is an option, or METAFLOW_INIT_<NAME>.

    With `--split-path` addressing this is done by the task of `start`.

    \b
    Example:
      python flow.py init --run-id mine --task-id 0 --alpha 0.5
    """,
)
