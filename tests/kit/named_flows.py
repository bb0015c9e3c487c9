"""Random flows with names: the steps and transitions that the pieces of ``random_flows`` become."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple
from zlib import crc32

from random_flows import Block, Parts

from penstock.compiler.steps import Foreach, Goto, Split, Switch, Transition


class Choosing(NamedTuple):
    """How a step picks one of its targets, by number: ``arms`` by its trail; ``judge`` takes the first while the loop
    has turns left, else the second; ``leave`` and ``again`` take the second now and then.

    ``level`` is the place of the loop in question among those around the step, ``limit`` how often it turns at most.
    """

    kind: str
    level: int = 0
    limit: int = 1


@dataclass(frozen=True)
class Node:
    """A piece with names: ``steps`` are its own, ``inside`` what its blocks became.

    The last of ``steps`` is the join of a piece that has one; ``merged`` says that a split has none, since its branches
    end in the join of the split around it.
    """

    kind: str
    steps: tuple[str, ...]
    inside: tuple[tuple[Node, ...], ...] = ()
    merged: bool = False
    goal: str = ""
    """The header of the loop that ``leave`` and ``again`` are about."""


class _Around(NamedTuple):
    """A loop around a step in the same branch or body."""

    header: str
    after: str
    level: int


@dataclass
class Made:
    """A flow: its transitions and joins, how its switches choose, its shape, and the drawing that it has to have, empty
    where that is not known.
    """

    transitions: dict[str, Transition]
    joins: set[str]
    drawing: list[str]
    choosing: dict[str, Choosing] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True)
class _At:
    """Where a block stands: ``first`` and ``rest`` draw its lines; ``loops`` are those of the same branch, ``depth``
    counts all.
    """

    after: str
    first: str = ""
    rest: str = ""
    in_branch: bool = False
    loops: tuple[_Around, ...] = ()
    depth: int = 0

    def arm(self, after: str, marks: tuple[str, str]) -> _At:
        return _At(after, self.rest + marks[0], self.rest + marks[1], False, self.loops, self.depth)

    def branch(self, join: str, marks: tuple[str, str], *, of_split: bool) -> _At:
        return _At(join, self.rest + marks[0], self.rest + marks[1], of_split, (), self.depth)


_LOOPS = {"loop", "tight", "self"}
_NOT_DRAWN = {"tight", "self", "skip", "tail", "grid", "pair", "leave", "again"}


def make(block: Block, *, merged: bool) -> Made:
    """The flow of a block; with ``merged`` a split that ends a branch is closed by the join of the split around it."""
    return _Maker(block, merged).made


def turns_at_most(header: str) -> int:
    """How often the loop of ``header`` turns at most."""
    return crc32(header.encode()) % 3 + 1


class _Maker:
    def __init__(self, block: Block, merged: bool) -> None:
        self.made = Made({"start": Goto("s")}, set(), ["start"])
        self._merged = merged
        self._numbers = count()
        self._drawn = True
        nodes = self._build(block, "s", _At("end"))
        self.made.nodes = (Node("step", ("start",)), *nodes, Node("step", ("end",)))
        self.made.drawing.append("end")
        if not self._drawn:
            self.made.drawing = []

    def _name(self, kind: str = "s") -> str:
        return f"{kind}{next(self._numbers)}"

    def _build(self, block: Block, entry: str, at: _At) -> tuple[Node, ...]:
        """Steps from ``entry`` on; the last one goes on to ``at.after``."""
        current, nodes = entry, []
        self.made.drawing.append(at.first + current)
        for place, piece in enumerate(block):
            last = place == len(block) - 1
            following = at.after if last else self._name()
            nodes.append(self._piece(piece, current, following, at, last=last))
            if not last:
                current = following
                self.made.drawing.append(at.rest + current)
        return tuple(nodes)

    def _piece(self, piece: Parts | None, current: str, following: str, at: _At, *, last: bool) -> Node:
        if piece is not None and piece.kind in _NOT_DRAWN:
            self._drawn = False
        match piece:
            case Parts("tight", ((Parts(kind), *_),)) if kind in _LOOPS:
                # A step is the header of one loop only.
                return self._loop(Parts("loop", piece.blocks), current, following, at)
            case Parts("switch" | "skip" | "tail"):
                return self._switch(piece, current, following, at)
            case Parts("loop" | "tight" | "self"):
                return self._loop(piece, current, following, at)
            case Parts("leave" | "again") if at.loops:
                return self._goes(piece.kind, current, following, at)
            case Parts("grid"):
                return self._grid(piece, current, following, at)
            case Parts("split") if self._merged and last and at.in_branch:
                return self._open(piece, current, at.after, at, merged=True)
            case Parts("split" | "foreach" | "pair"):
                join = self._name("j")
                opened = self._open(piece, current, join, at, merged=False)
                self.made.drawing.append(at.rest + join)
                return self._joined(opened, join, following)
            case _:
                self.made.transitions[current] = Goto(following)
                return Node("step", (current,))

    def _joined(self, node: Node, join: str, following: str) -> Node:
        self.made.joins.add(join)
        self.made.transitions[join] = Goto(following)
        return Node(node.kind, (*node.steps, join), node.inside)

    def _open(self, piece: Parts, current: str, join: str, at: _At, *, merged: bool) -> Node:
        entries = tuple(self._name() for _ in piece.blocks)
        ends, steps = [join] * len(entries), [current]
        if piece.kind == "foreach":
            self.made.transitions[current] = Foreach(entries[0], "items")
            self.made.drawing[-1] += "  foreach items"
        else:
            self.made.transitions[current] = Split(entries)
        if piece.kind == "pair":
            meeting = self._name("j")
            ends[0] = ends[2] = meeting
            self.made.joins.add(meeting)
            self.made.transitions[meeting] = Goto(join)
            steps.append(meeting)
        inside = []
        for number, (inner, name) in enumerate(zip(piece.blocks, entries, strict=True)):
            marks = ("└─ ", "   ") if number == len(entries) - 1 else ("├─ ", "│  ")
            if piece.kind == "foreach":
                marks = ("╘═ ", "   ")
            inside.append(self._build(inner, name, at.branch(ends[number], marks, of_split=piece.kind == "split")))
        return Node(piece.kind, tuple(steps), tuple(inside), merged)

    def _grid(self, piece: Parts, current: str, following: str, at: _At) -> Node:
        sides = (self._name(), self._name())
        cells = [self._name() for _ in range(4)]
        across = (self._name("j"), self._name("j"))
        join = self._name("j")
        self.made.transitions[current] = Split(sides)
        for side, mine in zip(sides, (cells[:2], cells[2:]), strict=True):
            self.made.transitions[side] = Split(tuple(mine))
        for meeting in across:
            self.made.joins.add(meeting)
            self.made.transitions[meeting] = Goto(join)
        inside = tuple(
            self._build(block, cell, at.branch(across[number % 2], ("", ""), of_split=False))
            for number, (block, cell) in enumerate(zip(piece.blocks, cells, strict=True))
        )
        return self._joined(Node("grid", (current, *sides, *across), inside), join, following)

    def _switch(self, piece: Parts, current: str, following: str, at: _At) -> Node:
        entries = [self._name() for _ in piece.blocks]
        after = [following] * len(entries)
        targets = list(entries)
        if piece.kind == "skip":
            targets.append(following)
        elif piece.kind == "tail":
            shared = targets.pop()
            after[:2] = shared, shared
        self.made.transitions[current] = Switch(tuple((name, name) for name in targets), "pick")
        self.made.choosing[current] = Choosing("arms")
        self.made.drawing[-1] += "  switch pick"
        inside = []
        for number, (inner, name) in enumerate(zip(piece.blocks, entries, strict=True)):
            marks = ("└◇ ", "   ") if number == len(entries) - 1 else ("├◇ ", "│  ")
            inside.append(self._build(inner, name, at.arm(after[number], marks)))
        return Node(piece.kind, (current,), tuple(inside))

    def _loop(self, piece: Parts, current: str, following: str, at: _At) -> Node:
        judge = current if piece.kind == "self" else self._name()
        self.made.drawing[-1] = self.made.drawing[-1].removesuffix(current) + "↻─ " + current
        around = (*at.loops, _Around(current, following, at.depth))
        body = _At(judge, at.rest + "┊  ", at.rest + "┊  ", False, around, at.depth + 1)
        inside: tuple[tuple[Node, ...], ...] = ()
        if piece.kind == "loop":
            entry = self._name()
            self.made.transitions[current] = Goto(entry)
            inside = (self._build(piece.blocks[0], entry, body),)
        elif piece.kind == "tight":
            inside = (self._build(piece.blocks[0], current, body),)
        self.made.transitions[judge] = Switch(((current, current), (following, following)), "pick")
        self.made.choosing[judge] = Choosing("judge", at.depth, turns_at_most(current))
        self.made.drawing += [
            f"{at.rest}┊  {line}" for line in (f"{judge}  switch pick", f"├◇ → {current}", f"└◇ → {following}")
        ]
        return Node(piece.kind, (current, judge), inside)

    def _goes(self, kind: str, current: str, following: str, at: _At) -> Node:
        """A switch that may go to the end or the header of a loop around it: the innermost or the outermost."""
        loop = at.loops[-(crc32(current.encode()) % 2)]
        target = loop.after if kind == "leave" else loop.header
        self.made.transitions[current] = Switch(((following, following), (target, target)), "pick")
        self.made.choosing[current] = Choosing(kind, loop.level, turns_at_most(loop.header))
        return Node(kind, (current,), goal=loop.header)
