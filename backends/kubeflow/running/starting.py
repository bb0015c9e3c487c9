"""The command `run-on-kfp`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import FlowCommand, given_parameters, warn
from penstock.backends.kubeflow.options import pipeline_options
from penstock.backends.kubeflow.running.connection import Connection, connect, server_options
from penstock.backends.options import Waiting, waiting_options

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.resolution import Chosen
    from penstock.backends.kubeflow.running.server import Order, Server


@click.command("run-on-kfp", cls=FlowCommand, prefix="kfp", short_help="Start a run on Kubeflow Pipelines.")
@click.option("--experiment-name", metavar="NAME", help="The run's experiment, made if there is none; the flow's name.")
@click.option("--run-name", metavar="NAME", help="What the run is called; the pipeline and the time if not given.")
@click.option("--service-account", metavar="NAME", help="The service account of the run's pods.")
@click.option("--pipeline-root", metavar="URL", help="Where Kubeflow keeps its own files of the run.")
@waiting_options("--timeout")
@pipeline_options
@server_options
@click.pass_context
def run_on_kfp(
    ctx: click.Context,
    /,
    experiment_name: str | None,
    run_name: str | None,
    service_account: str | None,
    pipeline_root: str | None,
    waiting: Waiting,
    chosen: Chosen,
    connection: Connection,
) -> None:
    """Compile the flow, upload its code, and start a run of it, with the flow's parameters as options.

    Prints the run's id and where it can be looked at.  With --wait, the exit code says how the run ended: 0 where it
    succeeded, 1 where it failed or was terminated.  Ctrl-C stops watching, not the run.

    \b
    Examples:
      python flow.py run-on-kfp --experiment-name trials --alpha 0.5
      python flow.py run-on-kfp --wait --timeout 3600
      python flow.py run-on-kfp --host http://localhost:8080 --image registry.example.com/team/image:1
    """
    from penstock.backends.flow_package import upload_code
    from penstock.backends.kubeflow.compilation import compile_for_kubeflow
    from penstock.backends.kubeflow.running import ordering

    state: State = ctx.obj
    given = given_parameters(ctx)
    compiled = compile_for_kubeflow(state, chosen)
    warn(compiled.warnings)
    name = run_name or f"{compiled.settings.name} {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}"
    order = ordering.order_of(
        state, compiled, given, name=name, pipeline_root=pipeline_root, service_account=service_account
    )
    server = connect(state, connection)
    if compiled.package is not None:
        click.echo(upload_code(state, compiled.package, compiled.settings.datastore_root))
    waiting.note()
    experiment = server.ensure_experiment(ordering.experiment_name(state, experiment_name))
    uuid = server.start(order, experiment)
    _say_started(state, server, uuid)
    waiting.note(_run_id(uuid))
    if waiting.wait:
        _wait(state, server, uuid, order, connection, compiled.settings.datastore_root, waiting.timeout)


def _run_id(uuid: str) -> str:
    from penstock.backends.kubeflow.running.server import RUN_ID_PREFIX

    return RUN_ID_PREFIX + uuid


def _say_started(state: State, server: Server, uuid: str) -> None:
    """The run's id, and its page: KFP_RUN_URL_PREFIX stands right before the id that Kubeflow knows it by."""
    prefix = state.configuration.get("KFP_RUN_URL_PREFIX") or f"{server.address}/#/runs/details/"
    click.echo(f"Run {_run_id(uuid)} started.")
    click.echo(prefix + uuid)


def _wait(
    state: State, server: Server, uuid: str, order: Order, connection: Connection, root: str, timeout: float | None
) -> None:
    """Follow a run to its end, and raise RunFailed or StillRunning where that was no good one."""
    from penstock.backends.following.command import follow
    from penstock.backends.following.ending import logs_of
    from penstock.backends.kubeflow.running.ending import pods_command, run_failed
    from penstock.backends.kubeflow.running.server import leaf_steps, sight_of
    from penstock.backends.tables import duration

    steps, pods = leaf_steps(order.spec), pods_command(uuid, server.namespace)

    def reconnect() -> None:
        nonlocal server
        server = connect(state, connection)

    ended, teller = follow(
        state,
        _run_id(uuid),
        lambda: sight_of(server.look(uuid), steps),
        reconnect=reconnect,
        pods=lambda task: pods,
        terminate=" ".join(["python", *state.entry, "kfp", "terminate", _run_id(uuid)]),
        timeout=timeout,
    )
    if ended.state != "SUCCEEDED":
        raise run_failed(ended, teller.failed_steps(), logs_of(state, root), server.namespace)
    if not state.options.quiet:
        seconds = (ended.finished - ended.created).total_seconds() if ended.finished else 0
        click.echo(f"Done: {teller.succeeded:,} tasks in {duration(seconds)}.")
