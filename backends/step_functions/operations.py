"""The commands that end things: `step-functions terminate` and `step-functions delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from penstock.backends.step_functions.options import MACHINE_NAME

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.step_functions.options import Naming


@click.command(short_help="End a run of the deployed flow.")
@click.argument("run", metavar="RUN_ID")
@MACHINE_NAME
@click.pass_context
def terminate(ctx: click.Context, /, run: str, name: Naming) -> None:
    """End a run of the deployed flow, and the jobs that it waits for.

    \b
    Example:
      python flow.py step-functions terminate sfn-0d3c2b6e-4c0c-4b43-8a3f-1d5a3f2c9a10
    """
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.executions import terminate as terminate_run
    from penstock.backends.step_functions.machines import demand_machine, deployed_name

    state: State = ctx.obj
    states = AwsClients().states
    machine = demand_machine(states, deployed_name(state, name), state.flow_class.__name__)
    was_running = terminate_run(states, machine, run)
    click.echo(f"Run {run} is terminated." if was_running else f"Run {run} had ended before.")


@click.command(short_help="Delete the deployed state machine.")
@MACHINE_NAME
@click.pass_context
def delete(ctx: click.Context, /, name: Naming) -> None:
    """Delete the flow's state machine, and the schedule that starts it before that.

    AWS lets no new run start and deletes it once those that run have ended.  Stored runs, code packages and job
    definitions stay.

    \b
    Example:
      python flow.py step-functions delete --name nightly
    """
    from penstock.backends.step_functions.aws import AwsClients, asking
    from penstock.backends.step_functions.aws_tags import SCHEDULE_TAG
    from penstock.backends.step_functions.machines import demand_machine, deployed_name
    from penstock.backends.step_functions.scheduling import remove_schedule

    state: State = ctx.obj
    clients = AwsClients()
    states = clients.states
    machine = demand_machine(states, deployed_name(state, name), state.flow_class.__name__)
    schedule = machine.tags.get(SCHEDULE_TAG)
    if schedule is not None:
        happened = remove_schedule(clients.scheduler, schedule, state.flow_class.__name__)
        click.echo(f"schedule       {schedule}  {happened}")
    with asking(f"delete the state machine {machine.name}"):
        states.delete_state_machine(stateMachineArn=machine.arn)
    click.echo(f"state machine  {machine.name}  deleted")
