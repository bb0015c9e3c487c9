"""The nested shape a scheduler wants: what a flow's graph becomes once, for all backends.

A :class:`Region` is a sequence of items that run one after the other.  Every lowering is a fold over :data:`Item`
with an exhaustive ``match``: a new kind of item makes the type checker name every place to touch.

Regions nest as deep as the flow does.  They compare by identity, and their ``repr`` is shallow, so that nothing
recurses into them unasked; compare :func:`penstock.compiler.drawing.text` of two programs to compare their shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # targets say what they can do in these terms, and listing them must not load networkx
    from penstock.compiler.flowgraph import FlowGraph

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Run:
    """One task of the step ``step`` (joins, openers and splits are steps too)."""

    step: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Branches:
    """A static split: the regions run side by side, in declaration order.

    The step that splits is the item before this one, the join ``join`` the item after it.  ``join`` is None for a
    split inside a branch whose branches all end in the join of a split around it: this item is then the last of its
    region, and the regions flow straight to that outer join, whose ``inputs`` are the ends of all of them, in order.
    """

    split: str
    regions: tuple[Region, ...]
    join: str | None

    def __repr__(self) -> str:
        return f"<Branches of {self.split}, {len(self.regions)} to {self.join}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Each:
    """A foreach: ``body`` runs once per split.  ``opener`` is the item before this one, ``join`` the item after it."""

    opener: str
    body: Region
    join: str

    def __repr__(self) -> str:
        return f"<Each of {self.opener} to {self.join}>"


Item = Run | Branches | Each


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Region:
    """Items that run one after the other; never empty."""

    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("a region holds at least one item")

    def __repr__(self) -> str:
        return f"<Region of {len(self.items)} from {self.items[0]!r}>"


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A flow that passed the graph checks: what the user wrote, and its regions."""

    graph: FlowGraph
    root: Region

    @property
    def name(self) -> str:
        """The flow's name."""
        return self.graph.name


def walk(region: Region) -> Iterator[Item]:
    """Every item of a region and of the regions inside it, outer before inner, in order; iterative."""
    return (item for item, _ in walk_within(region, None, lambda around, _: around))


def walk_within(region: Region, around: A, enter: Callable[[A, Branches | Each], A]) -> Iterator[tuple[Item, A]]:
    """Like :func:`walk`, with what the caller knows about the surroundings of each item.

    That is ``around`` at the top, and inside of an item what ``enter`` makes of the item's own surroundings and the
    item.
    """
    stack = [(item, around) for item in reversed(region.items)]
    while stack:
        item, here = stack.pop()
        yield item, here
        match item:
            case Run():
                pass
            case Branches(regions=regions):
                inside = enter(here, item)
                for inner in reversed(regions):
                    stack.extend((child, inside) for child in reversed(inner.items))
            case Each(body=body):
                inside = enter(here, item)
                stack.extend((child, inside) for child in reversed(body.items))
