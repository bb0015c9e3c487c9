"""The templates of a flow in objects that Kubernetes takes: one, or, where that would be too large, several that refer
to each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.argo.cutting import cut
from penstock.backends.argo.documents import as_json, task_of, template_of
from penstock.backends.argo.graphs import MAIN, Graph

if TYPE_CHECKING:
    from penstock.backends.argo.graphs import Task

SPLIT_ABOVE = 900_000
"""Bytes of one object, of which Kubernetes takes about a million."""
OBJECT_BYTES = 600_000
"""Bytes of templates in one of several objects."""
GRAPH_BYTES = 250_000
"""Bytes of a template in one of several objects."""
_REFERENCE = 60
"""Bytes that a reference into another object takes more than one inside of it, with a name of usual length."""

Template = dict[str, Any]


class Shelf(NamedTuple):
    """What stands in one object, under its name."""

    name: str
    templates: list[Template]


def cut_graphs(graphs: Mapping[str, Graph], leaves: Iterable[str]) -> dict[str, Graph]:
    """The graphs, the large ones cut, the main one first."""
    taken = {*graphs, *leaves}
    cut_ones = {each.name: each for graph in graphs.values() for each in cut(graph, _size, GRAPH_BYTES, taken)}
    return {MAIN: cut_ones[MAIN], **cut_ones}


def shelves(graphs: Mapping[str, Graph], leaves: Mapping[str, Template], names: Iterator[str]) -> Iterator[Shelf]:
    """The templates in as many objects as they need, ``names`` being those of the objects.

    The first object has the main template, and what only the first task of a run uses.  Nothing else refers to it: Argo
    reads a template when a run comes to it, and only the other objects have their version in their names.  An object
    has its own copy of a leaf that many of its tasks use, where that is shorter than a reference in each.
    """
    first = [MAIN, *(name for name, leaf in leaves.items() if _takes_arguments(leaf))]
    sizes = {name: len(as_json(leaf)) for name, leaf in leaves.items()}
    sizes |= {graph.name: sum(map(_size, graph.tasks)) for graph in graphs.values()}
    rooms = [first, *_rooms({name: size for name, size in sizes.items() if name not in first})]
    named = dict(zip(names, rooms, strict=False))
    homes = {each: name for name, room in named.items() for each in room}
    for name, room in named.items():
        inside = [graphs[each] for each in room if each in graphs]
        own = {each: leaves[each] for each in room if each in leaves} | _copies(inside, leaves)
        elsewhere = {each: home for each, home in homes.items() if home != name and each not in own}
        yield Shelf(name, [*(template_of(graph, elsewhere) for graph in inside), *own.values()])


def _rooms(sizes: Mapping[str, int]) -> list[list[str]]:
    """The templates in their order, as many to an object as it has room for; ``sizes`` are bytes."""
    rooms: list[list[str]] = []
    filled = OBJECT_BYTES
    for name, size in sizes.items():
        if filled + size > OBJECT_BYTES:
            rooms.append([])
            filled = 0
        rooms[-1].append(name)
        filled += size
    return rooms


def _copies(room: Sequence[Graph], leaves: Mapping[str, Template]) -> dict[str, Template]:
    """The leaves that are worth a copy.  Those that take the workflow's arguments stand where these do."""
    uses = Counter(task.template for graph in room for task in graph.tasks)
    return {
        name: leaf
        for name, leaf in leaves.items()
        if uses[name] * _REFERENCE > len(as_json(leaf)) and not _takes_arguments(leaf)
    }


def _takes_arguments(leaf: Template) -> bool:
    return "{{workflow.parameters}}" in [each.get("value") for each in leaf["container"]["env"]]


def _size(task: Task) -> int:
    return len(as_json(task_of(task))) + _REFERENCE
