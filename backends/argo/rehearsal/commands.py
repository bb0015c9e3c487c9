"""The command `argo-workflows rehearse`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from penstock.backends.argo.options import ON_EXIT
from penstock.backends.commandline import FlowCommand, given_parameters, warn
from penstock.backends.options import MAX_WORKERS, TAGS_OF_RUN, WORKFLOW_TIMEOUT
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


@click.command(cls=FlowCommand, short_help="Run the compiled workflow on this machine.")
@TAGS_OF_RUN
@MAX_WORKERS
@WORKFLOW_TIMEOUT
@ON_EXIT
@rehearsal_options("pod")
@click.pass_context
def rehearse(
    ctx: click.Context,
    /,
    tags: tuple[str, ...],
    max_workers: int,
    workflow_timeout: int | None,
    on_exit: str | None,
    jobs: int | None,
    containers: bool,
) -> None:
    """Run the compiled workflow on this machine, without a cluster.

    The very manifests that `create -o` writes are read again and run by the rules of Argo Workflows, and every pod's
    real command line runs as a process: with a clean folder, and nothing in its environment but what the manifests
    give.  Neither your AWS credentials nor your profile are looked at; the bucket need not exist.

    With --containers every pod runs in its own image, with its memory and processors. Images that are not here are
    pulled.  What a pod has from its cluster (secrets, volumes, nodes) it has not here.

    Afterwards the run is in the local datastore, where `logs`, `dump` and the Client read it.

    \b
    Examples:
      python flow.py argo-workflows rehearse
      python flow.py argo-workflows rehearse --alpha 0.5
      python flow.py argo-workflows rehearse --containers
    """
    from penstock.backends.argo.compilation import compile_for_argo
    from penstock.backends.argo.rehearsal.rehearsing import rehearse as rehearse_compiled
    from penstock.backends.argo.resolution import Chosen
    from penstock.backends.kubernetes.pods import images
    from penstock.backends.rehearsal.object_store import ObjectStore
    from penstock.backends.rehearsal.running import Limits, Options, rehearsal_settings
    from penstock.compiler.planning import plan_of

    state: State = ctx.obj
    given = given_parameters(ctx)
    target = local_target(state)
    chosen = Chosen(tags=tags, max_workers=max_workers, workflow_timeout=workflow_timeout or 0, on_exit=on_exit or "")
    compiled = compile_for_argo(state, chosen, amend=rehearsal_settings)
    warn(compiled.warnings)
    options = Options(limits=Limits(at_once=jobs), quiet=state.options.quiet, command=reading_command(state))
    container_engine = reach_engine(images(state.program(), compiled.settings)) if containers else None
    with ObjectStore(container_engine) as server:
        done = rehearse_compiled(plan_of(state.program()), compiled, given, server, target, write, options)
    tell_done(state, done, target.root)
