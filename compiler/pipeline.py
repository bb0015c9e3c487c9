"""The compiler from end to end: an imported class in, a program or diagnostics out."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.compiler.diagnostics import Diagnostic, Refused, has_errors
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.frontend import graph_of, read_written
from penstock.compiler.lint import lint_graph, lint_written
from penstock.compiler.program import Program
from penstock.compiler.regions import program_of


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of a flow: ``graph`` unless its source cannot be read, ``program`` unless there are errors.

    ``diagnostics`` holds everything there is to say, warnings included, sorted by place.
    """

    graph: FlowGraph | None
    program: Program | None
    diagnostics: tuple[Diagnostic, ...]


def compile_flow(flow_class: type, *, decospecs: Sequence[str] = ()) -> Compiled:
    """Compile a flow as far as it goes; never raises for a mistake in it.

    ``decospecs`` are what `--with` adds to every step.  What is wrong with one step hides nothing about another, but
    splits and joins are only matched in a graph that is whole.
    """
    with _collector_paused():
        return _compile(flow_class, decospecs)


def _compile(flow_class: type, decospecs: Sequence[str]) -> Compiled:
    written, unread = read_written(flow_class, decospecs=decospecs)
    if written is None:
        return Compiled(None, None, unread)
    graph = graph_of(written)
    found = list(unread)
    program = None
    remarks, whole = lint_written(written)
    found += remarks
    if whole:
        faults = lint_graph(graph)
        found += faults
        if not has_errors(faults):
            program, mismatches = program_of(graph)
            found += mismatches
    diagnostics = tuple(sorted(found, key=lambda d: d.sort_key))
    return Compiled(graph, None if has_errors(diagnostics) else program, diagnostics)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Do without the search for reference cycles for a while.

    Of a flow of 10,000 steps Python's syntax tree alone has a million nodes, none of them garbage; looking through them
    again and again takes half of the time that compiling takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def demand_program(flow_class: type, *, decospecs: Sequence[str] = ()) -> Program:
    """The program of a flow.

    Raises Refused, carrying the diagnostics, where there are errors.
    """
    compiled = compile_flow(flow_class, decospecs=decospecs)
    if compiled.program is None:
        raise Refused(compiled.diagnostics)
    return compiled.program
