"""The commands `kfp create-schedule` and `kfp delete-schedule`: `@schedule` as a recurring run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import FlowCommand, given_parameters, warn
from penstock.backends.kubeflow.options import pipeline_options
from penstock.backends.kubeflow.running.connection import Connection, connect, server_options
from penstock.backends.kubeflow.running.operations import EXPERIMENT

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.resolution import Chosen

_NAME = click.option("--schedule-name", metavar="NAME", help="The recurring run's name; the pipeline's if not given.")


@click.command("create-schedule", cls=FlowCommand, prefix="kfp", short_help="Let the flow run as its @schedule says.")
@_NAME
@EXPERIMENT
@click.option("--service-account", metavar="NAME", help="The service account of the runs' pods.")
@click.option("--pipeline-root", metavar="URL", help="Where Kubeflow keeps its own files of the runs.")
@click.option(
    "--server-timezone",
    default="UTC",
    show_default=True,
    metavar="ZONE",
    help="What the server's scheduler counts in, its CRON_SCHEDULE_TIMEZONE.",
)
@pipeline_options
@server_options
@click.pass_context
def create_schedule(
    ctx: click.Context,
    /,
    schedule_name: str | None,
    experiment_name: str | None,
    service_account: str | None,
    pipeline_root: str | None,
    server_timezone: str,
    chosen: Chosen,
    connection: Connection,
) -> None:
    """Compile the flow, upload its code, and make a recurring run of it, with the flow's parameters as options.

    One run at a time; runs that were missed are not made up for.  Doing it again replaces the recurring run of that
    name.

    \b
    Example:
      python flow.py kfp create-schedule --experiment-name nightly --alpha 0.5
    """
    from penstock.backends.flow_package import upload_code
    from penstock.backends.kubeflow.compilation import compile_for_kubeflow
    from penstock.backends.kubeflow.running import ordering
    from penstock.backends.kubeflow.running.recurring import cron_text
    from penstock.compiler.diagnostics import Diagnostic, Refused
    from penstock.compiler.starting import schedule_of

    state: State = ctx.obj
    given = given_parameters(ctx)
    schedule = schedule_of(state.program())
    if schedule is None:
        message = f"the flow {state.flow_class.__name__} has no @schedule"
        raise Refused([Diagnostic("P555", message, help="add one, or start runs with `run-on-kfp`")])
    cron = cron_text(schedule, server_timezone)
    compiled = compile_for_kubeflow(state, chosen)
    warn(compiled.warnings)
    name = schedule_name or compiled.settings.name
    order = ordering.order_of(
        state, compiled, given, name=name, pipeline_root=pipeline_root, service_account=service_account
    )
    server = connect(state, connection)
    if compiled.package is not None:
        click.echo(upload_code(state, compiled.package, compiled.settings.datastore_root))
    experiment = server.ensure_experiment(ordering.experiment_name(state, experiment_name))
    before = [one for one, called in server.recurring(experiment).items() if called == name]
    server.recur(order, experiment, cron)
    for one in before:  # last, so that there is a schedule at any time
        server.stop_recurring(one)
    click.echo(f"recurring run  {name}  {'replaced' if before else 'created'}: {cron} ({server_timezone})")


@click.command("delete-schedule", short_help="Let the flow run no more by itself.")
@_NAME
@EXPERIMENT
@server_options
@click.pass_context
def delete_schedule(
    ctx: click.Context, /, schedule_name: str | None, experiment_name: str | None, connection: Connection
) -> None:
    """Delete the recurring run of the flow; runs that it has started go on.

    \b
    Example:
      python flow.py kfp delete-schedule --experiment-name nightly
    """
    from penstock.backends.kubeflow.running import ordering
    from penstock.compiler.diagnostics import Diagnostic, Refused

    state: State = ctx.obj
    name = schedule_name or state.flow_class.__name__
    server = connect(state, connection)
    experiment = server.demand_experiment(ordering.experiment_name(state, experiment_name))
    found = [one for one, called in server.recurring(experiment).items() if called == name]
    if not found:
        message = f"there is no recurring run {name} in that experiment at {server.address}"
        raise Refused([Diagnostic("P553", message, help="name another with --schedule-name or --experiment-name")])
    for one in found:
        server.stop_recurring(one)
    click.echo(f"recurring run  {name}  deleted")
