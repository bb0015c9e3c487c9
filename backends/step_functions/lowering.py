"""From a program to a state machine and its job definitions: pure, and safe for any depth and length.

The document is written as text from the outside in, a state a line, because ``json.dumps`` recurses and a flow may nest
200 foreach deep.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.backends.protocol import Bundle
from penstock.backends.step_functions import states
from penstock.backends.step_functions.events import events_per_split
from penstock.backends.step_functions.job_definitions import job_definition
from penstock.backends.step_functions.names import FIRST_STATE, branches_state, foreach_state, splits_state
from penstock.compiler.program import Branches, Choice, Each, Item, Loop, Mesh, Region, Run

if TYPE_CHECKING:
    from penstock.backends.step_functions.settings import StepFunctionsSettings
    from penstock.compiler.program import Program

STATE_MACHINE = "state-machine.json"
JOB_DEFINITIONS = "job-definitions.json"

_Part = str | Region
"""A stretch of the document: text, or a region whose states stand there."""


def lower(program: Program, settings: StepFunctionsSettings) -> Bundle:
    """The state machine and the job definitions that it names."""
    definition = job_definition(program.name, settings)
    machine = _Machine(program, settings, definition["jobDefinitionName"]).text()
    definitions = json.dumps([definition], indent=1, ensure_ascii=True) + "\n"
    files = {STATE_MACHINE: machine.encode(), JOB_DEFINITIONS: definitions.encode()}
    return Bundle(files=files, main=STATE_MACHINE)


class _Machine:
    """One state machine while it is written."""

    def __init__(self, program: Program, settings: StepFunctionsSettings, definition: str) -> None:
        self._flow = program.name
        self._root = program.root
        self._settings = settings
        self._definition = definition
        self._events = events_per_split(program.root)

    def text(self) -> str:
        written: list[str] = []
        pending: list[_Part] = list(reversed(self._document()))
        while pending:
            part = pending.pop()
            if isinstance(part, Region):
                pending.extend(reversed(self._region(part)))
            else:
                written.append(part)
        return "".join(written)

    def _document(self) -> list[_Part]:
        timeout = self._settings.workflow_timeout
        head: dict[str, Any] = {"Comment": f"The flow {self._flow}, compiled by Penstock"}
        if timeout:
            head["TimeoutSeconds"] = timeout
        head["StartAt"] = FIRST_STATE
        first = states.put_input(self._flow, self._settings)
        after = _state(FIRST_STATE, first, _entry(self._root.items[0]))
        return [_open(head), ',"States":{', after, ",", self._root, "}}\n"]

    def _region(self, region: Region) -> list[_Part]:
        """The states of a region, without what stands around them."""
        parts: list[_Part] = []
        following: list[Item | None] = [*region.items[1:], None]
        for item, after in zip(region.items, following, strict=True):
            if parts:
                parts.append(",")
            parts.extend(self._item(item, None if after is None else _entry(after)))
        return parts

    def _item(self, item: Item, after: str | None) -> list[_Part]:
        match item:
            case Run(step=step):
                return [self._job(step, after)]
            case Branches(split=split, regions=regions):
                branches: list[_Part] = []
                for region in regions:
                    branches += ["," if branches else "", *_machine_of(region)]
                return _around(branches_state(split), states.parallel(), after, ['"Branches":[', *branches, "]"])
            case Each(opener=opener, body=body):
                read = states.read_record(self._flow, opener, self._settings)
                processor = ['"ItemProcessor":', *_machine_of(body)]
                mapped = _around(foreach_state(opener), states.foreach(self._settings), after, processor)
                return [_state(splits_state(opener), read, foreach_state(opener)), ",", *mapped]
            case Choice() | Loop() | Mesh():
                raise AssertionError(f"the capabilities refuse {item!r}")

    def _job(self, step: str, after: str | None) -> str:
        events = self._events.get(step)
        return _state(step, states.job(self._flow, step, self._definition, self._settings, events), after)


def _entry(item: Item) -> str:
    """The state an item begins with."""
    match item:
        case Run(step=step):
            return step
        case Branches(split=split):
            return branches_state(split)
        case Each(opener=opener):
            return splits_state(opener)
        case Choice() | Loop() | Mesh():
            raise AssertionError(f"the capabilities refuse {item!r}")


def _machine_of(region: Region) -> list[_Part]:
    """A machine inside a state."""
    return [f'{{"StartAt":{_json(_entry(region.items[0]))},"States":{{', region, "}}"]


def _around(name: str, body: dict[str, Any], after: str | None, inside: list[_Part]) -> list[_Part]:
    return [f"\n{_json(name)}:", _open(_with_next(body, after)), ",", *inside, "}"]


def _state(name: str, body: dict[str, Any], after: str | None) -> str:
    return f"\n{_json(name)}:{_json(_with_next(body, after))}"


def _with_next(body: dict[str, Any], after: str | None) -> dict[str, Any]:
    return body | ({"End": True} if after is None else {"Next": after})


def _open(document: dict[str, Any]) -> str:
    """An object's JSON without its closing brace."""
    return _json(document)[:-1]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
