"""The command `argo-workflows diff`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from penstock.backends.argo.options import CONTEXT, workflow_options
from penstock.backends.argo.running.connection import Connection, connect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.backends.argo.compilation import CompiledFlow
    from penstock.backends.argo.resolution import Chosen
    from penstock.backends.argo.running.cluster import Cluster
    from penstock.backends.commandline import State


class _Other(NamedTuple):
    """What is compared with: how it is called, and its documents, none where nothing is deployed."""

    name: str
    documents: Sequence[Mapping[str, Any]]


@click.command(short_help="Compare what is deployed with what is compiled.")
@click.argument("folder", metavar="[PATH]", required=False, type=click.Path())
@workflow_options
@CONTEXT
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How.")
@click.pass_context
def diff(ctx: click.Context, /, folder: str | None, chosen: Chosen, kube_context: str | None, form: str) -> None:
    """Compare the deployed manifests, or those in a file or folder, with the flow as it compiles now.

    Give it the options that you give to `create`.  The exit code is 0 where nothing differs, 4 where something does, 1
    where it can't be told.  Nothing is changed; with PATH no cluster is asked.

    \b
    Examples:
      python flow.py argo-workflows diff
      python flow.py argo-workflows diff manifests/ --format json
    """
    from penstock.backends.argo.compilation import compile_for_argo
    from penstock.backends.argo.description import describe
    from penstock.backends.differences import EXIT_DIFFERENT, differences, lines

    state: State = ctx.obj
    compiled = compile_for_argo(state, chosen, output=folder)
    other = _of_files(folder) if folder else _deployed(state, compiled, kube_context or "")
    changes = differences(describe(other.documents), describe(compiled.documents))
    if form == "json":
        document = {
            "compared_with": other.name,
            "there": bool(other.documents),
            "changes": [change.as_json() for change in changes],
        }
        click.echo(json.dumps(document, indent=1))
    else:
        click.echo(_heading(other, bool(changes)))
        for line in lines(changes):
            click.echo(line)
    if changes:
        raise click.exceptions.Exit(EXIT_DIFFERENT)


def _heading(other: _Other, different: bool) -> str:
    if not other.documents:
        return f"{other.name} is not deployed: all of it is new."
    return f"{other.name} {'differs from' if different else 'is'} what compiles now{':' if different else '.'}"


def _deployed(state: State, compiled: CompiledFlow, context: str) -> _Other:
    """What the cluster has of the flow.

    Raises Refused, also where a template of that name is not the flow's.
    """
    from penstock.backends.argo.running.deployed import comparable

    cluster = connect(state, Connection(namespace=compiled.settings.kubernetes_namespace, kube_context=context))
    name, flow = compiled.settings.name, state.flow_class.__name__
    live = [comparable(each, compiled.documents) for each in _live(cluster, name, flow)]
    return _Other(f"{name} in the namespace {cluster.namespace}", live)


def _live(cluster: Cluster, name: str, flow: str) -> list[Mapping[str, Any]]:
    from penstock.backends.argo.names import schedule_name
    from penstock.backends.argo.running.deployed import demand_own, own_schedule, parts_of

    template = cluster.find("WorkflowTemplate", name)
    if template is None:
        return []
    demand_own("WorkflowTemplate", template, flow)
    parts = [cluster.find("WorkflowTemplate", part) for part in parts_of(cluster, name) if part != name]
    schedule = own_schedule(cluster, schedule_name(name), flow)
    return [each for each in (*parts, template, schedule) if each is not None]


def _of_files(path: str) -> _Other:
    """The manifests of a file, or of a folder's YAML files.

    Raises Refused (P566).
    """
    from penstock.backends.argo.description import documents_of
    from penstock.compiler.diagnostics import Diagnostic, Refused

    try:
        files = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else [path]
        found = documents_of({file: _read(file) for file in files if os.path.isfile(file) or file == path})
        if any(each["kind"] == "WorkflowTemplate" for each in found):
            return _Other(path, found)
        reason = "it holds no workflow template"
    except OSError as error:
        reason = str(error.strerror)
    except ValueError as error:
        reason = str(error)
    message = f"{path} can't be read as manifests: {reason}"
    raise Refused([Diagnostic("P566", message, help="name what `argo-workflows create -o` or `--only-yaml` wrote")])


def _read(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()
