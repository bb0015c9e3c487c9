"""Random flows as files: every step leaves artifacts in which all its inputs show, and their order."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from zlib import crc32

from foretold_runs import FOREACH_KINDS, IN_THE_FILE, ROWS, Style
from named_flows import Choosing

from penstock.compiler.steps import Foreach, Goto, Split, Stop, Switch, Transition, targets

NAME = "RandomFlow"
_HEAD = '''\
"""A flow made by a test."""

import hashlib

from penstock import FlowSpec, JSONType, Parameter, catch, current, retry, step

LIMIT = 10

'''
_NOTE = '''
def turns_left(level, limit):
    """Whether the loop at this level may turn once more; no loop of these flows turns as often as LIMIT."""
    turns = [int(frame[1:]) for frame in current.task_id.split(".")[1:] if frame[0] == "t"]
    assert turns[level] < LIMIT
    return turns[level] + 1 < limit


def note(flow, before):
    """Leave what the task is, and what came before it."""
    came, trails = [each.me for each in before], [each.trail for each in before]
    flow.came = came
    flow.me = f"{current.step_name}/{current.task_id}"
    flow.trail = mix(flow.me, flow.index, flow.input, flow.foreach_stack(), trails)
    setattr(flow, f"by_{current.step_name}", flow.trail)
    flow.tries = current.retry_count
'''


def style_of(transitions: Mapping[str, Transition], flavour: int) -> Style:
    """How a flow is written, drawn from the number ``flavour``: one step in eight fails at first, one always."""

    def drawn(name: str, what: str, of: int) -> int:
        return crc32(f"{flavour}/{name}/{what}".encode()) % of

    whole = {**transitions, "end": Stop()}
    plain = {name for name, transition in whole.items() if isinstance(transition, (Goto, Split, Stop))}
    return Style(
        over={
            name: FOREACH_KINDS[drawn(name, "over", len(FOREACH_KINDS))]
            for name, transition in transitions.items()
            if isinstance(transition, Foreach)
        },
        written={
            name: ("dict", "numbers", "if", "match")[drawn(name, "written", 4)]
            for name, transition in transitions.items()
            if isinstance(transition, Switch)
        },
        retried=frozenset(name for name in whole if drawn(name, "fails", 8) == 0),
        caught=frozenset(name for name in plain if drawn(name, "caught", 8) == 0),
    )


def write(
    transitions: Mapping[str, Transition], joins: Collection[str], choosing: Mapping[str, Choosing], style: Style
) -> str:
    """The flow's file, ``RandomFlow``."""
    lines = [_HEAD, *(inspect.getsource(function) + "\n\n" for function in IN_THE_FILE)]
    lines += [_NOTE, f"\n\nclass {NAME}(FlowSpec):\n    rows = Parameter('rows', type=JSONType, default={ROWS!r})\n"]
    lines = [text.replace("-> Any", "") for text in lines]
    for name, transition in {**transitions, "end": Stop()}.items():
        lines.append("\n" + "\n".join(_step(name, transition, name in joins, choosing.get(name), style)) + "\n")
    return "".join([*lines, f'\n\nif __name__ == "__main__":\n    {NAME}()\n'])


def _step(name: str, transition: Transition, joins: bool, choosing: Choosing | None, style: Style) -> Iterator[str]:
    if name in style.caught:
        yield f"    @catch(var='error_{name}', print_exception=False)"
    if name in style.retried:
        yield "    @retry(times=1, minutes_between_retries=0)"
    yield "    @step"
    yield f"    def {name}(self{', inputs' if joins else ''}):"
    before = "inputs" if joins else "[]" if name == "start" else "[self]"
    body = [f"note(self, {before})", *_failing(name, style), *_ending(name, transition, choosing, style)]
    yield from (f"        {line}" for line in body)


def _failing(name: str, style: Style) -> Iterator[str]:
    if name in style.caught:
        yield from ("if self.trail:", "    raise RuntimeError('always')")
    elif name in style.retried:
        yield from ("if current.retry_count == 0:", "    raise RuntimeError('the first time')")


def _ending(name: str, transition: Transition, choosing: Choosing | None, style: Style) -> Iterator[str]:
    match transition:
        case Stop():
            return
        case Goto(target=target):
            yield f"self.next(self.{target})"
        case Split(targets=firsts):
            yield f"self.next({', '.join(f'self.{first}' for first in firsts)})"
        case Foreach(target=target):
            kind = style.over[name]
            if kind != "rows":
                yield f"self.items = items_of({kind!r}, self.trail, self.rows)"
            yield f"self.next(self.{target}, foreach={'rows' if kind == 'rows' else 'items'!r})"
        case Switch():
            rule = choosing or Choosing("arms")
            among = targets(transition)
            left = "False" if rule.kind == "arms" else f"turns_left({rule.level}, {rule.limit})"
            yield f"self.choice = choose({rule.kind!r}, self.trail, {len(among)}, {left})"
            yield from _switch(among, style.written[name])


def _switch(among: tuple[str, ...], written: str) -> Iterator[str]:
    """The choice in one of the forms in which it may be written."""
    match written:
        case "dict":
            yield f"self.pick = {list(among)!r}[self.choice]"
            cases = ", ".join(f"{name!r}: self.{name}" for name in among)
            yield f"self.next({{{cases}}}, condition='pick')"
        case "numbers":
            cases = ", ".join(f"{number}: self.{name}" for number, name in enumerate(among))
            yield f"self.next({{{cases}}}, condition='choice')"
        case "if":
            for number, name in enumerate(among):
                last = number == len(among) - 1
                yield "else:" if last else f"{'el' if number else ''}if self.choice == {number}:"
                yield f"    self.next(self.{name})"
        case _:
            yield "match self.choice:"
            for number, name in enumerate(among):
                yield f"    case {'_' if number == len(among) - 1 else number}:"
                yield f"        self.next(self.{name})"
