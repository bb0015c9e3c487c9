"""`logs`: what stored tasks printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from penstock.cli.stored import stored_tasks
from penstock.runtime_shim.stored_logs import LogLine, read_log

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
    flow = state.flow_class.__name__
    headings = not no_logtags and not state.options.quiet
    for spec in stored_tasks(state, pathspec):
        if headings:
            click.echo(f"Dumping logs of run_id={spec.run} step={spec.step} task_id={spec.task}", err=True)
        for stream in streams:
            number = attempt if attempt is not None else spec.attempt
            lines = read_log(state.datastore(), flow, spec.run, str(spec.step), str(spec.task), stream, number)
            if headings:
                click.echo(stream, err=True)
            _show(lines, timestamps)


def _show(lines: list[LogLine], timestamps: bool) -> None:
    out = sys.stdout.buffer
    for line in lines:
        out.write((_local(line.stamp) if timestamps else b"") + line.text + b"\n")
    out.flush()


def _local(stamp: str) -> bytes:
    """The time as Metaflow shows it; lines of 2.0.5 have none."""
    from datetime import datetime, timezone

    try:
        moment = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=timezone.utc)
    except ValueError:
        return b""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3].encode() + b" "
