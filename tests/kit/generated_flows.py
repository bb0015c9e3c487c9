"""Flows made to size, as source: for limits, speed and scale.  Each function returns the text of a flow file."""

from __future__ import annotations

from itertools import pairwise

_HEAD = "from penstock import FlowSpec, step\n\n\nclass {name}(FlowSpec):\n"
_TAIL = '\n\nif __name__ == "__main__":\n    {name}()\n'


def _step(name: str, *body: str, join: bool = False) -> str:
    lines = ["    @step", f"    def {name}(self{', inputs' if join else ''}):"]
    return "\n".join([*lines, *(f"        {line}" for line in body)]) + "\n"


def _file(name: str, steps: list[str]) -> str:
    return _HEAD.format(name=name) + "\n".join(steps) + _TAIL.format(name=name)


def linear(steps: int) -> str:
    """``LinesFlow``: ``steps`` steps in a line, `start` and `end` among them; `end` holds ``count == steps``."""
    if steps < 2:
        raise ValueError("a flow has at least `start` and `end`")
    names = ["start", *(f"s{number}" for number in range(1, steps - 1)), "end"]
    made = [_step("start", "self.count = 1", f"self.next(self.{names[1]})")]
    for name, following in pairwise(names[1:]):
        made.append(_step(name, "self.count += 1", f"self.next(self.{following})"))
    return _file("LinesFlow", [*made, _step("end", "self.count += 1")])


def diamonds(count: int) -> str:
    """``DiamondsFlow``: ``count`` splits of two, each joined before the next; `end` holds ``total == 2 * count``."""
    made = [_step("start", "self.total = 0", "self.next(self.fork0)" if count else "self.next(self.end)")]
    for number in range(count):
        following = f"fork{number + 1}" if number + 1 < count else "end"
        made += [
            _step(f"fork{number}", f"self.next(self.left{number}, self.right{number})"),
            _step(f"left{number}", "self.total += 1", f"self.next(self.join{number})"),
            _step(f"right{number}", "self.total += 1", f"self.next(self.join{number})"),
            _step(
                f"join{number}",
                f"before = inputs.left{number}.total - 1",
                "self.total = before + 2",
                f"self.next(self.{following})",
                join=True,
            ),
        ]
    return _file("DiamondsFlow", [*made, _step("end", "pass")])


def nested_foreach(levels: int, width: int = 1) -> str:
    """``NestFlow``: ``levels`` foreach levels of ``width`` splits each; `end` holds ``leaves == width ** levels``."""
    if levels < 1:
        raise ValueError("at least one level")
    made = []
    for level in range(levels):
        name = "start" if level == 0 else f"open{level}"
        following = f"open{level + 1}" if level + 1 < levels else "leaf"
        made.append(
            _step(
                name,
                f"self.items{level} = list(range({width}))",
                f'self.next(self.{following}, foreach="items{level}")',
            )
        )
    made.append(_step("leaf", "self.leaves = 1", f"self.next(self.close{levels - 1})"))
    for level in reversed(range(levels)):
        following = f"close{level - 1}" if level else "end"
        made.append(
            _step(
                f"close{level}",
                "self.leaves = sum(task.leaves for task in inputs)",
                f"self.next(self.{following})",
                join=True,
            )
        )
    return _file("NestFlow", [*made, _step("end", "pass")])


def foreach(width: int) -> str:
    """``WideFlow``: one foreach of ``width`` tasks that keep their item; `end` holds ``total``, their sum."""
    return _file(
        "WideFlow",
        [
            _step("start", f"self.items = range({width})", 'self.next(self.work, foreach="items")'),
            _step("work", "self.item = self.input", "self.next(self.join)"),
            _step("join", "self.total = sum(task.item for task in inputs)", "self.next(self.end)", join=True),
            _step("end", "pass"),
        ],
    )
