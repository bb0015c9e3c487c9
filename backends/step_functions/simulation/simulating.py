"""A whole machine: what one visit of each level costs, from the inside out, and how often it is made, from the outside
in.  No iteration is enumerated: a foreach of 10,000 in one of 10,000 costs no more than one of two.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from penstock.backends.step_functions import events
from penstock.backends.step_functions.simulation.assumptions import Assumptions
from penstock.backends.step_functions.simulation.machines import Machine, is_distributed, step_of, take_apart
from penstock.backends.step_functions.simulation.walking import walk

INLINE_AT_ONCE = 40
DISTRIBUTED_AT_ONCE = 10_000
_MAP_RUN = 2
"""Events of a Distributed Map besides those of a Map: its run started and succeeded."""


class Level(NamedTuple):
    """One visit of a machine: ``events`` in the history of its execution, ``jobs`` at once at most, ``seconds`` of its
    longest way.
    """

    visits: Counter[str]
    state_seconds: Mapping[str, float]
    seconds: float
    events: float
    jobs: float


class Leg(NamedTuple):
    """A stretch of the critical path: ``times`` tasks of ``step``, one after the other, of ``seconds`` each."""

    step: str
    times: float
    seconds: float


class Opened(NamedTuple):
    """A foreach: ``times`` it is opened in the whole run, with ``width`` splits each."""

    width: float
    times: float
    distributed: bool


@dataclass
class Simulation:
    """A run as it would be.  ``events`` are those of the execution itself, ``child_events`` of the longest execution of
    an iteration of a Distributed Map, of which there are ``children``.  ``loops`` says whether the machine has any.
    """

    seconds: float
    jobs_at_once: float
    events: float
    child_events: float = 0.0
    children: float = 0.0
    transitions: float = 0.0
    tasks: dict[str, float] = field(default_factory=dict)
    foreaches: dict[str, Opened] = field(default_factory=dict)
    path: list[Leg] = field(default_factory=list)
    loops: bool = False


def simulate(document: Mapping[str, Any], assumed: Assumptions) -> Simulation:
    """Walk a compiled state machine.

    Raises Refused for a loop of absurdly many turns.
    """
    machines = take_apart(document)
    levels: dict[int, Level] = {}
    for machine in reversed(machines):
        levels[id(machine)] = _level(machine, levels, assumed)
    root = levels[id(machines[0])]
    simulation = Simulation(root.seconds, root.jobs, root.events + events.EXECUTION)
    _count(machines, levels, assumed, simulation)
    simulation.path = list(_path(machines[0], levels, assumed))
    simulation.loops = any(machine.loops for machine in machines)
    return simulation


def _level(machine: Machine, levels: Mapping[int, Level], assumed: Assumptions) -> Level:
    costs = {name: _cost(machine, name, levels, assumed) for name in machine.states}
    seconds = {name: cost.seconds for name, cost in costs.items()}
    visits = walk(machine, seconds, assumed)
    return Level(
        visits,
        seconds,
        seconds=sum(count * costs[name].seconds for name, count in visits.items()),
        events=sum(count * costs[name].events for name, count in visits.items()),
        jobs=max(costs[name].jobs for name in visits),
    )


class _Cost(NamedTuple):
    seconds: float
    events: float
    jobs: float


def _cost(machine: Machine, name: str, levels: Mapping[int, Level], assumed: Assumptions) -> _Cost:
    """What one visit of a state costs."""
    state = machine.states[name]
    inner = [levels[id(each)] for each in machine.inner.get(name, ())]
    match state["Type"]:
        case "Task":
            step = step_of(state)
            return _Cost(0.0, events.READ, 0) if step is None else _Cost(assumed.seconds_of(step), events.JOB, 1)
        case "Parallel":
            longest = max(level.seconds for level in inner)
            inside = sum(level.events for level in inner)
            return _Cost(longest, events.CONTAINER + inside, sum(level.jobs for level in inner))
        case "Map":
            (body,) = inner
            width = assumed.width(machine.owner[name])
            jobs = min(width, _at_once(state)) * body.jobs
            seconds = _waves(state, width) * body.seconds
            if is_distributed(state):
                return _Cost(seconds, events.CONTAINER + _MAP_RUN, jobs)
            return _Cost(seconds, events.CONTAINER + width * (events.ITERATION + body.events), jobs)
        case _:
            return _Cost(0.0, events.CHOICE, 0)


def _at_once(state: Mapping[str, Any]) -> int:
    most = DISTRIBUTED_AT_ONCE if is_distributed(state) else INLINE_AT_ONCE
    return min(most, state.get("MaxConcurrency") or most)


def _waves(state: Mapping[str, Any], width: float) -> int:
    """How many iterations run one after the other."""
    return math.ceil(width / _at_once(state))


def _count(machines: list[Machine], levels: Mapping[int, Level], assumed: Assumptions, simulation: Simulation) -> None:
    times = {id(machine): 0.0 for machine in machines}
    times[id(machines[0])] = 1.0
    for machine in machines:
        for name, count in levels[id(machine)].visits.items():
            visits = times[id(machine)] * count
            simulation.transitions += visits
            state = machine.states[name]
            if (step := step_of(state)) is not None:
                simulation.tasks[step] = simulation.tasks.get(step, 0) + visits
            width = 1.0
            if state["Type"] == "Map":
                width = assumed.width(machine.owner[name])
                opened = simulation.foreaches.get(machine.owner[name], Opened(width, 0, is_distributed(state)))
                simulation.foreaches[machine.owner[name]] = opened._replace(times=opened.times + visits)
                if is_distributed(state) and visits * width:
                    simulation.children += visits * width
                    own = levels[id(machine.inner[name][0])].events + events.EXECUTION
                    simulation.child_events = max(simulation.child_events, own)
            for inner in machine.inner.get(name, ()):
                times[id(inner)] += visits * width


def _path(root: Machine, levels: Mapping[int, Level], assumed: Assumptions) -> Iterator[Leg]:
    """The steps that the run waits for, in order: of branches side by side those of the longest one."""
    pending: list[tuple[Machine, str, float]] = _visited(root, levels, 1.0)
    while pending:
        machine, name, times = pending.pop()
        state = machine.states[name]
        if (step := step_of(state)) is not None:
            yield Leg(step, times, assumed.seconds_of(step))
        elif state["Type"] == "Parallel":
            longest = max(machine.inner[name], key=lambda each: levels[id(each)].seconds)
            pending += _visited(longest, levels, times)
        elif state["Type"] == "Map":
            waves = _waves(state, assumed.width(machine.owner[name]))
            if waves:
                pending += _visited(machine.inner[name][0], levels, times * waves)


def _visited(machine: Machine, levels: Mapping[int, Level], times: float) -> list[tuple[Machine, str, float]]:
    """The states that a machine's way enters, the last first."""
    return [(machine, name, times * count) for name, count in reversed(levels[id(machine)].visits.items())]
