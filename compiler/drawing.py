"""A flow drawn: for GraphViz, and as text."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.program import Branches, Choice, Each, Item, Loop, Mesh, Program, Region, Run
from penstock.compiler.steps import Foreach, Goto, Split, Step, Stop, Switch


def dot(graph: FlowGraph) -> str:
    """The graph in the language of GraphViz, in declaration order; wrong flows are drawn as they are."""
    lines = [f"digraph {_quoted(graph.name)} {{"]
    for step in graph.steps.values():
        label = f'<<b>{step.name}</b> | <font point-size="10">{_role(step)}</font>>'
        lines.append(f'{_quoted(step.name)} [ label = {label} fontname = "Helvetica" shape = "record" ];')
    for step in graph.steps.values():
        lines.extend(_edges(graph, step))
    return "\n".join([*lines, "}"]) + "\n"


def text(program: Program) -> str:
    """The regions of a program, a step a line: branches hang on single lines, the body of a foreach on a double one.

    Equal shapes with equal names give equal text.
    """
    lines = [f"{prefix}{_described(program.graph[step])}" for step, prefix in _placed(program.root)]
    return "\n".join(lines) + "\n"


def _role(step: Step) -> str:
    """What Metaflow calls a node of this kind."""
    if step.name in ("start", "end"):
        return step.name
    if step.is_join:
        return "join"
    match step.transition:
        case Goto() | Stop():
            return "linear"
        case Split():
            return "split"
        case Foreach():
            return "foreach"
        case Switch():
            return "split-switch"


def _edges(graph: FlowGraph, step: Step) -> Iterator[str]:
    match step.transition:
        case Switch(cases=cases):
            for value, target in cases:
                if target in graph:
                    yield f"{_quoted(step.name)} -> {_quoted(target)} [ label = {_quoted(value)} ];"
        case Goto() | Split() | Foreach() | Stop():
            for target in graph.successors(step.name):
                yield f"{_quoted(step.name)} -> {_quoted(target)};"


def _quoted(name: str) -> str:
    """A GraphViz string: `node` and `edge` are words of its language, and a case may be any text."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _described(step: Step) -> str:
    match step.transition:
        case Foreach(over=over):
            return f"{step.name}  foreach {over}"
        case Goto() | Split() | Switch() | Stop():
            return step.name


def _placed(root: Region) -> Iterator[tuple[str, str]]:
    """Every step with what stands before it on its line; iterative."""
    stack: list[tuple[Item, str, str]] = []

    def push(region: Region, first: str, rest: str) -> None:
        stack.extend((item, rest, rest) for item in reversed(region.items[1:]))
        stack.append((region.items[0], first, rest))

    push(root, "", "")
    while stack:
        item, first, rest = stack.pop()
        match item:
            case Run(step=step):
                yield step, first
            case Branches(regions=regions):
                push(regions[-1], f"{rest}└─ ", f"{rest}   ")
                for region in reversed(regions[:-1]):
                    push(region, f"{rest}├─ ", f"{rest}│  ")
            case Each(body=body):
                push(body, f"{rest}╘═ ", f"{rest}   ")
            case Loop(body=body):
                push(body, f"{rest}↻  ", f"{rest}   ")
            case Choice(arms=arms):
                for arm in reversed(arms):
                    if arm.region is not None:
                        push(arm.region, f"{rest}◇─ ", f"{rest}│  ")
            case Mesh(levels=levels):
                for region in reversed([region for level in levels for region in level]):
                    push(region, f"{rest}╳─ ", f"{rest}│  ")
