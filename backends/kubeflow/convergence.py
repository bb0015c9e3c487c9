"""Where the ways on from a step meet again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.compiler.flowgraph import FlowGraph


def convergence(graph: FlowGraph) -> Mapping[str, str | None]:
    """The first step that every way from a step to the end of the flow passes; None for the last step.

    These are the immediate post-dominators, in one pass against the direction of a graph without loops.
    """
    meets: dict[str, str | None] = {}
    depth: dict[str, int] = {}
    for step in reversed(graph.topological()):
        following = iter(graph.successors(step))
        meeting = next(following, None)
        for other in following:
            at: str | None = other
            while meeting != at and meeting is not None and at is not None:
                if depth[meeting] >= depth[at]:
                    meeting = meets[meeting]
                else:
                    at = meets[at]
        meets[step] = meeting
        depth[step] = depth[meeting] + 1 if meeting is not None else 0
    return meets
