"""The commands that start runs of the deployed flow and list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import FlowCommand, given_parameters
from penstock.backends.step_functions.options import MACHINE_NAME

if TYPE_CHECKING:
    from penstock.backends.step_functions.options import Naming


@click.command(cls=FlowCommand, short_help="Start a run of the deployed flow.")
@MACHINE_NAME
@click.pass_context
def trigger(ctx: click.Context, /, name: Naming) -> None:
    """Start a run of the deployed flow, with its parameters as options.

    \b
    Example:
      python flow.py step-functions trigger --alpha 0.5
    """
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.executions import start
    from penstock.backends.step_functions.machines import demand_machine, deployed_name

    given = given_parameters(ctx)
    states = AwsClients().states
    started = start(states, demand_machine(states, deployed_name(ctx.obj, name), ctx.obj.flow_class.__name__), given)
    click.echo(f"Run {started.run} started.")
    click.echo(started.arn)


@click.command("list-runs", short_help="List the runs of the deployed flow.")
@click.option("--max", "most", type=click.IntRange(1), default=20, show_default=True, help="List this many at most.")
@click.option("--running", "statuses", flag_value="RUNNING", multiple=True, help="Those that are running.")
@click.option("--succeeded", "statuses", flag_value="SUCCEEDED", multiple=True, help="Those that succeeded.")
@click.option("--failed", "statuses", flag_value="FAILED", multiple=True, help="Those that failed.")
@click.option("--timed-out", "statuses", flag_value="TIMED_OUT", multiple=True, help="Those that took too long.")
@click.option("--aborted", "statuses", flag_value="ABORTED", multiple=True, help="Those that were terminated.")
@MACHINE_NAME
@click.pass_context
def list_runs(ctx: click.Context, /, most: int, statuses: tuple[str, ...], name: Naming) -> None:
    """List the runs of the deployed flow, newest first; times are UTC.

    \b
    Examples:
      python flow.py step-functions list-runs --max 5
      python flow.py step-functions list-runs --running --failed
    """
    from penstock.backends.step_functions import executions
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.machines import demand_machine, deployed_name

    states = AwsClients().states
    machine = demand_machine(states, deployed_name(ctx.obj, name), ctx.obj.flow_class.__name__)
    runs = executions.list_runs(states, machine, most, statuses)
    if not runs:
        click.echo(f"{machine.name} has no such runs." if statuses else f"{machine.name} has had no runs yet.")
    for line in executions.table(runs):
        click.echo(line)
