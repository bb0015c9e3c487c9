"""Graphs that are too large for an object, as graphs of graphs.

A graph is cut where all that comes later waits for one task, and what stands between two such tasks into parts that
have nothing to do with each other: so nothing waits for more than it did.  Only where that is not enough, as in
crossing branches without end, parts are what stands next to each other, and a task waits for all of the part before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from penstock.backends.argo.graphs import Graph, Task

Size = Callable[[Task], int]
"""Bytes of a task as it is written."""
_SMALLER = 0.75
"""A way to cut is good enough where the largest part is at most so much of the whole."""


class _Unit(NamedTuple):
    """Tasks that are never parted, by number; ``after`` are the units that they wait for, ``size`` is in bytes."""

    tasks: tuple[Task, ...]
    after: frozenset[int]
    size: int


_Part = list[int]
"""Units by number."""


def cut(graph: Graph, size: Size, most: int, taken: set[str]) -> Iterator[Graph]:
    """The graph in graphs of at most ``most`` bytes each, where its tasks allow that, itself last.

    ``taken`` are the names of all templates, to which those of the parts are added.
    """
    pending = [graph]
    done: list[Graph] = []
    while pending:
        whole = pending.pop()
        units = _units(whole.tasks, size)
        parts = _parts(units, most) if _size(units, range(len(units))) > most else []
        if len(parts) <= 1:
            done.append(whole)
            continue
        outer, inner = _of_parts(whole, units, parts, taken)
        done.append(outer)
        pending += inner
    yield from reversed(done)


def _units(tasks: Sequence[Task], size: Size) -> list[_Unit]:
    """The units in the order of the tasks: a task with those that are given its outputs."""
    number: dict[str, int] = {}
    members: list[list[Task]] = []
    for task in tasks:
        if task.reads is None:
            number[task.name] = len(members)
            members.append([task])
        else:
            number[task.name] = number[task.reads]
            members[number[task.reads]].append(task)
    return [
        _Unit(
            tuple(inside),
            frozenset(number[before] for task in inside for before in task.after) - {place},
            sum(map(size, inside)),
        )
        for place, inside in enumerate(members)
    ]


def _parts(units: Sequence[_Unit], most: int) -> list[_Part]:
    """The units in parts none of which leads back to another one."""
    stretches = _stretches(units)
    parts = _packed(units, stretches, most)
    if _shrinks(units, parts):
        return parts
    place = max(range(len(stretches)), key=lambda each: _size(units, stretches[each]))
    *inside, last = stretches[place]
    before, behind = stretches[:place], stretches[place + 1 :]
    apart = _packed(units, _apart(units, inside), most)
    parts = [*_packed(units, before, most), *apart, [last], *_packed(units, behind, most)]
    if _shrinks(units, parts):
        return parts
    return _packed(units, [[each] for each in range(len(units))], most)


def _stretches(units: Sequence[_Unit]) -> list[_Part]:
    """What ends with a unit that all later ones wait for, directly or not; the rest is the last stretch."""
    waiting = [0] * len(units)
    for unit in units:
        for before in unit.after:
            waiting[before] += 1
    # What nothing waits for stays open: what comes later must not wait for it because of a cut.
    unfinished = 0
    stretches: list[_Part] = [[]]
    for place, unit in enumerate(units):
        for before in unit.after:
            waiting[before] -= 1
            unfinished -= waiting[before] == 0
        stretches[-1].append(place)
        unfinished += 1
        if unfinished == 1 and place < len(units) - 1:
            stretches.append([])
    return stretches


def _apart(units: Sequence[_Unit], inside: _Part) -> list[_Part]:
    """Parts of a stretch that have nothing to do with each other."""
    above = {place: place for place in inside}

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for place in inside:
        for before in units[place].after:
            if before in above:
                above[top(place)] = top(before)
    parts: dict[int, _Part] = {}
    for place in inside:
        parts.setdefault(top(place), []).append(place)
    return list(parts.values())


def _packed(units: Sequence[_Unit], parts: Sequence[_Part], most: int) -> list[_Part]:
    """Neighbours together as long as there is room."""
    packed: list[_Part] = []
    room = 0
    for part in parts:
        size = _size(units, part)
        if not packed or size > room:
            packed.append([])
            room = most
        packed[-1] += part
        room -= size
    return packed


def _shrinks(units: Sequence[_Unit], parts: Sequence[_Part]) -> bool:
    whole = _size(units, range(len(units)))
    return max((_size(units, part) for part in parts), default=0) <= _SMALLER * whole


def _size(units: Sequence[_Unit], part: Sequence[int]) -> int:
    return sum(units[place].size for place in part)


def _of_parts(
    whole: Graph, units: Sequence[_Unit], parts: Sequence[_Part], taken: set[str]
) -> tuple[Graph, list[Graph]]:
    """The graph with a task for each part, but for parts of one unit, which stand there themselves; and the parts."""
    stands_for: dict[str, str] = {}
    inner: list[Graph] = []
    tasks: list[Task] = []
    for part in parts:
        members = [task for place in part for task in units[place].tasks]
        if len(part) == 1:
            stands_for.update((task.name, task.name) for task in members)
            tasks += members
            continue
        name = _free(whole.name, taken)
        stands_for.update((task.name, name) for task in members)
        after = tuple(before for task in members for before in task.after)
        given = {each: "{{inputs.parameters." + each + "}}" for each in whole.inputs}
        tasks.append(Task(name, name, after, given))
        inner.append(Graph(name, _alone(members), whole.inputs))
    outer = (replace(task, after=_renamed(task, stands_for)) for task in tasks)
    return replace(whole, tasks=tuple(outer)), inner


def _renamed(task: Task, stands_for: Mapping[str, str]) -> tuple[str, ...]:
    """What a task waits for, in the graph of parts."""
    names = dict.fromkeys(stands_for[before] for before in task.after)
    return tuple(name for name in names if name != task.name)


def _alone(members: Sequence[Task]) -> tuple[Task, ...]:
    """Tasks without what they wait for outside of their part."""
    inside = {task.name for task in members}
    return tuple(replace(task, after=tuple(filter(inside.__contains__, task.after))) for task in members)


def _free(name: str, taken: set[str]) -> str:
    number = 1
    while (found := f"{name}-part-{number}") in taken:
        number += 1
    taken.add(found)
    return found
