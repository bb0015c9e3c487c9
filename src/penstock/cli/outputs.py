"""`output-dot` and `output-raw`: the graph as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from penstock.cli.state import CliState
    from penstock.compiler.flowgraph import FlowGraph


@click.command("output-dot")
@click.pass_obj
def output_dot(state: CliState) -> None:
    """Print the graph in the language of GraphViz.

    \b
    Example:
      python flow.py output-dot | dot -Tsvg -o flow.svg
    """
    from penstock.compiler.drawing import dot

    click.echo(dot(_graph(state)).rstrip("\n"))


@click.command("output-raw")
@click.pass_obj
def output_raw(state: CliState) -> None:
    """Print the compiled flow as Penstock sees it: the plan that containers read, as JSON.

    \b
    Example:
      python flow.py output-raw | jq '.steps.start'
    """
    import json

    from penstock.compiler.planning import plan_of

    click.echo(json.dumps(json.loads(plan_of(state.program()).to_json()), indent=2))


def _graph(state: CliState) -> FlowGraph:
    """The graph as it is written, with errors or not.

    Raises Refused where the source cannot be read at all.
    """
    from penstock.compiler.diagnostics import Refused

    compiled = state.compiled()
    if compiled.graph is None:
        raise Refused(compiled.diagnostics)
    return compiled.graph
