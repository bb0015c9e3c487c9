"""The command `argo-workflows trigger`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from penstock.backends.argo.options import NAME
from penstock.backends.argo.running.connection import Connection, cluster_options, connect
from penstock.backends.commandline import FlowCommand, given_parameters
from penstock.backends.options import Waiting, waiting_options

if TYPE_CHECKING:
    from penstock.backends.argo.running.cluster import Cluster
    from penstock.backends.commandline import State


@click.command(cls=FlowCommand, short_help="Start a run of the deployed flow.")
@NAME
@waiting_options("--timeout", "--wait-timeout")
@cluster_options
@click.pass_context
def trigger(
    ctx: click.Context,
    /,
    name: str | None,
    waiting: Waiting,
    connection: Connection,
) -> None:
    """Start a run of the deployed flow, with its parameters as options.

    With --wait, the exit code says how the run ended: 0 where it succeeded, 1 where it failed, was terminated or took
    too long.  Ctrl-C stops watching, not the run.

    \b
    Examples:
      python flow.py argo-workflows trigger --alpha 0.5
      python flow.py argo-workflows trigger --wait --timeout 3600
    """
    from penstock.backends.argo.running.deployed import demand_template, deployed_name
    from penstock.backends.argo.running.runs import start
    from penstock.runtime_shim.argo_names import RUN_PREFIX

    state: State = ctx.obj
    given = given_parameters(ctx)
    template_name = deployed_name(state, name)
    cluster = connect(state, connection)
    template = demand_template(cluster, template_name, state.flow_class.__name__)
    arguments = _arguments(given, template)
    waiting.note()
    workflow = start(cluster, template, arguments)
    click.echo(f"Run {RUN_PREFIX}{workflow} started.")
    click.echo(_page(state, cluster, workflow))
    waiting.note(RUN_PREFIX + workflow)
    if waiting.wait:
        _wait(state, cluster, workflow, template, connection, waiting.timeout)


def _arguments(given: Mapping[str, object], template: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    """The parameters as arguments of a workflow.

    Raises Refused (P565) for those that the deployed template does not have: Argo would drop them.
    """
    from penstock.backends.argo.parameters import argument_value
    from penstock.compiler.diagnostics import Diagnostic, Refused

    arguments = (template["spec"].get("arguments") or {}).get("parameters") or ()
    known = {each["name"]: each for each in arguments}
    problems = [f"the deployed flow has no parameter `{name}`" for name in given if name not in known]
    problems += [
        f"the deployed flow wants the parameter `{name}`, which this one has not, or with a default"
        for name, each in known.items()
        if "value" not in each and name not in given
    ]
    if problems:
        advice = "deploy the flow as it is now: argo-workflows create"
        raise Refused([Diagnostic("P565", problem, help=advice) for problem in problems])
    return [{"name": name, "value": argument_value(value)} for name, value in given.items()]


def _page(state: State, cluster: Cluster, workflow: str) -> str:
    """Where the run can be looked at: Argo's pages where it is configured where they are, else the namespace."""
    prefix = state.configuration.get("METAFLOW_ARGO_WORKFLOWS_UI_URL")
    if prefix:
        return f"{prefix.rstrip('/')}/workflows/{cluster.namespace}/{workflow}"
    return f"workflow {workflow} in the namespace {cluster.namespace}"


def _wait(
    state: State,
    cluster: Cluster,
    workflow: str,
    template: Mapping[str, Any],
    connection: Connection,
    timeout: float | None,
) -> None:
    """Follow a run to its end, and raise RunFailed or StillRunning where that was no good one."""
    from penstock.backends.argo.running.deployed import datastore_root, deployed_name
    from penstock.backends.argo.running.ending import pods_command, run_failed
    from penstock.backends.argo.running.runs import look
    from penstock.backends.following.command import follow
    from penstock.backends.following.ending import logs_of
    from penstock.backends.tables import duration
    from penstock.runtime_shim.argo_names import RUN_PREFIX

    name = str(template["metadata"]["name"])

    def reconnect() -> None:
        nonlocal cluster
        cluster = connect(state, connection)

    pods = pods_command(workflow, cluster.namespace)
    options = ("" if name == deployed_name(state, None) else f" --name {name}") + str(connection)
    ended, teller = follow(
        state,
        RUN_PREFIX + workflow,
        lambda: look(cluster, workflow, name).sight(),
        reconnect=reconnect,
        pods=lambda task: pods,
        terminate=" ".join(["python", *state.entry, "argo-workflows", "terminate", RUN_PREFIX + workflow]) + options,
        timeout=timeout,
    )
    if ended.phase != "Succeeded":
        raise run_failed(ended, logs_of(state, datastore_root(template, state.configuration)), cluster.namespace)
    if not state.options.quiet:
        seconds = (ended.finished - ended.created).total_seconds() if ended.finished else 0
        click.echo(f"Done: {teller.succeeded or ended.done:,} tasks in {duration(seconds)}.")
