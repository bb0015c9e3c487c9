"""What a run of a random flow must leave behind, told from its shape alone: by recursion over the pieces, as one would
on paper.  The functions above the line go into the flow's file too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from named_flows import Made, Node

from penstock.compiler.steps import targets

ROWS = ["first row", "second row"]
"""The value of the flow's parameter."""
CAUGHT = "caught"
"""Stands for an exception that @catch has stored."""


def mix(*parts: object) -> str:
    """A few letters in which every part shows, and their order."""
    return hashlib.sha1(repr(parts).encode()).hexdigest()[:10]


def number(trail: str) -> int:
    """A number in which the trail shows."""
    return int(trail, 16)


def items_of(kind: str, trail: str, rows: list[str]) -> Any:
    """What a foreach goes over: none to three items."""
    width = (0, 1, 2, 2, 3)[number(trail) % 5]
    made = [mix(trail, place) for place in range(width)]
    if kind == "dict":
        return dict.fromkeys(made, "value")
    if kind == "text":
        return trail[:width]
    if kind == "set":
        return set(range(width))
    if kind == "generator":
        return iter(made)
    return {"list": made, "tuple": tuple(made), "range": range(width), "rows": rows}[kind]


def choose(rule: str, trail: str, targets: int, turns_left: bool) -> int:
    """Which of its targets a switch goes to."""
    if rule == "judge":
        return 0 if turns_left else 1
    if rule == "leave":
        return int(number(trail) % 3 == 0)
    if rule == "again":
        return int(number(trail) % 2 == 0 and turns_left)
    return number(trail) % targets


# ----------------------------------------------------------------------------------------------------------------------

FOREACH_KINDS = ("list", "tuple", "range", "dict", "text", "set", "generator", "rows")
IN_THE_FILE = (mix, number, items_of, choose)


@dataclass(frozen=True)
class Style:
    """What a flow's file looks like beside its shape: ``over`` is the kind of what each foreach goes over, ``retried``
    and ``caught`` the steps that fail at first, and always.
    """

    over: Mapping[str, str]
    written: Mapping[str, str]
    """How each switch is written: ``dict``, ``numbers``, ``if`` or ``match``."""
    retried: frozenset[str]
    caught: frozenset[str]


@dataclass(frozen=True)
class Told:
    """A task: its ``path`` as frames, its foreach ``stack``, and the artifacts of the user's that it must have."""

    step: str
    path: tuple[str, ...]
    stack: tuple[tuple[int, int, Any], ...]
    artifacts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """``step/task id``."""
        return f"{self.step}/{'.'.join(('t', *self.path))}"

    @property
    def trail(self) -> str:
        """What it makes of all that came before it."""
        return str(self.artifacts["trail"])


class TooMuch(Exception):
    """The run would have more tasks than asked for."""


class _Gone(Exception):
    """A step inside of the loop of ``header`` has left it, or begun its next turn (``again``)."""

    def __init__(self, header: str, last: Told, again: bool) -> None:
        super().__init__(header)
        self.header, self.last, self.again = header, last, again


def foretell(made: Made, style: Style, most: int) -> dict[str, Told]:
    """Every task of a run by ``step/task id``.

    Raises TooMuch where there are more than ``most``.
    """
    telling = _Telling(made, style, most)
    telling.all(made.nodes, [], (), ())
    return telling.told


_Stack = tuple[tuple[int, int, Any], ...]
_Path = tuple[str, ...]


