"""Where the ways on from a step meet again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from penstock.compiler.ancestry import Ancestry
from penstock.compiler.program import Loop, Nest, Run, walk_within

if TYPE_CHECKING:
    from penstock.compiler.program import Program


class Convergence(NamedTuple):
    """``of_step`` is the first step that every way from a step to the end of the flow passes, None for the last step;
    ``of_loop`` the same for every way out of a loop, by the loop's header.  ``turns`` are the transitions back to a
    header, as (step, header).
    """

    of_step: Mapping[str, str | None]
    of_loop: Mapping[str, str | None]
    turns: frozenset[tuple[str, str]]


class _Out(NamedTuple):
    """What every way back to ``header`` leads to at last: out of its loop."""

    header: str


_Place = str | _Out


def convergence(program: Program) -> Convergence:
    """The immediate post-dominators, in one pass against the direction of a graph without loops.

    A way back to a header leads out of the loop at last, so it counts as a way to everything that the loop is left to.
    """
    ways, turns = _ways_on(program)
    order = _last_first(ways)
    last = next(order)
    tree = Ancestry(last)
    meets: dict[_Place, _Place | None] = {last: None}
    for place in order:
        meeting, *others = ways[place]
        for other in others:
            meeting = tree.common(meeting, other)
        tree.add(place, meeting)
        meets[place] = meeting
    of_step: dict[str, str | None] = {}
    of_loop: dict[str, str | None] = {}
    for place in meets:
        meets_at = meets[place]
        while isinstance(meets_at, _Out):
            meets_at = meets[meets_at]
        if isinstance(place, _Out):
            of_loop[place.header] = meets_at
        else:
            of_step[place] = meets_at
    return Convergence(of_step, of_loop, frozenset(turns))


def _ways_on(program: Program) -> tuple[dict[_Place, list[_Place]], set[tuple[str, str]]]:
    """Where one can go from each place, no way going back; and the transitions that do."""
    outside: tuple[str, ...] = ()
    loops = {item.step: around for item, around in walk_within(program.root, outside, _inside) if isinstance(item, Run)}
    ways: dict[_Place, list[_Place]] = {}
    turns: set[tuple[str, str]] = set()
    for step, around in loops.items():
        ways[step] = []
        for target in program.graph.successors(step):
            way: _Place = target
            if target in around:
                turns.add((step, target))
                way = _Out(target)
            ways[step].append(way)
            for header in _left(around, loops[target]):
                ways.setdefault(_Out(header), []).append(way)
    return ways, turns


def _inside(loops: tuple[str, ...], item: Nest) -> tuple[str, ...]:
    return (*loops, item.header) if isinstance(item, Loop) else loops


def _left(around: tuple[str, ...], then: tuple[str, ...]) -> tuple[str, ...]:
    """The loops that one leaves from inside of ``around`` to inside of ``then``."""
    shared = 0
    for mine, its in zip(around, then, strict=False):
        if mine != its:
            break
        shared += 1
    return around[shared:]


def _last_first(ways: Mapping[_Place, list[_Place]]) -> Iterator[_Place]:
    """Every place after all that can be reached from it, the end of the flow first."""
    first: _Place = "start"
    seen = {first}
    stack = [(first, iter(ways[first]))]
    while stack:
        place, following = stack[-1]
        for target in following:
            if target not in seen:
                seen.add(target)
                stack.append((target, iter(ways[target])))
                break
        else:
            stack.pop()
            yield place
