"""The command `step-functions diff`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from penstock.backends.step_functions.options import COMPILED_WITH

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.differences import Change, Description
    from penstock.backends.step_functions.bundle import Deployment
    from penstock.backends.step_functions.resolution import Chosen

_OF_THE_CODE = ("code package", "code file")


@click.command(short_help="Compare what is deployed with what is compiled.")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False))
@COMPILED_WITH
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is printed.",
)
@click.pass_context
def diff(ctx: click.Context, /, folder: str | None, chosen: Chosen, form: str) -> None:
    """Compare the deployed state machine with the flow as it compiles now, or with the bundle in DIR.

    Give it the options that you give to `create`: tags and the like are part of what is compared.  The exit code is 0
    where nothing differs, 4 where something does, 1 where it can't be told.  Nothing is changed.

    \b
    Examples:
      python flow.py step-functions diff
      python flow.py step-functions diff bundle --format json
    """
    from penstock.backends.differences import EXIT_DIFFERENT, differences, lines
    from penstock.backends.step_functions.comparing.deployed import parts_of
    from penstock.backends.step_functions.comparing.description import describe

    deployment = _deployment(ctx.obj, folder, chosen)
    before, after = _deployed(ctx.obj, deployment), describe(parts_of(deployment))
    if before is not None and not before.keys() >= {"code file"}:  # one may not read it from here
        after = {sort: things for sort, things in after.items() if sort in before}
    changes = differences(before or {}, after)
    if form == "json":
        click.echo(json.dumps(_document(deployment.name, before is not None, changes), indent=1, ensure_ascii=True))
    else:
        click.echo(_heading(deployment.name, before, changes))
        for line in lines(changes):
            click.echo(line)
    if changes:
        raise click.exceptions.Exit(EXIT_DIFFERENT)


def _deployment(state: State, folder: str | None, chosen: Chosen) -> Deployment:
    from penstock.backends.step_functions.bundle import read_own_deployment
    from penstock.backends.step_functions.compilation import compile_for_step_functions

    if folder is not None:
        return read_own_deployment(folder, state.flow_class.__name__)
    return compile_for_step_functions(state, chosen).deployment


def _deployed(state: State, deployment: Deployment) -> Description | None:
    """What there is; None where there is nothing of that name.

    Raises Refused, also where the state machine is another flow's.
    """
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.comparing.deployed import deployed_parts
    from penstock.backends.step_functions.comparing.description import describe
    from penstock.backends.step_functions.machines import demand_own, find_machine

    clients = AwsClients()
    machine = find_machine(clients.states, deployment.name)
    if machine is None:
        return None
    demand_own(machine, deployment.flow)
    return describe(deployed_parts(machine, clients, state.configuration))


def _heading(name: str, before: Description | None, changes: list[Change]) -> str:
    if before is None:
        return f"{name} is not deployed: all of it is new."
    if not changes:
        return f"{name} is deployed as it is compiled."
    if only_code(changes):
        return f"{name} differs in its code only:"
    return f"{name} differs, deployed → compiled:"


def only_code(changes: list[Change]) -> bool:
    """Whether the state machine stays as it is, except for the code that its jobs fetch."""
    return bool(changes) and all(change.sort in _OF_THE_CODE for change in changes)


def _document(name: str, deployed: bool, changes: list[Change]) -> dict[str, Any]:
    return {
        "state_machine": name,
        "deployed": deployed,
        "only_code": only_code(changes),
        "changes": [change.as_json() for change in changes],
    }
