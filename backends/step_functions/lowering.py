"""From a program to a state machine and its job definitions: pure, and safe for any depth and length.

The document is written as text from the outside in, a state a line, because ``json.dumps`` recurses and a flow may nest
200 foreach deep.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from penstock.backends.protocol import Bundle
from penstock.backends.step_functions import states
from penstock.backends.step_functions.events import events_of
from penstock.backends.step_functions.job_definitions import job_definition
from penstock.backends.step_functions.jobs import Job, Shape, job_of
from penstock.backends.step_functions.layout import Layout
from penstock.backends.step_functions.names import (
    FIRST_STATE,
    branches_state,
    choice_state,
    done_state,
    foreach_state,
    level_state,
    record_state,
    splits_state,
)
from penstock.backends.step_functions.schedules import SCHEDULE, schedule_document
from penstock.compiler.program import (
    Branches,
    Choice,
    Each,
    Item,
    Loop,
    Mesh,
    Nest,
    Region,
    Run,
    regions_in,
    walk_within,
)
from penstock.compiler.starting import schedule_of
from penstock.runtime_shim.event_budget import EVENTS_ENV, OWN_HISTORY_ENV, TURN_EVENTS_ENV
from penstock.runtime_shim.records import SPLITS_ENV

if TYPE_CHECKING:
    from penstock.backends.step_functions.settings import StepFunctionsSettings
    from penstock.compiler.program import Program

STATE_MACHINE = "state-machine.json"
JOB_DEFINITIONS = "job-definitions.json"

_DISTRIBUTED = '"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},'
_STATE = "\n"
"""What the text of a state begins with: a comma belongs before it unless it is the first of its machine."""
_Part = str | Region
"""A stretch of the document: text, or a region whose states stand there."""


def lower(program: Program, settings: StepFunctionsSettings) -> Bundle:
    """The state machine, the job definitions that it names, and the schedule of a flow that has one."""
    jobs = {name: job_of(step, settings) for name, step in program.graph.steps.items()}
    shapes = dict.fromkeys((job.shape for job in jobs.values()), "")
    definitions = [job_definition(program.name, settings, shape) for shape in shapes]
    for shape, definition in zip(shapes, definitions, strict=True):
        shapes[shape] = definition["jobDefinitionName"]
    machine = _Machine(program, settings, jobs, shapes).text()
    registered = json.dumps(definitions, indent=1, ensure_ascii=True) + "\n"
    files = {STATE_MACHINE: machine.encode(), JOB_DEFINITIONS: registered.encode()}
    schedule = schedule_of(program)
    if schedule is not None:
        document = json.dumps(schedule_document(program.name, settings, schedule), indent=1, ensure_ascii=True)
        files[SCHEDULE] = f"{document}\n".encode()
    return Bundle(files=files, main=STATE_MACHINE)


class _Machine:
    """One state machine while it is written; ``definitions`` are the names of job definitions by shape."""

    def __init__(
        self,
        program: Program,
        settings: StepFunctionsSettings,
        jobs: Mapping[str, Job],
        definitions: Mapping[Shape, str],
    ) -> None:
        self._flow = program.name
        self._root = program.root
        self._settings = settings
        self._jobs = jobs
        self._definitions = definitions
        self._layout = Layout(program)
        self._events = events_of(program.root, self._layout)
        self._distributed, self._children = _distributed(program.root) if settings.distributed_map else ({}, {})

    def text(self) -> str:
        written: list[str] = []
        pending: list[_Part] = list(reversed(self._document()))
        while pending:
            part = pending.pop()
            if isinstance(part, Region):
                pending.extend(reversed(self._region(part)))
            else:
                if part.startswith(_STATE) and not written[-1].endswith("{"):
                    written.append(",")
                written.append(part)
        return "".join(written)

    def _document(self) -> list[_Part]:
        timeout = self._settings.workflow_timeout
        head: dict[str, Any] = {"Comment": f"The flow {self._flow}, compiled by Penstock"}
        if timeout:
            head["TimeoutSeconds"] = timeout
        head["StartAt"] = FIRST_STATE
        first = states.put_input(self._flow, self._settings)
        after = _state(FIRST_STATE, _with_next(first, _entry(self._root.items[0])))
        return [_open(head), ',"States":{', after, self._root, "}}\n"]

    def _region(self, region: Region) -> list[_Part]:
        """The states of a region, without what stands around them."""
        parts: list[_Part] = []
        for item, after in zip(region.items, (*region.items[1:], None), strict=True):
            parts.extend(self._item(item, after))
        return parts

    def _item(self, item: Item, after: Item | None) -> list[_Part]:
        match item:
            case Run(step=step):
                return list(self._run(step, after))
            case Branches(split=split, regions=regions, join=join):
                return _parallel(branches_state(split), regions, join)
            case Each(opener=opener, body=body, join=join) if opener in self._distributed:
                processor = ['"ItemProcessor":', *_machine_of(body, _DISTRIBUTED)]
                state = states.distributed_foreach(self._flow, opener, self._settings)
                return _around(foreach_state(opener), state, join, processor)
            case Each(opener=opener, body=body, join=join):
                read = states.read_record(self._flow, opener, self._settings)
                processor = ['"ItemProcessor":', *_machine_of(body)]
                mapped = _around(foreach_state(opener), states.foreach(self._settings), join, processor)
                return [_state(splits_state(opener), _with_next(read, foreach_state(opener))), *mapped]
            case Choice():
                return list(regions_in(item))
            case Loop(body=body):
                return [body]
            case Mesh(levels=levels, join=join):
                names = [_level(regions) for regions in levels]
                following = (*names[1:], join)
                each = zip(names, levels, following, strict=True)
                return [part for name, regions, after_it in each for part in _parallel(name, regions, after_it)]

    def _run(self, step: str, after: Item | None) -> Iterator[str]:
        """The states of a step: its job, and where the record says how to go on, those that read and obey it."""
        chosen = self._layout.choices(step)
        following = self._layout.after(step)
        if chosen:
            yield self._job(step, record_state(step))
            yield self._record(step, choice_state(step))
            yield from self._choice(step, chosen)
        elif following is not None and self._layout.moves(step, following):
            yield self._job(step, record_state(step))
            yield self._record(step, following)
        elif following is None and isinstance(after, (Branches, Each, Mesh)):
            yield self._job(step, foreach_state(step) if step in self._distributed else _entry(after))
        else:
            yield self._job(step, following)

    def _choice(self, step: str, chosen: tuple[str, ...]) -> Iterator[str]:
        ways = {target: target if self._layout.reaches(step, target) else done_state(step) for target in chosen}
        yield _state(choice_state(step), states.choice(ways))
        if done_state(step) in ways.values():
            yield _state(done_state(step), states.done())

    def _record(self, step: str, after: str) -> str:
        return _state(record_state(step), _with_next(states.read_record(self._flow, step, self._settings), after))

    def _job(self, step: str, after: str | None) -> str:
        variables = {}
        around = self._children.get(step)
        fixed = self._events.fixed if around is None else self._events.fixed_of_child(around)
        if step in self._distributed:
            variables[SPLITS_ENV] = "1"
        elif step in self._events.per_split:
            variables[EVENTS_ENV] = f"{self._events.per_split[step]}+{fixed}"
        if headers := self._layout.headers(step):
            variables[TURN_EVENTS_ENV] = f"{max(self._events.per_turn[header] for header in headers)}+{fixed}"
        if around is not None and (EVENTS_ENV in variables or TURN_EVENTS_ENV in variables):
            variables[OWN_HISTORY_ENV] = "1"
        job = self._jobs[step]
        if job.retries:
            variables["PENSTOCK_MAX_USER_CODE_RETRIES"] = str(job.retries)
        body = states.job(self._flow, step, self._definitions[job.shape], job, variables)
        return _state(step, _with_next(body, after))


def _entry(item: Item) -> str:
    """The state an item begins with; a region begins with a step, a loop, or crossing branches."""
    while isinstance(item, Loop):
        item = item.body.items[0]
    match item:
        case Run(step=step):
            return step
        case Branches(split=split):
            return branches_state(split)
        case Each(opener=opener):
            return splits_state(opener)
        case Mesh(levels=levels):
            return _level(levels[0])
        case Choice():
            raise AssertionError(f"{item!r} follows the step that chooses")


def _level(regions: tuple[Region, ...]) -> str:
    return level_state(_entry(regions[0].items[0]))


def _parallel(name: str, regions: tuple[Region, ...], after: str | None) -> list[_Part]:
    branches: list[_Part] = []
    for region in regions:
        branches += ["," if branches else "", *_machine_of(region)]
    return _around(name, states.parallel(), after, ['"Branches":[', *branches, "]"])


def _distributed(root: Region) -> tuple[Mapping[str, None], Mapping[str, str]]:
    """The openers of the outermost foreaches, and by step inside of those, which other executions run, its opener."""
    openers: dict[str, None] = {}
    inside: dict[str, str] = {}
    outside: str | None = None
    for item, around in walk_within(root, outside, _outermost):
        if isinstance(item, Each) and around is None:
            openers[item.opener] = None
        elif isinstance(item, Run) and around is not None:
            inside[item.step] = around
    return openers, inside


def _outermost(around: str | None, item: Nest) -> str | None:
    return item.opener if around is None and isinstance(item, Each) else around


def _machine_of(region: Region, processor: str = "") -> list[_Part]:
    """A machine inside a state; ``processor`` is text for the beginning of that of a Map."""
    return [f'{{{processor}"StartAt":{_json(_entry(region.items[0]))},"States":{{', region, "}}"]


def _around(name: str, body: dict[str, Any], after: str | None, inside: list[_Part]) -> list[_Part]:
    return [f"{_STATE}{_json(name)}:", _open(_with_next(body, after)), ",", *inside, "}"]


def _state(name: str, body: dict[str, Any]) -> str:
    return f"{_STATE}{_json(name)}:{_json(body)}"


def _with_next(body: dict[str, Any], after: str | None) -> dict[str, Any]:
    return body | ({"End": True} if after is None else {"Next": after})


def _open(document: dict[str, Any]) -> str:
    """An object's JSON without its closing brace."""
    return _json(document)[:-1]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
