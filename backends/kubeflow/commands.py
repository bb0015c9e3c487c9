"""The commands that Kubeflow Pipelines adds to a flow: the group `kfp …`, and `generate-kfp-yaml`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import LateGroup
from penstock.backends.kubeflow.options import pipeline_options

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.resolution import Chosen

DEFAULT_OUTPUT = "kfp_pipeline.yaml"

_LATER = {
    "rehearse": "penstock.backends.kubeflow.rehearsal.commands:rehearse",
    "list-runs": "penstock.backends.kubeflow.running.operations:list_runs",
    "terminate": "penstock.backends.kubeflow.running.operations:terminate",
    "create-schedule": "penstock.backends.kubeflow.running.scheduling:create_schedule",
    "delete-schedule": "penstock.backends.kubeflow.running.scheduling:delete_schedule",
    "diff": "penstock.backends.kubeflow.running.comparing:diff",
}


@click.group(cls=LateGroup, late=_LATER, short_help="Rehearse, follow and schedule pipelines on Kubeflow.")
def kubeflow() -> None:
    """Run the flow as a pipeline of Kubeflow Pipelines.

    \b
    The way to production:
      python flow.py generate-kfp-yaml               write the pipeline, for review
      python flow.py kfp rehearse                    run it here
      python flow.py run-on-kfp --wait               upload the code, start a run, follow it
      python flow.py kfp list-runs                   see how runs are doing
      python flow.py kfp create-schedule             let it run as its @schedule says

    \b
    Where things run is configured, in the environment or ~/.metaflowconfig/config.json:
      METAFLOW_DATASTORE_SYSROOT_S3         s3://bucket/prefix for code and artifacts
      KF_PIPELINES_ENDPOINT                 the API of Kubeflow Pipelines
      METAFLOW_KFP_NAMESPACE                whose runs, on a Kubeflow for many users
      METAFLOW_KUBERNETES_CONTAINER_IMAGE   the pods' image; python:X.Y if not set
      KFP_RUN_URL_PREFIX                    printed before the id of a run
    """


@click.command(short_help="Write the flow as a Kubeflow pipeline.")
@click.option(
    "-o",
    "--output-path",
    "--pipeline-path",
    "output",
    type=click.Path(dir_okay=False, allow_dash=True),
    default=DEFAULT_OUTPUT,
    show_default=True,
    metavar="FILE",
    help="The file to write; `-` for stdout.",
)
@click.option("--no-caching", is_flag=True, help="Accepted, and always so: a task is never taken from another run.")
@pipeline_options
@click.pass_obj
def generate_kfp_yaml(state: State, /, output: str, no_caching: bool, chosen: Chosen) -> None:
    """Compile the flow to a pipeline in Kubeflow's intermediate representation (IR YAML).

    Asks no server and needs no kfp.  The same flow and configuration give the same bytes.  The tasks fetch the code
    package from the datastore: `package push` uploads it, as `run-on-kfp` does by itself.

    \b
    Examples:
      python flow.py generate-kfp-yaml
      python flow.py generate-kfp-yaml --output-path pipeline.yaml --image registry.example.com/team/image:1
      python flow.py generate-kfp-yaml -o - | less
    """
    from penstock.backends.commandline import warn, write_file
    from penstock.backends.kubeflow.compilation import compile_for_kubeflow

    compiled = compile_for_kubeflow(state, chosen, output=None if output == "-" else output)
    warn(compiled.warnings)
    if output == "-":
        sys.stdout.write(compiled.document.decode())
        return
    write_file(output, compiled.document)
    click.echo(f"The pipeline {compiled.settings.name} is in {output}.")
    if compiled.package is None:
        click.echo(f"Its tasks fetch the flow from {compiled.settings.code_url}.", err=True)
    else:
        click.echo(f"Its tasks fetch the code package {compiled.package.sha}: `package push` uploads it.", err=True)
