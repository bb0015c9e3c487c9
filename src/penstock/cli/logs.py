"""`logs`: what stored tasks printed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from penstock.cli.stored import stored_tasks
from penstock.runtime_shim.datastore.logs import LogLine, read_log
from penstock.runtime_shim.datastore.tasks import highest_attempt
from penstock.runtime_shim.paths import PathSpec
from penstock.runtime_shim.records import task_prefix

if TYPE_CHECKING:
    from penstock.cli.state import CliState


@click.command()
@click.argument("pathspec")
@click.option("--stdout", is_flag=True, help="Show stdout only.")
@click.option("--stderr", is_flag=True, help="Show stderr only.")
@click.option("--both/--no-both", default=True, help="Show both, first stdout, then stderr; the default.")
@click.option("--timestamps", is_flag=True, help="Show when each line was written, in local time.")
@click.option("--attempt", type=click.IntRange(0), help="The attempt to show, instead of the last one.")
@click.option("--no-logtags", is_flag=True, help="Leave out the headings between tasks and streams.")
@click.pass_obj
def logs(
    state: CliState,
    pathspec: str,
    stdout: bool,
    stderr: bool,
    both: bool,
    timestamps: bool,
    attempt: int | None,
    no_logtags: bool,
) -> None:
    """Show what a task, or all tasks of a step, wrote to stdout and stderr; failed and running ones too.

    PATHSPEC is run/step or run/step/task; whoever made the run, and wherever it was made.

    \b
    Examples:
      python flow.py logs 1712345678901234/train
      python flow.py logs sfn-nightly/train/t.3 --stderr --timestamps
      python flow.py logs 1712345678901234/train --stdout --no-logtags | sort
    """
    chosen = [name for name, wanted in (("stdout", stdout), ("stderr", stderr)) if wanted]
    streams = chosen or (["stdout", "stderr"] if both else [])
    if not streams:
        raise click.UsageError("nothing to show: give --stdout, --stderr or --both")
    headings = not no_logtags and not state.options.quiet
    for spec in stored_tasks(state, pathspec):
        if headings:
            click.echo(f"Dumping logs of run_id={spec.run} step={spec.step} task_id={spec.task}", err=True)
        for stream, lines in _read(state, spec, attempt, streams):
            if headings:
                click.echo(stream, err=True)
            _show(lines, timestamps)


def _read(
    state: CliState, spec: PathSpec, attempt: int | None, streams: list[str]
) -> Iterator[tuple[str, list[LogLine]]]:
    """Each stream's lines, of the attempt that was asked for, or the last."""
    task = (state.flow_class.__name__, spec.run, str(spec.step), str(spec.task))
    names = state.datastore().children(task_prefix(*task))
    chosen = attempt if attempt is not None else spec.attempt
    # A task that could not even begin has said so in attempt 0.
    number = max(0, highest_attempt(names)) if chosen is None else chosen
    for stream in streams:
        yield stream, read_log(state.datastore(), task, number, stream, names)


def _show(lines: list[LogLine], timestamps: bool) -> None:
    out = sys.stdout.buffer
    for line in lines:
        out.write((_local(line.time) if timestamps else b"") + line.text + b"\n")
    out.flush()


def _local(time: datetime | None) -> bytes:
    """The time as Metaflow shows it; lines of 2.0.5 have none."""
    return b"" if time is None else time.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3].encode() + b" "
