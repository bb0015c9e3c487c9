"""A compiled document taken apart: the machine of the flow, and those of its branches and iterations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_SUBMIT = "batch:submitJob"


@dataclass(frozen=True)
class Loop:
    """``states`` of the machine that lie on a way from the header ``header`` back to it, itself included."""

    header: str
    states: frozenset[str]


@dataclass(eq=False)
class Machine:
    """States of one level.  ``inner`` are the machines in its states; ``owner`` names for each state without a job the
    step whose job comes before it: the opener of a Map, the step that a Choice is of.
    """

    start: str
    states: Mapping[str, Mapping[str, Any]]
    inner: dict[str, list[Machine]] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    loops: tuple[Loop, ...] = ()
    order: tuple[str, ...] = ()
    """Each state after all that it leads to, the ways back apart."""

    def following(self, name: str) -> Iterator[str]:
        """The states to which a state leads."""
        state = self.states[name]
        if "Next" in state:
            yield state["Next"]
        for rule in state.get("Choices", ()):
            yield rule["Next"]


def step_of(state: Mapping[str, Any]) -> str | None:
    """The step whose job a state submits; None for other states."""
    if _SUBMIT not in state.get("Resource", ""):
        return None
    variables = state["Parameters"]["ContainerOverrides"]["Environment"]
    return next((str(each["Value"]) for each in variables if each["Name"] == "PENSTOCK_STEP"), None)


def is_distributed(state: Mapping[str, Any]) -> bool:
    """Whether a Map's iterations are executions of their own."""
    processor: Mapping[str, Any] = state.get("ItemProcessor", {})
    return bool(processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def take_apart(document: Mapping[str, Any]) -> list[Machine]:
    """All machines of a document, outer before inner; iterative, for a flow may nest deeply."""
    machines = [Machine(document["StartAt"], document["States"])]
    for machine in machines:  # grows while it is walked
        for name, state in machine.states.items():
            bodies = [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]
            if bodies:
                machine.inner[name] = [Machine(body["StartAt"], body["States"]) for body in bodies]
                machines += machine.inner[name]
        back = _order(machine)
        machine.loops = tuple(_loops(machine, back))
        _own(machine)
    return machines


def _order(machine: Machine) -> list[tuple[str, str]]:
    """Sets the order of a machine; the ways back to a header, found by depth first."""
    back: list[tuple[str, str]] = []
    done: dict[str, None] = {}
    open_states = {machine.start}
    stack = [(machine.start, machine.following(machine.start))]
    while stack:
        name, following = stack[-1]
        target = next(following, None)
        if target is None:
            stack.pop()
            open_states.discard(name)
            done[name] = None
        elif target in open_states:
            back.append((name, target))
        elif target not in done:
            open_states.add(target)
            stack.append((target, machine.following(target)))
    machine.order = tuple(done)
    return back


def _loops(machine: Machine, back: list[tuple[str, str]]) -> Iterator[Loop]:
    """The natural loop of each header: what reaches a way back without passing the header."""
    if not back:
        return
    before: dict[str, list[str]] = {name: [] for name in machine.states}
    for name in machine.states:
        for target in machine.following(name):
            before[target].append(name)
    ends: dict[str, list[str]] = {}
    for end, header in back:
        ends.setdefault(header, []).append(end)
    for header, pending in ends.items():
        inside = {header, *pending}
        pending = [end for end in pending if end != header]
        while pending:
            for earlier in before[pending.pop()]:
                if earlier not in inside:
                    inside.add(earlier)
                    pending.append(earlier)
        yield Loop(header, frozenset(inside))


def _own(machine: Machine) -> None:
    for name in reversed(machine.order):
        step = step_of(machine.states[name]) or machine.owner.get(name)
        for target in machine.following(name):
            if step is not None and step_of(machine.states[target]) is None:
                machine.owner.setdefault(target, step)
