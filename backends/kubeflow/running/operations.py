"""The commands `kfp list-runs` and `kfp terminate`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING

import click

from penstock.backends.kubeflow.running.connection import Connection, connect, server_options

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.running.server import SeenRun, Server

EXPERIMENT = click.option("--experiment-name", metavar="NAME", help="The experiment of the runs; the flow's name.")
PIPELINE = click.option("--pipeline-name", metavar="NAME", help="The pipeline's name; the flow's if not given.")
_RUNNING = ("PENDING", "RUNNING", "PAUSED", "CANCELING")


def runs_of(server: Server, experiment: str, pipeline: str) -> Iterator[SeenRun]:
    """The runs of one pipeline among those of an experiment, newest first.

    Raises Refused where there is no such experiment.
    """
    from penstock.backends.kubernetes.names import label

    wanted = label(pipeline)
    for run in server.runs(server.demand_experiment(experiment)):
        if run.pipeline == wanted:
            yield run


@click.command("list-runs", short_help="List the runs of the flow.")
@click.option("--max", "most", type=click.IntRange(1), default=20, show_default=True, help="List this many at most.")
@click.option("--running", "statuses", flag_value="RUNNING", multiple=True, help="Those that are running.")
@click.option("--succeeded", "statuses", flag_value="SUCCEEDED", multiple=True, help="Those that succeeded.")
@click.option("--failed", "statuses", flag_value="FAILED", multiple=True, help="Those that failed.")
@click.option("--canceled", "statuses", flag_value="CANCELED", multiple=True, help="Those that were terminated.")
@EXPERIMENT
@PIPELINE
@server_options
@click.pass_context
def list_runs(
    ctx: click.Context,
    /,
    most: int,
    statuses: tuple[str, ...],
    experiment_name: str | None,
    pipeline_name: str | None,
    connection: Connection,
) -> None:
    """List the runs of the flow in an experiment, newest first; times are UTC.

    \b
    Examples:
      python flow.py kfp list-runs --max 5
      python flow.py kfp list-runs --experiment-name trials --running --failed
    """
    from penstock.backends.kubeflow.running import ordering
    from penstock.backends.tables import columns, duration, utc

    state: State = ctx.obj
    experiment = ordering.experiment_name(state, experiment_name)
    pipeline = pipeline_name or state.flow_class.__name__
    server = connect(state, connection)
    wanted = {each for status in statuses for each in (_RUNNING if status == "RUNNING" else (status,))}
    found = (run for run in runs_of(server, experiment, pipeline) if not wanted or run.state in wanted)
    listed = list(islice(found, most))
    if not listed:
        click.echo(f"{pipeline} has no such runs." if statuses else f"{pipeline} has had no runs in {experiment} yet.")
        return
    now = datetime.now(timezone.utc)
    rows = [("RUN", "STATUS", "STARTED", "DURATION", "NAME")]
    for run in listed:
        took = duration(((run.finished or now) - run.created).total_seconds())
        rows.append((run.run, run.state.lower(), utc(run.created), took, run.name))
    for line in columns(rows):
        click.echo(line)


@click.command(short_help="End a run.")
@click.argument("run", metavar="RUN_ID")
@server_options
@click.pass_context
def terminate(ctx: click.Context, /, run: str, connection: Connection) -> None:
    """End a run and its pods; RUN_ID with or without `kfp-`.

    \b
    Example:
      python flow.py kfp terminate kfp-0d3c2b6e-4c0c-4b43-8a3f-1d5a3f2c9a10
    """
    from penstock.backends.kubeflow.running.server import RUN_ID_PREFIX

    uuid = run.removeprefix(RUN_ID_PREFIX)
    ended = connect(ctx.obj, connection).terminate(uuid)
    click.echo(f"Run {RUN_ID_PREFIX}{uuid} is terminated." if ended else f"Run {RUN_ID_PREFIX}{uuid} had ended before.")
