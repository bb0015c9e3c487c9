"""The commands that start runs of the deployed flow and list them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import FlowCommand, given_parameters
from penstock.backends.options import Waiting, waiting_options
from penstock.backends.step_functions.options import MACHINE_NAME

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.reporting import Reporter
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.executions import Started
    from penstock.backends.step_functions.options import Naming
    from penstock.runtime_shim.plan import Plan


@click.command(cls=FlowCommand, short_help="Start a run of the deployed flow.")
@MACHINE_NAME
@waiting_options("--timeout", "--wait-timeout")
@click.pass_context
def trigger(ctx: click.Context, /, name: Naming, waiting: Waiting) -> None:
    """Start a run of the deployed flow, with its parameters as options.

    With --wait, the exit code says how the run ended: 0 where it succeeded, 1 where it failed, was terminated or took
    too long.  Ctrl-C stops watching, not the run.

    \b
    Examples:
      python flow.py step-functions trigger --alpha 0.5
      python flow.py step-functions trigger --wait --timeout 3600
    """
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.executions import start
    from penstock.backends.step_functions.machines import demand_machine, deployed_name

    given = given_parameters(ctx)
    clients = AwsClients()
    machine = demand_machine(clients.states, deployed_name(ctx.obj, name), ctx.obj.flow_class.__name__)
    waiting.note()
    started = start(clients.states, machine, given)
    click.echo(f"Run {started.run} started.")
    click.echo(started.arn)
    waiting.note(started.run)
    if waiting.wait:
        _wait(ctx.obj, clients, started, waiting.timeout, name)


def _wait(state: State, clients: AwsClients, started: Started, timeout: float | None, name: Naming) -> None:
    """Follow a run to its end, and raise RunFailed or StillRunning where that was no good one."""
    from penstock.backends.step_functions.watching.ending import StillRunning, run_failed
    from penstock.backends.step_functions.watching.watch import Watch
    from penstock.backends.tables import duration

    command = " ".join(["python", *state.entry])
    advice = f"{command} step-functions terminate {started.run}{name}"
    table = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    reporter = _reporter(f"{state.flow_class.__name__}/{started.run}", table, state.options.quiet)
    try:
        watch = Watch(clients, started, reporter, plan=_plan(state), table=table)
        ended = watch.follow(timeout)
    except KeyboardInterrupt:
        interrupted = True
    else:
        interrupted = False
    finally:
        reporter.close()
    if interrupted:
        click.echo(f"Stopped watching: run {started.run} goes on. This ends it:\n  {advice}", err=True)
        raise click.exceptions.Exit(1)
    if ended is None:
        message = f"run {started.run} is not over after {duration(timeout or 0)}: it goes on"
        raise StillRunning(message, help=f"`{advice}` ends it")
    if ended.status != "SUCCEEDED":
        logs = command if state.configuration.get("METAFLOW_DEFAULT_DATASTORE") == "s3" else f"{command} --datastore=s3"
        raise run_failed(started.run, ended, watch.first_failure, command=logs, configuration=state.configuration)
    if not state.options.quiet:
        click.echo(f"Done: {watch.summary}, in {duration(watch.seconds)}.")


def _plan(state: State) -> Plan | None:
    """The flow's plan; None where the file here has problems, which are no matter of a run that is under way."""
    from penstock.compiler.planning import plan_of

    program = state.compiled().program
    return None if program is None else plan_of(program)


def _reporter(title: str, table: bool, quiet: bool) -> Reporter:
    from penstock.backends.reporting import LineReporter, LiveReporter

    return LiveReporter(title, quiet=quiet) if table else LineReporter(quiet=quiet)


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
