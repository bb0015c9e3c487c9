"""The command `step-functions rehearse`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import FlowCommand, given_parameters, warn
from penstock.backends.options import MAX_WORKERS, TAGS_OF_RUN
from penstock.backends.rehearsal.terminal import (
    local_target,
    reach_engine,
    reading_command,
    rehearsal_options,
    tell_done,
    write,
)
from penstock.backends.step_functions.options import DISTRIBUTED_MAP

if TYPE_CHECKING:
    from penstock.backends.commandline import State


@click.command(cls=FlowCommand, short_help="Run the compiled state machine on this machine.")
@TAGS_OF_RUN
@MAX_WORKERS
@DISTRIBUTED_MAP
@rehearsal_options("job")
@click.pass_context
def rehearse(
    ctx: click.Context,
    /,
    tags: tuple[str, ...],
    max_workers: int,
    jobs: int | None,
    distributed_map: bool,
    containers: bool,
) -> None:
    """Run the compiled state machine on this machine, without AWS.

    The very document that `create` deploys is deployed to an embedded AWS, and every job's real command line runs as a
    process: with a clean folder, and nothing in its environment but what the job definition and a container host give.
    Neither your AWS credentials nor your profile are looked at; queue, roles and bucket need not exist.

    With --containers every job runs in its own image, with its memory and processors. Images that are not here are
    pulled.

    Afterwards the run is in the local datastore, where `logs`, `dump` and the Client read it.

    \b
    Examples:
      python flow.py step-functions rehearse
      python flow.py step-functions rehearse --alpha 0.5
      python flow.py step-functions rehearse --containers
    """
    from penstock.backends.step_functions.compilation import compile_for_step_functions
    from penstock.backends.step_functions.rehearsal.engine import Engine
    from penstock.backends.step_functions.rehearsal.rehearsing import images, rehearsal_settings
    from penstock.backends.step_functions.rehearsal.rehearsing import rehearse as rehearse_compiled
    from penstock.backends.step_functions.resolution import Chosen

    state: State = ctx.obj
    given = given_parameters(ctx)
    target = local_target(state)
    chosen = Chosen(tags=tags, max_workers=max_workers, distributed_map=distributed_map)
    compiled = compile_for_step_functions(state, chosen, amend=rehearsal_settings)
    warn(compiled.warnings)
    container_engine = reach_engine(images(state.program(), compiled.settings)) if containers else None
    quiet = state.options.quiet
    command = reading_command(state)
    with Engine(jobs_at_once=jobs, containers=container_engine) as engine:
        done = rehearse_compiled(compiled, given, engine, target, write=write, quiet=quiet, command=command)
    tell_done(state, done, target.root)
