"""The command line; here is the one place where what went wrong becomes text and an exit code.

0: done.  1: the user's problem (a diagnostic, a failed run, an interruption).  2: the command line itself.  3: a bug in
Penstock.  4: `diff` found differences.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from penstock.compiler.diagnostics import Refused
from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    import click

EXIT_PROBLEM = 1
EXIT_USAGE = 2
EXIT_BUG = 3

DEBUG_ENV = "PENSTOCK_DEBUG"
"""Set to show tracebacks; `--debug` before a command sets it for the command and the tasks it starts."""


def main(flow_class: type[Any], argv: Sequence[str] | None = None) -> int:
    """Run one command of a flow file, with its top-level options; its exit code."""
    from penstock.cli.root import flow_group
    from penstock.cli.state import CliState, flow_entry

    entry = flow_entry(sys.argv[0])
    program_name = entry[-1] if len(entry) == 1 else "penstock " + entry[-1]
    return run_click(flow_group(), argv, program_name=program_name, state=CliState(flow_class, entry))


def run_click(group: click.Command, argv: Sequence[str] | None, *, program_name: str, state: object = None) -> int:
    """Run a click command and give its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)

    def command() -> object:
        return group.main(arguments, prog_name=program_name, standalone_mode=False, obj=state)

    return guarded(command)


def guarded(command: Callable[[], object]) -> int:
    """The exit code of ``command``: the number it returns, or 0; what it raises is told on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a test's or a notebook's may be something else
            # What the terminal's encoding does not have, or no encoding, is no reason to stop a run.
            stream.reconfigure(errors="backslashreplace")
    try:
        result = command()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output (`| head`) has gone: nothing is left to be said, the flush at exit included.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_PROBLEM
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)  # noqa: T201 - this is where the command line speaks
        return EXIT_PROBLEM
    except Exception as error:  # the last resort: anything else is our bug, and is reported as one
        return _told(error)
    return result if isinstance(result, int) else 0


def _told(error: Exception) -> int:
    import click

    if os.environ.get(DEBUG_ENV) and not isinstance(error, (click.exceptions.Exit, click.UsageError)):
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.UsageError():
            error.show()
            return EXIT_USAGE
        case click.Abort():
            click.echo("Interrupted.", err=True)
        case Refused():
            from penstock.compiler.render import render_text

            click.echo(render_text(error.diagnostics, color=wants_color()), err=True, nl=False)
        case Failure():
            click.echo(str(error), err=True)
        case click.ClickException():
            error.show()
        case _:
            click.echo(_bug(error), err=True)
            return EXIT_BUG
    return EXIT_PROBLEM


def wants_color() -> bool:
    """Whether diagnostics on stderr are coloured: on a terminal, unless NO_COLOR is set."""
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


def _bug(error: Exception) -> str:
    from penstock import __version__

    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" at {os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}" if frame else ""
    return (
        f"penstock {__version__}: internal error{where}: {type(error).__name__}: {error}\n"
        f"  = help: this is a bug in Penstock: please report it with the traceback that `{DEBUG_ENV}=1` shows"
    )
