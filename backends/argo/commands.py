"""The commands `argo-workflows …` of a flow."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, cast

import click

from penstock.backends.argo.options import CONTEXT, workflow_options

if TYPE_CHECKING:
    from penstock.backends.argo.compilation import CompiledFlow
    from penstock.backends.argo.resolution import Chosen
    from penstock.backends.commandline import State

_LATER: dict[str, str] = {
    "rehearse": "penstock.backends.argo.rehearsal.commands:rehearse",
    "trigger": "penstock.backends.argo.running.starting:trigger",
    "list-runs": "penstock.backends.argo.running.operations:list_runs",
    "status": "penstock.backends.argo.running.operations:status",
    "terminate": "penstock.backends.argo.running.operations:terminate",
    "delete": "penstock.backends.argo.running.operations:delete",
    "diff": "penstock.backends.argo.running.comparing:diff",
}
"""Commands of other modules: imported when used, or when the group's help is shown."""


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LATER:
            module, _, attribute = _LATER[cmd_name].partition(":")
            return cast("click.Command", getattr(import_module(module), attribute))
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Group, short_help="Compile for Argo Workflows, rehearse, deploy, start.")
def argo_workflows() -> None:
    """Compile the flow to a WorkflowTemplate of Argo Workflows, and a CronWorkflow where it has a @schedule.

    \b
    The way to production:
      python flow.py argo-workflows rehearse         run it on this machine, as Argo would
      python flow.py argo-workflows create           upload the code, apply the manifests
      python flow.py argo-workflows create -o DIR    or write them, for GitOps
      python flow.py argo-workflows diff             compare what is deployed with the flow as it is now
      python flow.py argo-workflows trigger --wait   start a run, and follow it
      python flow.py argo-workflows list-runs        see how runs are doing

    \b
    Where things run is configured, in the environment or ~/.metaflowconfig/config.json:
      METAFLOW_DATASTORE_SYSROOT_S3         s3://bucket/prefix for code and artifacts
      METAFLOW_KUBERNETES_NAMESPACE         where the objects belong
      METAFLOW_KUBERNETES_SERVICE_ACCOUNT   whom the pods of a run act as
      METAFLOW_KUBERNETES_CONTAINER_IMAGE   the pods' image; python:X.Y if not set
    """


@argo_workflows.command(short_help="Compile the flow, and apply its manifests to the cluster.")
@click.option("--only-yaml", is_flag=True, help="Print the manifests as YAML and touch nothing.")
@click.option("--only-json", is_flag=True, help="Print the manifests as JSON and touch nothing.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Write the manifests to this folder, for review and GitOps, and touch nothing else.",
)
@click.option("--force-conflicts", is_flag=True, help="Take over what somebody else has changed in the cluster.")
@CONTEXT
@workflow_options
@click.pass_context
def create(
    ctx: click.Context,
    /,
    only_yaml: bool,
    only_json: bool,
    output: str | None,
    force_conflicts: bool,
    kube_context: str | None,
    chosen: Chosen,
) -> None:
    """Compile the flow to a WorkflowTemplate, and a CronWorkflow where it has a @schedule; upload its code; apply them.

    Doing it again changes only what is different, and says what that was.  A template of that name that belongs to
    another flow is never touched.

    With --only-yaml, --only-json or -o no cluster is asked and no credentials are read.  The same flow and
    configuration give the same bytes.  The tasks fetch the code package from the datastore: `package push` uploads it.

    \b
    Examples:
      python flow.py argo-workflows create
      python flow.py argo-workflows create --only-yaml | kubectl apply --server-side -f -
      python flow.py argo-workflows create --only-json --namespace jobs --image registry.example.com/team/image:1
      python flow.py argo-workflows create -o manifests
    """
    from penstock.backends.argo.compilation import compile_for_argo
    from penstock.backends.commandline import warn

    if only_yaml + only_json + (output is not None) > 1:
        raise click.UsageError("--only-yaml, --only-json and -o exclude each other", ctx)
    state: State = ctx.obj
    compiled = compile_for_argo(state, chosen, output=output)
    warn(compiled.warnings)
    if output is not None:
        _write(compiled, output)
    elif only_yaml or only_json:
        sys.stdout.write(as_one_document(compiled) if only_json else as_stream(compiled))
        click.echo(needed(compiled), err=True)
    else:
        _apply(state, compiled, kube_context or "", force_conflicts)


def _apply(state: State, compiled: CompiledFlow, context: str, force: bool) -> None:
    from penstock.backends.argo.running.connection import Connection, connect
    from penstock.backends.argo.running.deploying import deploy

    connection = Connection(namespace=compiled.settings.kubernetes_namespace, kube_context=context)
    for line in deploy(state, compiled, connect(state, connection), force=force):
        click.echo(line)


def as_stream(compiled: CompiledFlow) -> str:
    """All manifests, a YAML document each."""
    from penstock.backends.kubernetes.documents import dump

    return dump(compiled.documents).decode()


def as_one_document(compiled: CompiledFlow) -> str:
    """The manifest as JSON; several as a List, which kubectl takes like any object."""
    from penstock.backends.argo.documents import as_json

    found = compiled.documents
    whole = found[0] if len(found) == 1 else {"apiVersion": "v1", "kind": "List", "items": found}
    return as_json(whole).decode() + "\n"


def needed(compiled: CompiledFlow) -> str:
    """What must be there before a run can start."""
    return f"Its tasks fetch the code package {compiled.package.sha}: `package push` uploads it."


def _write(compiled: CompiledFlow, folder: str) -> None:
    """The files of the bundle, and none of an earlier one that it has no more."""
    from penstock.backends.argo.lowering import CRON_WORKFLOW
    from penstock.backends.commandline import CannotWrite, write_file

    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot make the folder {folder}: {error.strerror}") from error
    files = compiled.bundle.files
    for name, data in files.items():
        write_file(os.path.join(folder, name), data)
    outdated = os.path.join(folder, CRON_WORKFLOW)
    if CRON_WORKFLOW not in files and os.path.exists(outdated):
        os.remove(outdated)
    click.echo(f"The manifests of {compiled.settings.name} are in {folder}: {', '.join(files)}.")
    click.echo(needed(compiled), err=True)
