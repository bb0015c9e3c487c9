"""The commands `argo-workflows list-runs`, `status`, `terminate` and `delete`."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from penstock.backends.argo.options import NAME
from penstock.backends.argo.running.connection import Connection, cluster_options, connect

if TYPE_CHECKING:
    from penstock.backends.argo.running.workflows import SeenWorkflow
    from penstock.backends.commandline import State


@click.command("list-runs", short_help="List the runs of the deployed flow.")
@click.option("--max", "most", type=click.IntRange(1), default=20, show_default=True, help="List this many at most.")
@click.option("--running", "statuses", flag_value="running", multiple=True, help="Those that are running.")
@click.option("--succeeded", "statuses", flag_value="succeeded", multiple=True, help="Those that succeeded.")
@click.option("--failed", "statuses", flag_value="failed", multiple=True, help="Those that failed or were terminated.")
@NAME
@cluster_options
@click.pass_context
def list_runs(
    ctx: click.Context, /, most: int, statuses: tuple[str, ...], name: str | None, connection: Connection
) -> None:
    """List the runs of the deployed flow that the cluster still has, newest first; times are UTC.

    \b
    Examples:
      python flow.py argo-workflows list-runs --max 5
      python flow.py argo-workflows list-runs --running --failed
    """
    from penstock.backends.argo.names import schedule_name
    from penstock.backends.argo.running import runs
    from penstock.backends.argo.running.deployed import demand_template, deployed_name
    from penstock.backends.tables import columns, utc

    template = deployed_name(ctx.obj, name)
    cluster = connect(ctx.obj, connection)
    demand_template(cluster, template, ctx.obj.flow_class.__name__)
    listed = runs.list_runs(cluster, template, schedule_name(template), most, statuses)
    if not listed:
        click.echo(f"{template} has no such runs." if statuses else f"{template} has no runs in the cluster.")
        return
    rows = [("RUN", "STATUS", "STARTED", "DURATION")]
    rows += [(run.run, run.status, utc(run.created), _took(run)) for run in listed]
    for line in columns(rows):
        click.echo(line)


@click.command(short_help="Show how a run is doing.")
@click.argument("run", metavar="RUN_ID")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How.")
@NAME
@cluster_options
@click.pass_context
def status(ctx: click.Context, /, run: str, form: str, name: str | None, connection: Connection) -> None:
    """Show how a run is doing, step by step; RUN_ID with or without `argo-`.

    \b
    Examples:
      python flow.py argo-workflows status argo-trainflow-x7k2p9qa
      python flow.py argo-workflows status argo-trainflow-x7k2p9qa --format json
    """
    from penstock.backends.argo.running import runs
    from penstock.backends.argo.running.deployed import deployed_name

    shown = runs.look(connect(ctx.obj, connection), run, deployed_name(ctx.obj, name))
    if form == "json":
        click.echo(json.dumps(_document(shown), indent=1))
        return
    for line in _told(shown):
        click.echo(line)


def _took(run: SeenWorkflow) -> str:
    from penstock.backends.tables import duration

    return duration(((run.finished or datetime.now(timezone.utc)) - run.created).total_seconds())


def _counts(run: SeenWorkflow) -> dict[str, dict[str, int]]:
    """How many tasks of each step are in which state, steps in the order in which they were seen."""
    found: dict[str, dict[str, int]] = {}
    for task in run.tasks:
        counts = found.setdefault(task.step, {})
        counts[task.state.value] = counts.get(task.state.value, 0) + 1
    return found


def _told(run: SeenWorkflow) -> list[str]:
    from penstock.backends.following.seen import TaskState
    from penstock.backends.tables import columns, utc

    lines = [f"Run {run.run}: {run.status}, started {utc(run.created)}, after {_took(run)}."]
    if run.message:
        lines.append(f"Argo says: {run.message}")
    if run.offloaded:
        lines.append(f"This cluster keeps tasks in a database: {run.done:,} of {run.known:,} pods are over.")
    rows = [
        (f"  {step}", ", ".join(f"{number:,} {state}" for state, number in counts.items()))
        for step, counts in _counts(run).items()
    ]
    lines += columns(rows) if rows else []
    failed = [task for task in run.tasks if task.state is TaskState.FAILED and task.reason]
    return [*lines, *(f"{task.within(run.run)}: {task.reason}" for task in failed)]


def _document(run: SeenWorkflow) -> dict[str, Any]:
    return {
        "run": run.run,
        "status": run.status,
        "started": run.created.isoformat(),
        "finished": run.finished.isoformat() if run.finished else None,
        "message": run.message,
        "pods": {"over": run.done, "known": run.known},
        "steps": _counts(run),
    }


@click.command(short_help="End a run of the deployed flow.")
@click.argument("run", metavar="RUN_ID")
@NAME
@cluster_options
@click.pass_context
def terminate(ctx: click.Context, /, run: str, name: str | None, connection: Connection) -> None:
    """End a run and its pods; RUN_ID with or without `argo-`.

    Argo ends it at once, without what `create --on-exit` names; `argo stop` of Argo's own client runs that.

    \b
    Example:
      python flow.py argo-workflows terminate argo-trainflow-x7k2p9qa
    """
    from penstock.backends.argo.running import runs
    from penstock.backends.argo.running.deployed import deployed_name
    from penstock.backends.argo.running.workflows import workflow_name
    from penstock.runtime_shim.argo_names import RUN_PREFIX

    ended = runs.terminate(connect(ctx.obj, connection), run, deployed_name(ctx.obj, name))
    whole = RUN_PREFIX + workflow_name(run)
    click.echo(f"Run {whole} is terminated." if ended else f"Run {whole} had ended before.")


@click.command(short_help="Delete the deployed flow.")
@NAME
@cluster_options
@click.pass_context
def delete(ctx: click.Context, /, name: str | None, connection: Connection) -> None:
    """Delete the flow's workflow template, and before that the schedule that starts it.

    Stored runs and code packages stay.  Runs that go on go on, except those of a flow that is split over several
    templates.

    \b
    Example:
      python flow.py argo-workflows delete --name nightly
    """
    from penstock.backends.argo.names import schedule_name
    from penstock.backends.argo.running.deployed import demand_template, deployed_name, own_schedule, parts_of
    from penstock.backends.argo.running.deploying import line

    state: State = ctx.obj
    template, flow = deployed_name(state, name), state.flow_class.__name__
    cluster = connect(state, connection)
    demand_template(cluster, template, flow)
    schedule = own_schedule(cluster, schedule_name(template), flow)
    doomed = [("CronWorkflow", schedule["metadata"]["name"])] if schedule is not None else []
    parts = [part for part in parts_of(cluster, template) if part != template]
    for kind, doomed_name in [*doomed, ("WorkflowTemplate", template), *(("WorkflowTemplate", part) for part in parts)]:
        cluster.delete(kind, doomed_name)
        click.echo(line(kind, doomed_name, "deleted"))
