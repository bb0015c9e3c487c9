"""From a program to the plan that containers read instead of the flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock.compiler.program import Branches, Choice, Each, Loop, Mesh, Nest, Program, Run, walk_within
from penstock.compiler.steps import Decorator, Foreach, Goto, Split, Step, Stop, Switch, targets
from penstock.runtime_shim.decorators import DECORATORS
from penstock.runtime_shim.plan import EACH, LOOP, Plan, PlannedStep

_OF_THE_RUNNER = ("retry", "catch", "timeout")
"""What else a decorator says is for the target that runs the task."""


def plan_of(program: Program, defaults: Mapping[str, object] | None = None) -> Plan:
    """The plan of ``program``; ``defaults`` are the values of defaults that are functions, computed when deploying.

    Steps stand in the order of the regions, which is topological but for the turns of loops.
    """
    outside: tuple[str, ...] = ()
    nests = {item.step: nest for item, nest in walk_within(program.root, outside, _inside) if isinstance(item, Run)}
    parents: dict[str, list[str]] = {name: [] for name in nests}
    for name in nests:
        for target in targets(program.graph[name].transition):
            parents[target].append(name)
    steps = [_planned(program, name, nests, parents[name]) for name in nests]
    return Plan.of(program.name, steps, dict(defaults) if defaults else None)


def _inside(nest: tuple[str, ...], item: Nest) -> tuple[str, ...]:
    match item:
        case Each(opener=opener):
            return (*nest, f"{EACH}{opener}")
        case Loop(header=header):
            return (*nest, f"{LOOP}{header}")
        case Branches() | Choice() | Mesh():
            return nest


def _planned(program: Program, name: str, nests: Mapping[str, tuple[str, ...]], parents: list[str]) -> PlannedStep:
    step = program.graph[name]
    kind, over, condition, cases = _ending(step)
    join = program.joins.get(name)
    slots = join.slots if join else ()
    return PlannedStep(
        name=name,
        kind=kind,
        next=targets(step.transition),
        over=over,
        condition=condition,
        cases=cases,
        parents=tuple(parent for slot in slots for parent in slot) if join else tuple(parents),
        slots=slots,
        closes=None if join is None else "foreach" if join.foreach else "split",
        opener=join.opener if join else None,
        nest=nests[name],
        merges=_merges(program, name, nests, slots or (tuple(parents),)),
        decorators=tuple(_noted(program, step)),
    )


def _merges(
    program: Program, name: str, nests: Mapping[str, tuple[str, ...]], slots: tuple[tuple[str, ...], ...]
) -> bool:
    """Whether the plan and a task's path do not tell its parents: there are several, or one that turns in a loop which
    the step is not in.
    """
    join = program.joins.get(name)
    nest = nests[name]
    beside = (*nest, f"{EACH}{join.opener}") if join is not None and join.foreach else nest
    for slot in slots:
        if len(slot) > 1:
            return True
        for parent in slot:
            opens = isinstance(program.graph[parent].transition, Foreach)
            if nests[parent] != (nest[:-1] if opens and join is None else beside):
                return True
    return False


def _noted(program: Program, step: Step) -> Iterator[dict[str, object]]:
    """What the runner needs: the decorators that change how the step's own code runs, each with all attributes.

    Environment variables of the flow are joined with those of the step, which win.
    """
    variables: dict[str, object] = {}
    for decorator in (*program.graph.decorators, *step.decorators):
        if decorator.name in ("global_environment", "environment"):
            variables |= completed(decorator)["vars"]
        elif decorator.name in _OF_THE_RUNNER:
            yield {"name": decorator.name, "attributes": completed(decorator)}
    if variables:
        yield {"name": "environment", "attributes": {"vars": variables}}


def completed(decorator: Decorator) -> dict[str, Any]:
    """All attributes of a decorator, those that are not given with their defaults."""
    return DECORATORS[decorator.name].complete(decorator.attributes)


def _ending(step: Step) -> tuple[str, str | None, str | None, dict[str, str]]:
    match step.transition:
        case Goto():
            return "goto", None, None, {}
        case Split():
            return "split", None, None, {}
        case Foreach(over=over):
            return "foreach", over, None, {}
        case Switch(condition=None):
            return "switch", None, None, {}
        case Switch(cases=cases, condition=condition):
            return "switch", None, condition, dict(cases)
        case Stop():
            return "stop", None, None, {}
