"""A flow drawn: for GraphViz, and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.program import Branches, Choice, Each, Item, Loop, Mesh, Nest, Program, Region, Run
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
    """The regions of a program, a step a line.

    Branches hang on single lines, the body of a foreach on a double one, the arms of a switch on lines with a diamond,
    a loop on a dotted line; regions of crossing branches bear the number of their level.  An arrow is an arm that leads
    to a step which stands elsewhere.  Equal shapes with equal names give equal text.
    """
    return "".join(f"{line}\n" for line in _lines(program))


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
        case Switch(condition=None):
            return f"{step.name}  if"
        case Switch(condition=condition):
            return f"{step.name}  switch {condition}"
        case Goto() | Split() | Stop():
            return step.name


_Hung = tuple[Region | str, str, str]
"""A region or a line, with what stands before its first line and before all others."""


def _lines(program: Program) -> Iterator[str]:
    """The lines of the drawing; iterative."""
    stack: list[tuple[Item | str, str, str]] = []

    def push(hung: Region | str, first: str, rest: str) -> None:
        if isinstance(hung, Region):
            stack.extend((item, rest, rest) for item in reversed(hung.items[1:]))
            stack.append((hung.items[0], first, rest))
        else:
            stack.append((hung, first, rest))

    push(program.root, "", "")
    while stack:
        item, first, rest = stack.pop()
        if isinstance(item, str):
            yield first + item
        elif isinstance(item, Run):
            yield first + _described(program.graph[item.step])
        else:
            for place, (hung, mark, indent) in reversed(list(enumerate(_hung(item)))):
                push(hung, (rest if place else first) + mark, rest + indent)


def _hung(item: Nest) -> list[_Hung]:
    """What hangs on an item, from top to bottom."""
    match item:
        case Branches(regions=regions):
            return _side_by_side([(region, "─ ") for region in regions])
        case Each(body=body):
            return [(body, "╘═ ", "   ")]
        case Loop(body=body):
            return [(body, "↻─ ", "┊  ")]
        case Choice(arms=arms):
            return _side_by_side([(arm.region or f"→ {arm.target}", "◇ ") for arm in arms])
        case Mesh(levels=levels):
            return _side_by_side([(region, f"{number} ") for number, level in enumerate(levels, 1) for region in level])


def _side_by_side(parts: Sequence[tuple[Region | str, str]]) -> list[_Hung]:
    last = len(parts) - 1
    return [
        (part, f"{'└' if place == last else '├'}{mark}", f"{' ' if place == last else '│'}{' ' * len(mark)}")
        for place, (part, mark) in enumerate(parts)
    ]
