"""The command `kfp rehearse`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import FlowCommand, given_parameters, warn
from penstock.backends.kubeflow.options import CODE_URL, MAX_PARALLELISM
from penstock.backends.options import IMAGE, TAGS_OF_RUN
from penstock.backends.rehearsal.terminal import (
    local_target,
    reach_engine,
    reading_command,
    rehearsal_options,
    tell_done,
    write,
)

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.rehearsal.rehearsing import PipelineEngine

OWN, KFP_LOCAL = "own", "kfp-local"


@click.command(cls=FlowCommand, prefix="kfp", short_help="Run the compiled pipeline on this machine.")
@click.option(
    "--engine",
    type=click.Choice([OWN, KFP_LOCAL]),
    default=OWN,
    show_default=True,
    help="Who runs it: Penstock's own interpreter, or the SDK's kfp.local.",
)
@TAGS_OF_RUN
@MAX_PARALLELISM
@rehearsal_options("pod")
@IMAGE
@CODE_URL
@click.pass_context
def rehearse(
    ctx: click.Context,
    /,
    engine: str,
    tags: tuple[str, ...],
    max_workers: int,
    jobs: int | None,
    containers: bool,
    image: str | None,
    code_url: str | None,
) -> None:
    """Run the compiled pipeline on this machine, without a cluster.

    The very file that `generate-kfp-yaml` writes is read again and run by the rules of Kubeflow Pipelines, and every
    executor's real command line runs as a process: with a clean folder, and nothing in its environment but what the
    pipeline and a pod give.  Neither your AWS credentials nor your profile are looked at; the bucket need not exist.

    With --containers every pod runs in its own image, with its memory and processors. Images that are not here are
    pulled.  What a pod has from its cluster (secrets, volumes, nodes) it has not here.

    With --code-url the containers fetch the flow file from there, as they would on Kubeflow; in processes Penstock is
    this one.  From an s3:// URL they get this very file: no S3 but the rehearsal's own is asked.

    Afterwards the run is in the local datastore, where `logs`, `dump` and the Client read it.

    \b
    Examples:
      python flow.py kfp rehearse
      python flow.py kfp rehearse --alpha 0.5
      python flow.py kfp rehearse --containers --image registry.example.com/team/image:1
      python flow.py kfp rehearse --engine kfp-local
    """
    from penstock.backends.kubeflow.compilation import compile_for_kubeflow
    from penstock.backends.kubeflow.rehearsal.rehearsing import put_flow_file
    from penstock.backends.kubeflow.rehearsal.rehearsing import rehearse as rehearse_compiled
    from penstock.backends.kubeflow.resolution import Chosen
    from penstock.backends.kubeflow.running.values import input_values
    from penstock.backends.kubernetes.pods import images
    from penstock.backends.rehearsal.object_store import ObjectStore
    from penstock.backends.rehearsal.running import Limits, Options, rehearsal_settings
    from penstock.runtime_shim.parameters import parameters_of

    state: State = ctx.obj
    runs = _engine(engine)
    given = input_values(given_parameters(ctx), parameters_of(state.flow_class))
    target = local_target(state)
    chosen = Chosen(image=image, tags=tags, max_workers=max_workers, code_url=code_url)
    compiled = compile_for_kubeflow(state, chosen, amend=rehearsal_settings)
    warn(compiled.warnings)
    options = Options(limits=Limits(at_once=jobs), quiet=state.options.quiet, command=reading_command(state))
    container_engine = reach_engine(images(state.program(), compiled.settings)) if containers else None
    with ObjectStore(container_engine) as server:
        if code_url and code_url.startswith("s3://"):
            put_flow_file(code_url, state.entry[-1], server)
        done = rehearse_compiled(state.flow_class.__name__, compiled, given, server, target, write, options, runs)
    tell_done(state, done, target.root)


def _engine(name: str) -> PipelineEngine:
    if name == KFP_LOCAL:
        from penstock.backends.kubeflow.rehearsal.kfp_local import run_with_kfp_local

        return run_with_kfp_local
    from penstock.backends.kubeflow.rehearsal.rehearsing import interpret

    return interpret
