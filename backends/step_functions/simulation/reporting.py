"""A simulation as text for people, and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from penstock.backends.step_functions.simulation.assumptions import Assumptions
from penstock.backends.step_functions.simulation.costs import PRICES_OF, Cost, Prices
from penstock.backends.step_functions.simulation.limits import Limit
from penstock.backends.step_functions.simulation.simulating import Leg, Simulation
from penstock.backends.tables import duration

_MOST_STEPS = 40
_MOST_LEGS = 30


class Report(NamedTuple):
    """All that is shown; ``states`` are those of the document, ``past`` the run whose figures were taken."""

    name: str
    states: int
    simulation: Simulation
    limits: tuple[Limit, ...]
    cost: Cost
    prices: Prices
    assumed: Assumptions
    past: str | None


def text(report: Report) -> Iterator[str]:
    """Lines for people."""
    simulation = report.simulation
    tasks = _tasks(sum(simulation.tasks.values()))
    yield f"{report.name}: {report.states:,} states, {tasks} in {_time(simulation.seconds)}"
    yield f"  state transitions  {_number(simulation.transitions)}"
    yield f"  jobs at once       {_number(simulation.jobs_at_once)}"
    if simulation.children:
        yield f"  child executions   {_number(simulation.children)}"
    yield ""
    yield "Tasks:"
    yield from _steps(report)
    yield ""
    yield "Critical path:"
    yield from _legs(simulation.path)
    yield ""
    yield "Limits:"
    for limit in report.limits:
        advice = "" if limit.met else f"  BROKEN: {limit.advice}"
        yield f"  {limit.name:<38}{limit.value:>12,} of {limit.most:>9,}{advice}"
    yield ""
    yield from _cost(report)
    yield ""
    yield from _assumed(report)


def document(report: Report) -> dict[str, Any]:
    """The same for programs; numbers are as exact as they are known."""
    simulation, assumed = report.simulation, report.assumed
    return {
        "state_machine": report.name,
        "states": report.states,
        "tasks": dict(simulation.tasks),
        "seconds": simulation.seconds,
        "state_transitions": simulation.transitions,
        "events": simulation.events,
        "child_executions": simulation.children,
        "child_events": simulation.child_events,
        "jobs_at_once": simulation.jobs_at_once,
        "foreaches": {name: opened._asdict() for name, opened in simulation.foreaches.items()},
        "critical_path": [leg._asdict() for leg in simulation.path],
        "limits": [{**limit._asdict(), "met": limit.met} for limit in report.limits],
        "cost": {**report.cost._asdict(), "total": report.cost.total},
        "assumed": {
            "widths": dict(assumed.widths),
            "turns": dict(assumed.turns),
            "choices": dict(assumed.choices),
            "seconds": dict(assumed.seconds),
            "default_width": assumed.default_width,
            "default_turns": assumed.default_turns,
            "default_seconds": assumed.default_seconds,
            "prices": report.prices._asdict(),
            "past_run": report.past,
        },
    }


def _steps(report: Report) -> Iterator[str]:
    tasks = sorted(report.simulation.tasks.items(), key=lambda each: each[1], reverse=True)
    for step, count in tasks[:_MOST_STEPS]:
        opened = report.simulation.foreaches.get(step)
        width = f", opens {_number(opened.width)} splits" if opened else ""
        yield f"  {step:<30}{_number(count):>14}  of {_time(report.assumed.seconds_of(step))}{width}"
    if len(tasks) > _MOST_STEPS:
        rest = sum(count for _, count in tasks[_MOST_STEPS:])
        yield f"  and {len(tasks) - _MOST_STEPS:,} steps more, with {_tasks(rest)}"


def _legs(path: list[Leg]) -> Iterator[str]:
    for leg in path[:_MOST_LEGS]:
        times = "" if leg.times == 1 else f"  {_number(leg.times)} one after the other"
        yield f"  {leg.step:<30}{_time(leg.times * leg.seconds):>14}{times}"
    if len(path) > _MOST_LEGS:
        rest = sum(leg.times * leg.seconds for leg in path[_MOST_LEGS:])
        yield f"  and {len(path) - _MOST_LEGS:,} steps more, of {_time(rest)}"


def _cost(report: Report) -> Iterator[str]:
    cost, prices = report.cost, report.prices
    yield f"Cost, roughly: ${cost.total:,.4f} a run"
    yield f"  ${cost.transitions:,.4f} for state transitions, at ${prices.transitions:g} a thousand"
    vcpus = f"{cost.vcpu_hours:,.2f} vCPU hours at ${prices.vcpu_hour:g}"
    memory = f"{cost.gb_hours:,.2f} GB hours at ${prices.gb_hour:g}"
    yield f"  ${cost.machines:,.4f} for machines: {vcpus}, {memory}"


def _assumed(report: Report) -> Iterator[str]:
    assumed = report.assumed
    yield "Assumed:"
    if report.past is not None:
        yield f"  as run {report.past}, in the mean of each step's tasks; for what it did not do:"
    yield f"  {assumed.default_width:g} splits of a foreach, {_time(assumed.default_seconds)} of a task,"
    yield f"  {assumed.default_turns} turns of a loop, of a choice the longest way, unless given; no task fails"
    yield f"  prices, unless given: {PRICES_OF}"


def _tasks(count: float) -> str:
    return f"{_number(count)} {'task' if count == 1 else 'tasks'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _time(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 10 and seconds != int(seconds) else duration(seconds)
