"""From a program to the plan that containers read instead of the flow."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.compiler.program import Branches, Choice, Each, Loop, Mesh, Nest, Program, Run, walk_within
from penstock.compiler.steps import Foreach, Goto, Split, Step, Stop, Switch, targets
from penstock.runtime_shim.plan import EACH, LOOP, Plan, PlannedStep


def plan_of(program: Program, defaults: Mapping[str, object] | None = None) -> Plan:
    """The plan of ``program``; ``defaults`` are the values of defaults that are functions, computed when deploying.

    Steps stand in the order of the regions, which is topological; so the parents of a join come in the declaration
    order of its branches.
    """
    closes: dict[str, tuple[str, str]] = {}
    stacks: dict[str, tuple[str, ...]] = {}
    parents: dict[str, list[str]] = {name: [] for name in program.graph.steps}
    outside: tuple[str, ...] = ()
    for item, stack in walk_within(program.root, outside, _inside):
        match item:
            case Run(step=name):
                stacks[name] = stack
                for target in targets(program.graph[name].transition):
                    parents[target].append(name)
            case Choice() | Loop():
                pass
            case Branches(split=split, join=join) | Mesh(split=split, join=join):
                if join is not None:
                    closes[join] = ("split", split)
            case Each(opener=opener, join=join):
                closes[join] = ("foreach", opener)
    steps = [
        _planned(program.graph[name], stack, tuple(parents[name]), *closes.get(name, (None, None)))
        for name, stack in stacks.items()
    ]
    return Plan.of(program.name, steps, dict(defaults) if defaults else None)


def _inside(nest: tuple[str, ...], item: Nest) -> tuple[str, ...]:
    match item:
        case Each(opener=opener):
            return (*nest, f"{EACH}{opener}")
        case Loop(header=header):
            return (*nest, f"{LOOP}{header}")
        case Branches() | Choice() | Mesh():
            return nest


def _planned(
    step: Step, nest: tuple[str, ...], parents: tuple[str, ...], closes: str | None, opener: str | None
) -> PlannedStep:
    kind, over, condition, cases = _ending(step)
    return PlannedStep(
        name=step.name,
        kind=kind,
        next=targets(step.transition),
        over=over,
        condition=condition,
        cases=cases,
        parents=parents,
        closes=closes,
        opener=opener,
        nest=nest,
        decorators=tuple({"name": d.name, "attributes": dict(d.attributes)} for d in step.decorators),
    )


def _ending(step: Step) -> tuple[str, str | None, str | None, dict[str, str]]:
    match step.transition:
        case Goto():
            return "goto", None, None, {}
        case Split():
            return "split", None, None, {}
        case Foreach(over=over):
            return "foreach", over, None, {}
        case Switch(cases=cases, condition=condition):
            return "switch", None, condition, dict(cases)
        case Stop():
            return "stop", None, None, {}
