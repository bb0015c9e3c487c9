"""Flows drawn for GraphViz."""

from __future__ import annotations

import re
from collections.abc import Callable

from compiler_flows import graph_from

from penstock.compiler.drawing import dot
from penstock.compiler.steps import Foreach, Goto, Split, Switch
from penstock.runtime_shim.flowspec import FlowSpec


def test_every_step_is_a_node_with_its_role_and_every_transition_an_edge() -> None:
    graph = graph_from(
        {
            "start": Split(("node", "edge")),
            "node": Foreach("body", "xs"),
            "body": Goto("bodies"),
            "bodies": Goto("join"),
            "edge": Goto("join"),
            "join": Goto("end"),
        },
        frozenset({"bodies", "join"}),
    )
    roles = re.findall(r'"(\w+)" \[ label = <<b>(\w+)</b> \| <font point-size="10">([\w-]+)</font>>', dot(graph))
    assert roles == [
        ("start", "start", "start"),
        ("node", "node", "foreach"),
        ("body", "body", "linear"),
        ("bodies", "bodies", "join"),
        ("edge", "edge", "linear"),
        ("join", "join", "join"),
        ("end", "end", "end"),
    ]
    assert dot(graph).startswith('digraph "TextFlow" {\n"start" [')
    assert dot(graph).endswith('"edge" -> "join";\n"join" -> "end";\n}\n')
    assert '"start" -> "node";\n"start" -> "edge";\n"node" -> "body";' in dot(graph)


def test_cases_are_labels_and_any_text_is_quoted() -> None:
    graph = graph_from({"start": Switch((('"a\\', "x"), ("b", "end"), ("c", "gone")), "kind"), "x": Goto("end")})
    assert '"start" -> "x" [ label = "\\"a\\\\" ];\n"start" -> "end" [ label = "b" ];\n"x" -> "end";' in dot(graph)
    assert "gone" not in dot(graph)


def test_a_wrong_flow_is_drawn_as_far_as_it_is_known(flow_from: Callable[..., type[FlowSpec]]) -> None:
    from penstock.compiler.pipeline import compile_flow

    compiled = compile_flow(
        flow_from(
            "from penstock import FlowSpec, step\n"
            "class F(FlowSpec):\n"
            "    @step\n"
            "    def start(self): self.next(self.nowhere, self.fit)\n"
            "    @step\n"
            "    def fit(self): pass\n"
        )
    )
    assert compiled.graph is not None
    assert {diagnostic.code for diagnostic in compiled.diagnostics} == {"P121", "P130", "P201"}
    assert dot(compiled.graph).count("->") == 1