class _Telling:
    def __init__(self, made: Made, style: Style, most: int) -> None:
        self._made = made
        self._style = style
        self._most = most
        self.told: dict[str, Told] = {}

    def all(self, nodes: Sequence[Node], before: list[Told], path: _Path, stack: _Stack) -> list[Told]:
        """Run pieces one after the other after the tasks ``before``; the tasks that end them, one but after a split
        without a join of its own.
        """
        for node in nodes:
            before = self._node(node, before, path, stack)
        return before

    def _node(self, node: Node, before: list[Told], path: _Path, stack: _Stack) -> list[Told]:
        if node.kind in ("loop", "tight", "self"):
            return self._loop(node, before, path, stack)
        task = self._task(node.steps[0], before, path, stack)
        match node.kind:
            case "split":
                ends = [end for inner in node.inside for end in self.all(inner, [task], path, stack)]
                return ends if node.merged else [self._task(node.steps[-1], ends, path, stack, join=True)]
            case "foreach":
                return [self._foreach(node, task, path, stack)]
            case "switch" | "skip" | "tail":
                return self._switch(node, task, path, stack)
            case "pair":
                first, second, third = (self.all(inner, [task], path, stack)[0] for inner in node.inside)
                met = self._task(node.steps[1], [first, third], path, stack, join=True)
                return [self._task(node.steps[-1], [met, second], path, stack, join=True)]
            case "grid":
                return [self._grid(node, task, path, stack)]
            case "leave" | "again" if node.goal:
                if task.artifacts["choice"]:
                    raise _Gone(node.goal, task, node.kind == "again")
        return [task]

    def _grid(self, node: Node, task: Told, path: _Path, stack: _Stack) -> Told:
        sides = [self._task(name, [task], path, stack) for name in node.steps[1:3]]
        cells = [self.all(inner, [sides[at // 2]], path, stack)[0] for at, inner in enumerate(node.inside)]
        met = [self._task(node.steps[3 + at], [cells[at], cells[at + 2]], path, stack, join=True) for at in (0, 1)]
        return self._task(node.steps[-1], met, path, stack, join=True)

    def _foreach(self, node: Node, task: Told, path: _Path, stack: _Stack) -> Told:
        items = list(items_of(self._style.over[task.step], task.trail, ROWS))
        ends: list[Told] = []
        for index, item in enumerate(items):
            ends += self.all(node.inside[0], [task], (*path, str(index)), (*stack, (index, len(items), item)))
        return self._task(node.steps[-1], ends, path, stack, join=True)

    def _switch(self, node: Node, task: Told, path: _Path, stack: _Stack) -> list[Told]:
        chosen = task.artifacts["choice"]
        if node.kind == "skip" and chosen == 1:
            return [task]
        ended = self.all(node.inside[chosen], [task], path, stack)
        return self.all(node.inside[3], ended, path, stack) if node.kind == "tail" and chosen < 2 else ended

    def _loop(self, node: Node, before: list[Told], path: _Path, stack: _Stack) -> list[Told]:
        header, judge = node.steps
        for turn in range(10):
            here = (*path, f"t{turn}")
            try:
                ended = before
                if node.kind == "loop":
                    ended = [self._task(header, ended, here, stack)]
                for inner in node.inside:
                    ended = self.all(inner, ended, here, stack)
                task = self._task(judge, ended, here, stack)
            except _Gone as gone:
                if gone.header != header:
                    raise
                before = [gone.last]
                if not gone.again:
                    return before
                continue
            before = [task]
            if task.artifacts["choice"] == 1:
                return before
        raise AssertionError(f"the loop of {header} does not end")

    def _task(self, step: str, before: list[Told], path: _Path, stack: _Stack, *, join: bool = False) -> Told:
        if len(self.told) >= self._most:
            raise TooMuch
        artifacts = {} if join or not before else dict(before[0].artifacts)
        bare = Told(step, path, stack, {})
        index, _, item = stack[-1] if stack else (None, 0, None)
        trails = [each.trail for each in before]
        trail = mix(bare.name, index, item, list(stack), trails)
        artifacts |= {"came": [each.name for each in before], "me": bare.name, "trail": trail, f"by_{step}": trail}
        artifacts["tries"] = int(step in self._style.retried)
        if step in self._style.caught:
            artifacts[f"error_{step}"] = CAUGHT
        if step in self._style.over and self._style.over[step] != "rows":
            items = items_of(self._style.over[step], trail, ROWS)
            artifacts["items"] = list(items) if self._style.over[step] == "generator" else items
        self._note_choice(step, trail, path, artifacts)
        task = self.told[bare.name] = Told(step, path, stack, artifacts)
        return task

    def _note_choice(self, step: str, trail: str, path: _Path, artifacts: dict[str, Any]) -> None:
        rule = self._made.choosing.get(step)
        if rule is not None:
            among = targets(self._made.transitions[step])
            turns = [int(frame[1:]) for frame in path if frame.startswith("t")]
            left = rule.kind != "arms" and turns[rule.level] + 1 < rule.limit
            artifacts["choice"] = choose(rule.kind, trail, len(among), left)
            if self._style.written[step] == "dict":
                artifacts["pick"] = among[artifacts["choice"]]
