"""Where the boxes of a flow's picture go.

The nesting of a program is its picture: what runs one after the other stands one below the other, branches stand side
by side, the body of a foreach and a loop stand in a frame, crossing branches in rows.  All work is linear and
iterative.  Lengths are in pixels, from the top left corner; ``x`` of a box is its left side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock.compiler.program import Branches, Choice, Each, Item, Loop, Mesh, Program, Region, Run, regions_in
from penstock.compiler.steps import Foreach

_BOX_HEIGHT = 34.0
_CHARACTER = 8.0
_MARGIN = 16.0
_VERTICAL_GAP = 34.0
_HORIZONTAL_GAP = 26.0
_FRAME_TOP = 34.0
_FRAME_SIDE = 18.0
_NARROWEST = 72.0


@dataclass(frozen=True, slots=True)
class Box:
    """A step."""

    step: str
    x: float
    y: float
    width: float
    height: float = _BOX_HEIGHT

    @property
    def center(self) -> float:
        """The middle, from the left."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Frame:
    """Around the body of a foreach or a loop, with its ``label``."""

    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Edge:
    """From a step to its successor, as the path of an SVG."""

    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture and its size."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    frames: tuple[Frame, ...]
    edges: tuple[Edge, ...]


def draw(program: Program) -> Drawing:
    """The picture of a program."""
    sizes = _sizes(program)
    width, height = sizes[id(program.root)]
    boxes, frames = _placed(program, sizes)
    edges = tuple(
        Edge(_path(box, boxes[target])) for box in boxes.values() for target in program.graph.successors(box.step)
    )
    return Drawing(width + 2 * _MARGIN, height + 2 * _MARGIN, tuple(boxes.values()), tuple(frames), edges)


_Sizes = dict[int, tuple[float, float]]


def _sizes(program: Program) -> _Sizes:
    """Width and height of every region and item, by identity; inner ones first."""
    regions: list[Region] = [program.root]
    for region in regions:  # grows while it is walked: every region before those inside it
        regions.extend(inner for item in region.items for inner in regions_in(item))
    sizes: _Sizes = {}
    for region in reversed(regions):
        for item in region.items:
            sizes[id(item)] = _size(program, item, sizes)
        widths, heights = zip(*(sizes[id(item)] for item in region.items), strict=True)
        sizes[id(region)] = (max(widths), sum(heights) + _VERTICAL_GAP * (len(heights) - 1))
    return sizes


def _size(program: Program, item: Item, sizes: _Sizes) -> tuple[float, float]:
    match item:
        case Run(step=step):
            return max(_NARROWEST, len(step) * _CHARACTER + 28), _BOX_HEIGHT
        case Branches() | Choice():
            return _row(regions_in(item), sizes)
        case Mesh(levels=levels):
            widths, heights = zip(*(_row(level, sizes) for level in levels), strict=True)
            return max(widths), sum(heights) + _VERTICAL_GAP * (len(heights) - 1)
        case Loop(body=body):
            width, height = sizes[id(body)]
            return width + 2 * _FRAME_SIDE, height + _FRAME_TOP + _FRAME_SIDE
        case Each(opener=opener, body=body):
            width, height = sizes[id(body)]
            label = len(_label(program, opener)) * _CHARACTER
            return max(width, label) + 2 * _FRAME_SIDE, height + _FRAME_TOP + _FRAME_SIDE


def _row(regions: Sequence[Region], sizes: _Sizes) -> tuple[float, float]:
    """Width and height of regions side by side."""
    if not regions:
        return 0, 0
    widths, heights = zip(*(sizes[id(region)] for region in regions), strict=True)
    return sum(widths) + _HORIZONTAL_GAP * (len(widths) - 1), max(heights)


def _label(program: Program, opener: str) -> str:
    transition = program.graph[opener].transition
    return f"foreach {transition.over}" if isinstance(transition, Foreach) else "foreach"


def _beside(regions: Sequence[Region], sizes: _Sizes, center: float, y: float) -> Iterator[tuple[Region, float, float]]:
    """Where regions side by side go: their centers."""
    left = center - _row(regions, sizes)[0] / 2
    for region in regions:
        width = sizes[id(region)][0]
        yield region, left + width / 2, y
        left += width + _HORIZONTAL_GAP


def _placed(program: Program, sizes: _Sizes) -> tuple[dict[str, Box], list[Frame]]:
    boxes: dict[str, Box] = {}
    frames: list[Frame] = []
    stack: list[tuple[Region, float, float]] = [(program.root, _MARGIN + sizes[id(program.root)][0] / 2, _MARGIN)]
    while stack:
        region, center, y = stack.pop()
        for item in region.items:
            width, height = sizes[id(item)]
            left = center - width / 2
            match item:
                case Run(step=step):
                    boxes[step] = Box(step, left, y, width)
                case Branches() | Choice():
                    stack += _beside(regions_in(item), sizes, center, y)
                case Mesh(levels=levels):
                    top = y
                    for level in levels:
                        stack += _beside(level, sizes, center, top)
                        top += _row(level, sizes)[1] + _VERTICAL_GAP
                case Loop(body=body):
                    frames.append(Frame("loop", left, y, width, height))
                    stack.append((body, center, y + _FRAME_TOP))
                case Each(opener=opener, body=body):
                    frames.append(Frame(_label(program, opener), left, y, width, height))
                    stack.append((body, center, y + _FRAME_TOP))
            y += height + _VERTICAL_GAP
    # Outer frames are drawn before those inside them, which a stack that is popped gives; steps go by their place.
    return dict(sorted(boxes.items(), key=lambda entry: (entry[1].y, entry[1].x))), frames


def _path(source: Box, target: Box) -> str:
    """Straight down in the source's own column and over to the target just above it; back to an earlier step, or to
    itself, around the right sides of both.
    """
    if target.y <= source.y:
        right, top = source.x + source.width, target.x + target.width
        aside = max(right, top) + _FRAME_SIDE
        low, high = source.y + source.height * 0.7, target.y + target.height * 0.3
        return f"M{right:g},{low:g} C{aside:g},{low:g} {aside:g},{high:g} {top:g},{high:g}"
    start, end = source.y + source.height, target.y
    bend = max(start, end - _VERTICAL_GAP)
    middle = (bend + end) / 2
    return (
        f"M{source.center:g},{start:g} L{source.center:g},{bend:g} "
        f"C{source.center:g},{middle:g} {target.center:g},{middle:g} {target.center:g},{end:g}"
    )
