"""The two roots: the commands of a flow file, and those of `penstock` itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import click

from penstock.cli import DEBUG_ENV
from penstock.cli.lazy import Entry, LazyGroup
from penstock.cli.state import CliState
from penstock.runtime_shim.options import TOP_LEVEL, Options, OptionSpec

_TARGETS = "Targets"
_SCHEDULERS = "Run by schedulers"

_FLOW_COMMANDS: Mapping[str, Entry] = {
    "run": Entry("penstock.backends.local.commands:run", "Run the flow on this machine."),
    "check": Entry("penstock.cli.check:check", "Check the flow, and say everything that is wrong with it."),
    "show": Entry("penstock.cli.show:show", "Show the flow: steps, graph, parameters, targets."),
    "dump": Entry("penstock.cli.dump:dump", "Show the artifacts of a task, or of all tasks of a step."),
    "logs": Entry("penstock.cli.logs:logs", "Show what tasks wrote to stdout and stderr."),
    "output-dot": Entry("penstock.cli.outputs:output_dot", "Print the graph for GraphViz."),
    "output-raw": Entry("penstock.cli.outputs:output_raw", "Print the graph as Penstock sees it."),
    "package": Entry("penstock.cli.package:package", "List, save or upload the code package."),
    "version": Entry("penstock.cli.own:version", "Print Penstock's version."),
    "help": Entry("penstock.cli.own:help_command", "Show this page, or that of a command."),
    "_answer": Entry("penstock.cli.answering:answer", "Answer what `penstock` asks of several flows.", hidden=True),
    "init": Entry("penstock.cli.own:init", "Store the parameters of a run.", _SCHEDULERS),
    "step": Entry("penstock.cli.own:step", "Run one task.", _SCHEDULERS),
}

_OWN_COMMANDS: Mapping[str, Entry] = {
    "check": Entry("penstock.cli.many:check", "Check flows, and say everything that is wrong with them."),
    "compile": Entry("penstock.cli.many:compile_flows", "Write flows for their schedulers into a folder."),
    "diff": Entry("penstock.cli.many:diff", "Compare compiled flows: two folders, or a folder and the flows now."),
    "support": Entry("penstock.cli.support:support", "Show what each target can do."),
    "explain": Entry("penstock.cli.own:explain", "Explain a code of a diagnostic."),
    "config": Entry("penstock.cli.own:config", "Show the configuration, and where each value came from."),
    "version": Entry("penstock.cli.own:version", "Print Penstock's version."),
    "help": Entry("penstock.cli.own:help_command", "Show this page, or that of a command."),
}


class _FlowGroup(LazyGroup):
    """A flow's commands, and one group for every target that brings one."""

    def entries(self) -> Mapping[str, Entry]:
        return self._all_entries

    def find(self, name: str) -> Entry | None:
        # Looking at what plugins are installed costs more than most commands, so own names come first.
        return _FLOW_COMMANDS.get(name) or super().find(name)

    @cached_property
    def _all_entries(self) -> Mapping[str, Entry]:
        from penstock.backends.registry import infos

        targets: dict[str, Entry] = {}
        for name, info in infos().items():
            if info.commands:
                targets[name] = Entry(info.commands, info.summary, _TARGETS)
            for command in info.flow_commands:
                targets.setdefault(command.name, Entry(command.command, command.summary, _TARGETS))
        return {**_FLOW_COMMANDS, **{name: entry for name, entry in targets.items() if name not in _FLOW_COMMANDS}}


_FLOW_HELP = """Commands of this flow.

\b
Examples:
  python flow.py check
  python flow.py run --max-workers 4
  python flow.py --datastore s3 run --tag nightly
  python flow.py logs 1712345678901234/train
"""

_OWN_HELP = """Carries flows to somebody else's scheduler, or runs them on this laptop.

A flow's own commands are those of its file: `python flow.py --help`.  A file that says `from metaflow import …`
runs unchanged as `penstock flow.py …`.

\b
Examples:
  penstock flow.py run
  penstock check flows/*.py --target all
  penstock compile flows/*.py -o build
  penstock explain P201
  METAFLOW_PROFILE=prod penstock config
"""


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def flow_group() -> click.Group:
    """The commands of a flow file, with Metaflow's options before them."""
    return _FlowGroup(
        entries={},
        help=_FLOW_HELP,
        params=[_top_level_option(spec) for spec in TOP_LEVEL],
        callback=_take_options,
        context_settings=_SETTINGS,
        no_args_is_help=True,
    )


def _top_level_option(spec: OptionSpec) -> click.Option:
    kinds: Mapping[str, dict[str, Any]] = {"flag": {"is_flag": True}, "many": {"multiple": True}, "value": {}}
    return click.Option([spec.flag, spec.field], help=spec.help, hidden=spec.hidden, **kinds[spec.kind])


@click.pass_context
def _take_options(ctx: click.Context, /, **values: Any) -> None:
    options = Options(**values)
    if options.debug:
        os.environ[DEBUG_ENV] = "1"
    cast("CliState", ctx.obj).options = options


def penstock_group() -> click.Group:
    """The commands of the `penstock` script."""
    return LazyGroup(
        "penstock", entries=_OWN_COMMANDS, help=_OWN_HELP, context_settings=_SETTINGS, no_args_is_help=True
    )
