"""`run`: the flow on this machine."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import click

from penstock.backends.commandline import FlowCommand, given_parameters, write_file
from penstock.backends.options import RUN_ID_FILE, TAGS_OF_RUN

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.local.launchers import Launcher
    from penstock.backends.reporting import Reporter
    from penstock.runtime_shim.plan import Plan

_MEGABYTE = 1 << 20
_OWN_VARIABLES = "PENSTOCK_"
_KEPT_VARIABLES = frozenset({"PENSTOCK_DEBUG"})


@dataclass(frozen=True, slots=True)
class _Request:
    """The options of one `run`."""

    tags: tuple[str, ...]
    max_workers: int
    max_num_splits: int
    max_log_size: int
    run_id_file: str | None
    namespace: str | None
    isolation: str


@click.command(cls=FlowCommand, short_help="Run the flow on this machine.")
@TAGS_OF_RUN
@click.option("--max-workers", type=click.IntRange(1), default=16, show_default=True, help="Tasks that run at once.")
@click.option(
    "--max-num-splits", type=click.IntRange(1), default=100, show_default=True, help="The widest foreach that may run."
)
@click.option(
    "--max-log-size",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="MEGABYTES",
    help="What is stored of each task's stdout and stderr.",
)
@click.option(
    "--with", "decospecs", multiple=True, metavar="DECOSPEC", help="Add a decorator to every step; repeatable."
)
@RUN_ID_FILE
@click.option(
    "--namespace", metavar="TAG", help="What the Client sees in steps, instead of your own runs; empty for all."
)
@click.option(
    "--isolation",
    type=click.Choice(["fork", "process"]),
    help="How tasks start: forked from one process that has loaded the flow file (the default on Linux), or each as a "
    "fresh interpreter.  Choose `process` where the file seeds random numbers when it is imported and every task is to "
    "see them from the start, or where a library does not survive a fork.",
)
@click.pass_context
def run(ctx: click.Context, /, decospecs: tuple[str, ...], isolation: str | None, **values: object) -> None:
    """Run the flow on this machine.

    Every task is a process of its own.  A parameter of the flow is an option here; where one is not given,
    METAFLOW_RUN_<NAME> of the environment counts.  A failing task ends the run; Ctrl-C ends it and all it started.

    \b
    Examples:
      python flow.py run
      python flow.py run --alpha 0.5 --max-workers 4 --tag nightly
      python flow.py --datastore s3 run --run-id-file run.txt
    """
    from penstock.backends.local.launchers import can_fork

    state: State = ctx.obj
    state.add_decospecs(decospecs)
    request = _Request(isolation=isolation or ("fork" if can_fork() else "process"), **values)  # type: ignore[arg-type]  # click made them by these types
    if request.isolation == "fork" and not can_fork():
        raise click.UsageError("--isolation fork: tasks can be forked on Linux only; use `--isolation process`", ctx)
    given = given_parameters(ctx)
    with ExitStack() as cleanup:
        _run(state, request, given, cleanup)


def _run(state: State, request: _Request, given: Mapping[str, object], cleanup: ExitStack) -> None:
    from penstock.runtime_shim.plan import PLAN_ENV

    scratch = FilePath(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="penstock-run-")))
    environment = _environment() | {PLAN_ENV: str(scratch / "plan.json")}
    # Started first: the flow file is imported there while it is compiled here.
    launcher = _launcher(state, request, environment)
    cleanup.callback(launcher.close)

    from penstock.backends.local.runtime import LocalRun
    from penstock.backends.local.schedule import Schedule
    from penstock.backends.local.tries import RunSettings

    plan = _compile(state)
    (scratch / "plan.json").write_bytes(plan.to_json())
    store = state.datastore()
    run_id = _begin(state, request, plan, given)
    launcher = _checked(launcher, state, environment, cleanup)
    reporter = _reporter(f"{plan.flow}/{run_id}", state.options.quiet)
    cleanup.callback(reporter.close)
    reporter.say(f"Workflow starting (run-id {run_id}):")
    settings = RunSettings(
        flow=plan.flow,
        run=run_id,
        arguments=_step_arguments(request, run_id),
        max_workers=request.max_workers,
        log_bytes=request.max_log_size * _MEGABYTE,
        command=" ".join(["python", *state.entry]),
    )
    LocalRun(settings, Schedule(plan, request.max_num_splits), launcher, store, reporter).execute()
    reporter.say("Done!")


def _begin(state: State, request: _Request, plan: Plan, given: Mapping[str, object]) -> str:
    """A new run with its parameters stored: the functions among their defaults are called here, once; the run's id."""
    from penstock.runtime_shim.local_metadata import new_run_id, set_latest_run
    from penstock.runtime_shim.parameters import stored_input
    from penstock.runtime_shim.records import input_key

    parameters = stored_input(state.flow_class, given, plan.defaults)
    store = state.datastore()
    run_id = new_run_id(store, plan.flow)
    store.put(input_key(plan.flow, run_id), json.dumps(parameters).encode())
    if store.kind == "local":
        set_latest_run(store, plan.flow, run_id)
    if request.run_id_file:
        write_file(request.run_id_file, run_id.encode())
    return run_id


def _compile(state: State) -> Plan:
    """The plan, after saying what Metaflow says while it validates; warnings are shown."""
    from penstock import __version__
    from penstock.compiler.planning import plan_of
    from penstock.compiler.render import render_text
    from penstock.runtime_shim.identity import user_name

    def say(text: str) -> None:
        if not state.options.quiet:
            click.echo(text, err=True)

    user = user_name(configured=state.configuration.get("METAFLOW_USER"))
    say(f"Penstock {__version__} executing {state.flow_class.__name__} for user:{user}")
    say("Validating your flow...")
    program = state.program()
    if warnings := state.compiled().diagnostics:
        click.echo(render_text(warnings), err=True, nl=False)
    say("    The graph looks good!")
    return plan_of(program)


def _environment() -> dict[str, str]:
    """That of the tasks: ours, without what a surrounding task was told, and with output that is not held back."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OWN_VARIABLES) or name in _KEPT_VARIABLES
    }
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


def _launcher(state: State, request: _Request, environment: dict[str, str]) -> Launcher:
    from penstock.backends.local.launchers import ForkLauncher, ProcessLauncher

    kind = ForkLauncher if request.isolation == "fork" else ProcessLauncher
    return kind([*state.entry, *state.options.to_argv()], environment)


def _checked(launcher: Launcher, state: State, environment: dict[str, str], cleanup: ExitStack) -> Launcher:
    """The launcher, or one of fresh processes where the flow file has started threads when it was imported."""
    from penstock.backends.local.launchers import ForkLauncher, ProcessLauncher

    if not isinstance(launcher, ForkLauncher) or (threads := launcher.ready()) == 1:
        return launcher
    launcher.close()
    click.echo(
        f"Importing the flow file starts threads ({threads - 1}): tasks run as fresh processes, not as forked ones.",
        err=True,
    )
    fresh = ProcessLauncher([*state.entry, *state.options.to_argv()], environment)
    cleanup.callback(fresh.close)
    return fresh


def _reporter(title: str, quiet: bool) -> Reporter:
    from penstock.backends.reporting import LineReporter, LiveReporter

    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return LiveReporter(title, quiet=quiet)
    return LineReporter(quiet=quiet)


def _step_arguments(request: _Request, run_id: str) -> tuple[str, ...]:
    arguments = [f"--run-id={run_id}", *(f"--tag={tag}" for tag in request.tags)]
    if request.namespace is not None:
        arguments.append(f"--namespace={request.namespace}")
    return tuple(arguments)
