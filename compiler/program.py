"""The nested shape a scheduler wants: what a flow's graph becomes once, for all backends.

A :class:`Region` is a sequence of items that run one after the other.  Every lowering is a fold over :data:`Item`
with an exhaustive ``match``: a new kind of item makes the type checker name every place to touch.

Regions nest as deep as the flow does.  They compare by identity, and their ``repr`` is shallow, so that nothing
recurses into them unasked; compare :func:`penstock.compiler.drawing.text` of two programs to compare their shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Arm:
    """What a choice of ``target`` leads to; cases with one target are one arm.

    ``region`` begins with ``target``.  It is None where ``target`` is not inside this choice: it is the step after
    it, the header of a loop around it (a turn), a step after a loop around it (the loop is left), or the join of the
    branch or foreach around it.
    """

    target: str
    region: Region | None

    def __repr__(self) -> str:
        return f"<Arm to {self.target}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Choice:
    """One of the arms runs, as the step ``step`` chose: the switch that is the item before this one.

    After a :class:`Loop` that is left to several places, ``step`` is the header of that loop and the arms are those
    places; the choice was made inside of the loop.  ``merge`` is the step that the item after this one begins with,
    None where nothing follows in this region.

    Where an arm goes when it ends is what the transition of its last step says.  Most often that is ``merge``, or, if
    there is none, what follows the region around.  Where some arms only share steps, an arm goes to a later item of
    this region and skips those in between.
    """

    step: str
    arms: tuple[Arm, ...]
    merge: str | None

    def __repr__(self) -> str:
        return f"<Choice of {self.step}, {len(self.arms)} to {self.merge}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Loop:
    """Steps that may run again: ``body`` begins with the step ``header``, where every turn begins.

    A transition of a step inside to the header is the next turn, one to a step that is not inside leaves the loop:
    to the item after this one or further out.
    """

    header: str
    body: Region

    def __repr__(self) -> str:
        return f"<Loop of {self.header}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mesh:
    """Crossing branches: a join inside collects branches of different splits, or not all of one.

    Every region of a level runs after those of the level before; regions of one level run side by side, in the order
    in which their branches are declared.  A region begins with a branch of a split or with a join, and ends before a
    join or with a split.  ``split`` is the item before this one, or, where this item is the first of a region of
    :class:`Branches`, the split of those; ``join`` is the item after this one, None in that case and where the branches
    all end in a join further out.
    """

    split: str
    levels: tuple[tuple[Region, ...], ...]
    join: str | None

    def __repr__(self) -> str:
        return f"<Mesh of {self.split}, {len(self.levels)} levels to {self.join}>"


Nest = Branches | Each | Choice | Loop | Mesh
"""The items that hold regions."""
Item = Run | Nest


def regions_in(item: Item) -> tuple[Region, ...]:
    """The regions that an item holds, in order."""
    match item:
        case Run():
            return ()
        case Branches(regions=regions):
            return regions
        case Each(body=body) | Loop(body=body):
            return (body,)
        case Choice(arms=arms):
            return tuple(arm.region for arm in arms if arm.region is not None)
        case Mesh(levels=levels):
            return tuple(region for level in levels for region in level)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Region:
    """Items that run one after the other; never empty."""

    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("a region holds at least one item")

    def __repr__(self) -> str:
        return f"<Region of {len(self.items)} from {self.items[0]!r}>"


@dataclass(frozen=True, slots=True)
class Join:
    """What a join collects: the tasks of a foreach, or branches of splits.

    ``opener`` is the foreach, or the outermost of the splits.  ``slots`` has an entry for each input, in declaration
    order: the steps that may be that input; of a foreach one entry, for all of its splits.
    """

    opener: str
    foreach: bool
    slots: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A flow that passed the graph checks: what the user wrote, its regions, and what its joins collect."""

    graph: FlowGraph
    root: Region
    joins: Mapping[str, Join] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def name(self) -> str:
        """The flow's name."""
        return self.graph.name


def walk(region: Region) -> Iterator[Item]:
    """Every item of a region and of the regions inside it, outer before inner, in order; iterative."""
    return (item for item, _ in walk_within(region, None, lambda around, _: around))


def walk_within(region: Region, around: A, enter: Callable[[A, Nest], A]) -> Iterator[tuple[Item, A]]:
    """Like :func:`walk`, with what the caller knows about the surroundings of each item.

    That is ``around`` at the top, and inside of an item what ``enter`` makes of the item's own surroundings and the
    item.
    """
    stack = [(item, around) for item in reversed(region.items)]
    while stack:
        item, here = stack.pop()
        yield item, here
        if not isinstance(item, Run):
            inside = enter(here, item)
            for inner in reversed(regions_in(item)):
                stack.extend((child, inside) for child in reversed(inner.items))
