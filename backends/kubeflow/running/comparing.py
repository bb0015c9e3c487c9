"""The command `kfp diff`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from penstock.backends.kubeflow.options import pipeline_options
from penstock.backends.kubeflow.running.connection import Connection, connect, server_options
from penstock.backends.kubeflow.running.operations import EXPERIMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.resolution import Chosen


class _Other(NamedTuple):
    """What is compared with: its name, the pipeline and the platform document."""

    name: str
    spec: Mapping[str, Any]
    platform: Mapping[str, Any]


@click.command(short_help="Compare the flow with a file, or with its last run.")
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(dir_okay=False))
@EXPERIMENT
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How.")
@pipeline_options
@server_options
@click.pass_context
def diff(
    ctx: click.Context,
    /,
    file: str | None,
    experiment_name: str | None,
    form: str,
    chosen: Chosen,
    connection: Connection,
) -> None:
    """Compare the flow as it compiles now with the pipeline in FILE, or with the one that the flow's last run had.

    Give it the options that the other was made with.  The exit code is 0 where nothing differs, 4 where something does,
    1 where it can't be told.  Nothing is changed; with FILE no server is asked.

    \b
    Examples:
      python flow.py kfp diff kfp_pipeline.yaml
      python flow.py kfp diff --experiment-name trials --format json
    """
    from penstock.backends.differences import EXIT_DIFFERENT, differences, lines
    from penstock.backends.kubeflow.compilation import compile_for_kubeflow
    from penstock.backends.kubeflow.running.description import describe
    from penstock.backends.kubeflow.running.ordering import read_documents

    state: State = ctx.obj
    compiled = compile_for_kubeflow(state, chosen, output=file)
    other = _of_file(file) if file else _of_last_run(state, experiment_name, compiled.settings.name, connection)
    changes = differences(describe(other.spec, other.platform), describe(*read_documents(compiled.document)))
    if form == "json":
        document = {"compared_with": other.name, "changes": [change.as_json() for change in changes]}
        click.echo(json.dumps(document, indent=1))
    else:
        click.echo(f"{other.name} {'differs from' if changes else 'is'} what compiles now{':' if changes else '.'}")
        for line in lines(changes):
            click.echo(line)
    if changes:
        raise click.exceptions.Exit(EXIT_DIFFERENT)


def _of_file(path: str) -> _Other:
    """The pipeline of a file that the user names.

    Raises Refused.
    """
    import yaml

    from penstock.backends.kubeflow.running.ordering import read_documents
    from penstock.compiler.diagnostics import Diagnostic, Refused

    try:
        with open(path, "rb") as stream:
            return _Other(path, *read_documents(stream.read()))
    except OSError as error:
        reason = str(error.strerror)
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
    message = f"{path} can't be read as a pipeline: {reason}"
    raise Refused([Diagnostic("P556", message, help="name a file that `generate-kfp-yaml` wrote")])


def _of_last_run(state: State, experiment: str | None, pipeline: str, connection: Connection) -> _Other:
    """The pipeline of the newest run.

    Raises Refused, also where there is none.
    """
    from penstock.backends.kubeflow.running.operations import runs_of
    from penstock.backends.kubeflow.running.ordering import experiment_name
    from penstock.compiler.diagnostics import Diagnostic, Refused

    server = connect(state, connection)
    name = experiment_name(state, experiment)
    run = next(runs_of(server, name, pipeline), None)
    if run is None:
        message = f"{pipeline} has had no runs in the experiment {name} yet"
        raise Refused([Diagnostic("P553", message, help="name another experiment, or a file to compare with")])
    return _Other(f"run {run.run}", run.spec, run.platform)
