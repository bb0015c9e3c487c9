"""The commands `step-functions …` of a flow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import LateGroup, warn
from penstock.backends.step_functions.options import COMPILED_WITH

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.step_functions.bundle import Deployment
    from penstock.backends.step_functions.resolution import Chosen

_LATER = {
    "trigger": "penstock.backends.step_functions.triggering:trigger",
    "list-runs": "penstock.backends.step_functions.triggering:list_runs",
    "diff": "penstock.backends.step_functions.comparing.commands:diff",
    "simulate": "penstock.backends.step_functions.simulation.commands:simulate",
    "rehearse": "penstock.backends.step_functions.rehearsal.commands:rehearse",
    "terminate": "penstock.backends.step_functions.operations:terminate",
    "delete": "penstock.backends.step_functions.operations:delete",
}


@click.group(cls=LateGroup, late=_LATER, short_help="Compile for AWS Step Functions, rehearse, deploy, start.")
def step_functions() -> None:
    """Compile the flow to an AWS Step Functions state machine whose states are AWS Batch jobs.

    \b
    The way to production:
      python flow.py step-functions rehearse         run the compiled machine here
      python flow.py step-functions simulate         say what a run would need
      python flow.py step-functions create           upload and register it
      python flow.py step-functions diff             compare that with the flow as it is now
      python flow.py step-functions trigger --wait   start a run, and follow it
      python flow.py step-functions list-runs        see how runs are doing

    \b
    Where things run is configured, in the environment or ~/.metaflowconfig/config.json:
      METAFLOW_DATASTORE_SYSROOT_S3       s3://bucket/prefix for code and artifacts
      METAFLOW_BATCH_JOB_QUEUE            the queue that jobs are submitted to
      METAFLOW_ECS_S3_ACCESS_IAM_ROLE     the role of the jobs
      METAFLOW_SFN_IAM_ROLE               the role of the state machine
      METAFLOW_BATCH_CONTAINER_IMAGE      the jobs' image; python:X.Y if not set
      METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE the role of a schedule, which starts the machine
    """


@step_functions.command(short_help="Compile, upload and register the flow.")
@click.option("--only-json", is_flag=True, help="Print the state machine and touch nothing, not even credentials.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Write the whole bundle to this folder, for review and for `deploy`, and touch nothing else.",
)
@click.option(
    "--show-policy", is_flag=True, help="Print trust policies and permissions of the roles as JSON, and touch nothing."
)
@COMPILED_WITH
@click.pass_context
def create(
    ctx: click.Context,
    /,
    only_json: bool,
    output: str | None,
    show_policy: bool,
    chosen: Chosen,
) -> None:
    """Compile the flow, upload its code, and register job definitions, state machine, and what @schedule says.

    Doing it again changes only what is different, and says what that was.  A state machine or schedule of that name
    that belongs to another flow is never touched.

    \b
    Examples:
      python flow.py step-functions create
      python flow.py step-functions create --name nightly --tag team:growth --aws-tag cost-center=42
      python flow.py step-functions create --only-json | jq .
      python flow.py step-functions create -o bundle    # review, then: deploy bundle
    """
    if only_json + show_policy + (output is not None) > 1:
        raise click.UsageError("--only-json, -o and --show-policy exclude each other", ctx)
    if show_policy:
        _show_policy(ctx.obj, chosen)
        return
    _create(ctx.obj, chosen, only_json, output)


def _show_policy(state: State, chosen: Chosen) -> None:
    import os

    from penstock.backends.step_functions.compilation import compile_for_step_functions
    from penstock.backends.step_functions.policies import document, place_of, role_policies, with_roles

    compiled = compile_for_step_functions(state, chosen, amend=with_roles)
    warn(compiled.warnings)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    place = place_of(compiled.settings, region)
    sys.stdout.write(document(role_policies(compiled.deployment, compiled.settings, place)))
    for what, value, remedy in (
        ("region", place.region, "set AWS_REGION"),
        ("account", place.account, "give queue or roles by their ARNs"),
    ):
        if value == "*":
            click.echo(f"The {what} is not known here, and is `*` in the ARNs: {remedy}.", err=True)
    key = "a bucket with a KMS key of your own needs kms:Decrypt and kms:GenerateDataKey on it, for jobs and machine"
    click.echo(f"Not in it: {key}; what your steps ask of AWS themselves.", err=True)


def _create(state: State, chosen: Chosen, only_json: bool, output: str | None) -> None:
    from penstock.backends.step_functions.compilation import compile_for_step_functions

    compiled = compile_for_step_functions(state, chosen, output=output)
    warn(compiled.warnings)
    if only_json:
        sys.stdout.write(compiled.deployment.definition)
        _say_needed(compiled.deployment)
    elif output is not None:
        from penstock.backends.step_functions.bundle import write_deployment

        write_deployment(compiled.deployment, output)
        click.echo(
            f"The bundle of {compiled.settings.name} is in {output}: `step-functions deploy` takes it from there."
        )
    else:
        _deploy(state, compiled.deployment)


@step_functions.command(short_help="Upload and register a bundle that `create -o` wrote.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@click.pass_context
def deploy(ctx: click.Context, /, folder: str) -> None:
    """Upload and register exactly what the bundle in DIR holds.

    Every file is compared with the bundle's manifest first; a bundle that was changed is refused.

    \b
    Example:
      python flow.py step-functions create -o bundle
      python flow.py step-functions deploy bundle
    """
    from penstock.backends.step_functions.bundle import read_own_deployment

    _deploy(ctx.obj, read_own_deployment(folder, ctx.obj.flow_class.__name__))


def _deploy(state: State, deployment: Deployment) -> None:
    from penstock.backends.step_functions.aws import AwsClients
    from penstock.backends.step_functions.deploying import deploy as deploy_to_aws
    from penstock.runtime_shim.datastore.opening import open_datastore

    store = open_datastore("s3", str(deployment.manifest["datastore_root"]), state.configuration)
    for done in deploy_to_aws(deployment, store, AwsClients()):
        click.echo(f"{done.what:<15}{done.name}  {done.happened}")


def _say_needed(deployment: Deployment) -> None:
    """Tell on stderr what must exist before the printed machine can run."""
    click.echo("Must exist before it runs (`step-functions create` makes all of it):", err=True)
    for entry in deployment.objects:
        click.echo(f"  object {entry['url']}  (package push uploads it; {entry['bytes']:,} bytes unpacked)", err=True)
    for definition in deployment.job_definitions:
        click.echo(f"  job definition {definition['jobDefinitionName']}", err=True)
    for queue in deployment.queues:
        click.echo(f"  job queue {queue}", err=True)
    if deployment.schedule is not None:
        when = f"{deployment.schedule['ScheduleExpression']} in {deployment.schedule['ScheduleExpressionTimezone']}"
        click.echo(f"Started by the schedule {deployment.schedule['Name']}: {when}", err=True)
