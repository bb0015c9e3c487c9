"""Random well-formed flows for Hypothesis: pieces inside pieces.

A flow is drawn as a block of pieces; ``named_flows`` gives it steps, ``written_flows`` makes a file of it, and
``foretold_runs`` tells what a run must leave behind: none of them asks the compiler anything.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from compiler_flows import graph_from
from hypothesis import strategies as st

from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.steps import Goto, Split, Switch, Transition, targets


@dataclass(frozen=True)
class Parts:
    """A piece that holds blocks.

    ``split`` into branches, ``switch`` of arms, the body of a ``foreach``; of a ``loop``, whose header is a step of its
    own, or of a ``tight`` one, whose header is the first step of the body.  ``self``: a step that goes back to itself.
    ``skip``: a switch of an arm and of what comes after it.  ``tail``: three arms, of which two share the third block.
    ``grid``: two branches split in two each, joined across; ``pair``: three branches, of which the first and the last
    meet before the join of all.  ``leave`` and ``again``: a switch that may leave a loop around it, or begin its next
    turn; a mere step outside of every loop.
    """

    kind: str
    blocks: tuple[Block, ...] = ()


Block = tuple[Parts | None, ...]
"""Pieces that follow each other: None is a step."""


def parts(kind: str, inner: st.SearchStrategy[Block], least: int, most: int) -> st.SearchStrategy[Parts]:
    return st.lists(inner, min_size=least, max_size=most).map(lambda blocks: Parts(kind, tuple(blocks)))


def nested(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    """Blocks of steps, and of the pieces that nest, made of inner blocks."""
    pieces = st.one_of(
        st.none(),
        parts("split", inner, 2, 4),
        parts("switch", inner, 2, 3),
        parts("foreach", inner, 1, 1),
        parts("loop", inner, 1, 1),
    )
    return st.lists(pieces, min_size=1, max_size=3).map(tuple)


def anything(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    """The same with every kind of piece."""
    pieces = st.one_of(
        parts("split", inner, 2, 3),
        parts("switch", inner, 2, 3),
        parts("foreach", inner, 1, 1),
        parts("loop", inner, 1, 1),
        parts("tight", inner, 1, 1),
        parts("skip", inner, 1, 1),
        parts("tail", inner, 4, 4),
        parts("grid", inner, 4, 4),
        parts("pair", inner, 3, 3),
        st.sampled_from([Parts("self"), Parts("leave"), Parts("again")]),
        st.none(),
    )
    return st.lists(pieces, min_size=1, max_size=2).map(tuple)


steps_in_a_line: st.SearchStrategy[Block] = st.lists(st.none(), min_size=1, max_size=3).map(tuple)
one_step: st.SearchStrategy[Block] = st.just((None,))
blocks: st.SearchStrategy[Block] = st.recursive(steps_in_a_line, nested, max_leaves=12)
"""Blocks of the kinds of which the drawing is known too."""
_any_blocks: st.SearchStrategy[Block] = st.recursive(one_step, anything, max_leaves=10)


def within(kinds: tuple[str, ...], block: Block) -> Block:
    """The block in foreaches and loops, the first of ``kinds`` outermost."""
    for kind in reversed(kinds):
        block = (Parts(kind, (block,)),)
    return block


any_blocks: st.SearchStrategy[Block] = _any_blocks | st.builds(
    within,
    st.sampled_from([("foreach",), ("foreach", "foreach"), ("loop", "foreach"), ("foreach", "loop", "foreach")]),
    _any_blocks,
)
"""Blocks of every kind, half of them inside of others."""


@st.composite
def braided(draw: st.DrawFn) -> FlowGraph:
    """Layers of steps, each leading to some of the next: branches cross, arms share, joins collect what comes."""
    layers = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    names = [["start"], *([f"s{n}_{i}" for i in range(size)] for n, size in enumerate(layers)), ["end"]]
    transitions: dict[str, Transition] = {}
    for here, following in pairwise(names):
        for name in here:
            some = draw(st.lists(st.sampled_from(following), min_size=1, max_size=3, unique=True))
            several: list[Transition] = [Split(tuple(some)), Switch(tuple((each, each) for each in some), "pick")]
            transitions[name] = Goto(some[0]) if len(some) == 1 else draw(st.sampled_from(several))
    led = Counter(target for transition in transitions.values() for target in targets(transition))
    joins = {name for name, times in led.items() if times > 1 and draw(st.integers(0, 3))}
    return whole(transitions, joins)


def whole(transitions: dict[str, Transition], joins: set[str]) -> FlowGraph:
    """The graph of what can be reached."""
    reached = graph_from(transitions).reachable("start")
    kept = {name: transition for name, transition in transitions.items() if name in reached}
    return graph_from(kept, frozenset(joins - {"start", "end"}) & reached)
