"""Programs by hand and settings: what a lowering takes, without a flow file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from penstock.backends.step_functions.lowering import JOB_DEFINITIONS, STATE_MACHINE, lower
from penstock.backends.step_functions.settings import StepFunctionsSettings
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.program import Branches, Choice, Each, Item, Loop, Mesh, Program, Region, Run
from penstock.compiler.spans import Span
from penstock.compiler.steps import Foreach, Goto, Split, Step, Stop, Transition

SPAN = Span("flow.py", 3, 1, 3, 20)
SETTINGS = StepFunctionsSettings(
    datastore_root="s3://bucket/metaflow",
    name="TestFlow",
    entry=("flow.py",),
    package_sha="ab" * 20,
    image="python:3.11",
    job_queue="arn:aws:batch:eu-west-1:123456789012:job-queue/a-queue-with-a-name",
    job_role="arn:aws:iam::123456789012:role/jobs",
    sfn_role="arn:aws:iam::123456789012:role/machine",
)


def program(*items: Item, name: str = "TestFlow") -> Program:
    """A program with these items; what its steps go to is read from them."""
    steps = []
    pending: list[tuple[Region, str | None]] = [(Region(items), None)]
    while pending:
        region, around = pending.pop()
        for item, after in zip(region.items, (*region.items[1:], None), strict=True):
            match item:
                case Run(step=step):
                    steps.append(Step(step, _transition(after, around), False, SPAN, SPAN))
                case Branches(regions=regions, join=join):
                    pending.extend((inner, join or around) for inner in regions)
                case Each(body=body, join=join):
                    pending.append((body, join))
                case Choice() | Loop() | Mesh():
                    raise AssertionError("such a program is made from a graph")
    return Program(FlowGraph(name, steps, span=SPAN), Region(items))


def _transition(after: Item | None, around: str | None) -> Transition:
    match after:
        case Run(step=step):
            return Goto(step)
        case Branches(regions=regions):
            return Split(tuple(region.items[0].step for region in regions if isinstance(region.items[0], Run)))
        case Each(body=Region(items=(Run(step=first), *_))):
            return Foreach(first, "items")
        case _:
            return Goto(around) if around else Stop()


def line(count: int) -> Program:
    return program(*(Run(f"step_{number}") for number in range(count)))


def nested(levels: int) -> Program:
    region = Region((Run("body"),))
    for level in reversed(range(levels)):
        region = Region((Run(f"open_{level}"), Each(f"open_{level}", region, f"join_{level}"), Run(f"join_{level}")))
    return program(Run("start"), *region.items, Run("end"))


def machine(of: Program, settings: StepFunctionsSettings = SETTINGS) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(lower(of, settings).files[STATE_MACHINE])
    return document


def definitions(of: Program, settings: StepFunctionsSettings = SETTINGS) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(lower(of, settings).files[JOB_DEFINITIONS])
    return listed


def all_states(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(name, state, the machine around it) of every state, at any depth."""
    pending = [document]
    while pending:
        around = pending.pop()
        for name, state in around["States"].items():
            yield name, state, around
            pending += state.get("Branches", [])
            if "ItemProcessor" in state:
                pending.append(state["ItemProcessor"])


def order(document: dict[str, Any]) -> list[str]:
    """The states of the outermost machine, as they run."""
    names = [document["StartAt"]]
    while "Next" in document["States"][names[-1]]:
        names.append(document["States"][names[-1]]["Next"])
    assert document["States"][names[-1]]["End"] is True
    return names
