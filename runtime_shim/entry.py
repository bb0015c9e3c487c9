"""Where a flow file's command line begins: `init` and `step` run here, without click; the rest in ``penstock.cli``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.options import Options, OptionSpec, UsageError, parse, split_command

if TYPE_CHECKING:
    from penstock.runtime_shim.flowspec import FlowSpec

__all__ = ["Options", "dispatch", "main"]

EXIT_OUR_BUG = 3
EXIT_INTERRUPTED = 130
"""What shells give for a command that was ended by Ctrl-C."""
PARAMETER_FIELD = "parameter:"
"""What the field of a flow's parameter starts with among the options of `init`."""

STEP_OPTIONS = (
    OptionSpec("--run-id", "run_id", "value", "The run."),
    OptionSpec("--split-path", "split_path", "value", "Where the task stands: `/2/0`, empty outside every foreach."),
    OptionSpec("--task-id", "task_id", "value", "The task's id, with --input-paths."),
    OptionSpec("--input-paths", "input_paths", "value", "The parents: run/step/task,…"),
    OptionSpec("--input-paths-filename", "input_paths_filename", "value", "A file that holds the parents."),
    OptionSpec("--split-index", "split_index", "value", "The index in the foreach that the parent opened."),
    OptionSpec("--tag", "tags", "many", "A tag of the run."),
    OptionSpec("--namespace", "namespace", "value", "The namespace of the run."),
    OptionSpec("--retry-count", "retry_count", "value", "How often the platform has tried this task before."),
    OptionSpec("--max-user-code-retries", "max_user_code_retries", "value", "How often the user's code is retried."),
    OptionSpec("--clone-only", "clone_only", "value", "Copy the artifacts of this task; run nothing."),
    OptionSpec("--clone-run-id", "clone_run_id", "value", "The run that this one is resumed from."),
    OptionSpec("--ubf-context", "ubf_context", "value", "Accepted as Metaflow's: none.", True),
    OptionSpec("--num-parallel", "num_parallel", "value", "Accepted as Metaflow's: 0.", True),
)
"""The options of `step`, in both addressings."""

INIT_OPTIONS = (
    OptionSpec("--run-id", "run_id", "value", "The run."),
    OptionSpec("--task-id", "task_id", "value", "The id of the task that holds the parameters."),
    OptionSpec("--tag", "tags", "many", "A tag of the run."),
)
"""The options of `init`, besides the flow's parameters."""


def main(flow_class: type[FlowSpec], argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line of a flow file and leave with its exit code."""
    code = dispatch(flow_class, list(sys.argv[1:] if argv is None else argv))
    sys.stdout.flush()
    sys.exit(code)


def dispatch(flow_class: type[FlowSpec], argv: list[str]) -> int:
    """Run one command in this process and return its exit code.

    Failures are shown on stderr; everything else that goes wrong inside Penstock is a bug (3), shown with its
    traceback.
    """
    own = any(word in _COMMANDS for word in argv)
    try:
        options, command = split_command(argv)
    except UsageError as failure:
        return _report(failure) if own else _guarded(lambda: _elsewhere(flow_class, argv))
    if command and command[0] in _COMMANDS and command[-1] not in ("-h", "--help"):
        return _guarded(lambda: _COMMANDS[command[0]](flow_class, options, command[1:]))
    return _guarded(lambda: _elsewhere(flow_class, argv))


def _guarded(run: Callable[[], int]) -> int:
    try:
        return run()
    except Failure as failure:
        return _report(failure)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return EXIT_INTERRUPTED
    except Exception:
        import traceback

        from penstock.runtime_shim.reporting import bug_report

        sys.stderr.write(bug_report(traceback.format_exc()))
        return EXIT_OUR_BUG


def _report(failure: Failure) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"{failure}\n")
    sys.stderr.flush()
    return failure.exit_code


def _init(flow_class: type[FlowSpec], options: Options, argv: list[str]) -> int:
    from penstock.runtime_shim.initialize import run_init
    from penstock.runtime_shim.parameters import parameters_of

    specs = (*INIT_OPTIONS, *(_parameter_option(name) for name in parameters_of(flow_class)))
    values = parse(specs, argv, "init").values
    parameters = {
        field[len(PARAMETER_FIELD) :]: value for field, value in values.items() if field.startswith(PARAMETER_FIELD)
    }
    return run_init(flow_class, options, values, parameters)


def _step(flow_class: type[FlowSpec], options: Options, argv: list[str]) -> int:
    from penstock.runtime_shim.runner import run_step

    if not argv or argv[0].startswith("--"):
        raise UsageError("step: the name of the step comes first", help="step NAME --run-id R --split-path P")
    return run_step(flow_class, options, argv[0], parse(STEP_OPTIONS, argv[1:], "step").values)


def _serve(flow_class: type[FlowSpec], options: Options, argv: list[str]) -> int:
    from penstock.runtime_shim.prefork import serve

    return serve(flow_class, options, argv)


def _elsewhere(flow_class: type[FlowSpec], argv: list[str]) -> int:
    from penstock.runtime_shim.hooks import run_cli

    return run_cli(flow_class, argv)


def _parameter_option(name: str) -> OptionSpec:
    return OptionSpec(f"--{name}", f"{PARAMETER_FIELD}{name}", "value", "A parameter of the flow.")


_COMMANDS: dict[str, Callable[[type[FlowSpec], Options, list[str]], int]] = {
    "init": _init,
    "step": _step,
    "_serve": _serve,
}
