"""The rules a flow has to follow, a small function each."""

from __future__ import annotations

from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.frontend.written import WrittenFlow


def lint_written(flow: WrittenFlow) -> tuple[list[Diagnostic], bool]:
    return [], True


def lint_graph(graph: FlowGraph) -> list[Diagnostic]:
    return []
