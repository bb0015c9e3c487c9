"""Going through a plan as a scheduler does, with every choice made by somebody else; and an idea of which graphs make
sense that knows nothing of scopes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import product

from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.steps import Split, Switch, targets
from penstock.runtime_shim.plan import EACH, LOOP, Plan, PlannedStep

Where = tuple[int, ...]
Task = tuple[str, Where]
Choose = Callable[[PlannedStep, int], str]
"""Which successor a switch takes, given how many tasks ran so far."""


def run(plan: Plan, choose: Choose, width: int = 2) -> Counter[str]:
    """How often each step ran, every foreach ``width`` wide.

    Asserts that no task runs twice, that every join gets each of its inputs once and none waits for ever, that the
    parent which the plan tells is the one that led to a task, and that `end` runs once.
    """
    ran: dict[Task, Task | None] = {}
    waiting: dict[Task, dict[int, Task]] = {}
    ready: list[tuple[Task, Task | None]] = [(("start", ()), None)]
    while ready:
        (name, path), before = ready.pop()
        step = plan[name]
        assert (name, path) not in ran, "a task runs once"
        assert len(path) == len(step.nest)
        ran[name, path] = before
        if before is not None and not step.is_join and not step.merges:
            opened = plan[before[0]].kind == "foreach"
            assert before == (step.parents[0], path[:-1] if opened else path), "the plan tells the parent"
        following = (choose(step, len(ran)),) if step.kind == "switch" else step.next
        for target in following:
            join = plan[target]
            if step.kind == "foreach":
                entry = (0,) if join.nest[-1:] == (f"{LOOP}{target}",) else ()
                ready += [((target, (*path, index, *entry)), (name, path)) for index in range(width)]
            elif not join.is_join:
                ready.append(((target, onward(step, path, join)), (name, path)))
            else:
                at = path[: len(join.nest)]
                inputs = waiting.setdefault((target, at), {})
                slot = slot_of(join, name, path)
                assert slot not in inputs, "an input comes once"
                inputs[slot] = (name, path)
                if len(inputs) == (width if join.closes == "foreach" else len(join.slots)):
                    told(join, at, waiting.pop((target, at)))
                    ready.append(((target, at), None))
    assert waiting == {}, "no join waits for ever"
    assert [path for name, path in ran if name == "end"] == [()]
    return Counter(name for name, _ in ran)


def onward(step: PlannedStep, path: Where, following: PlannedStep) -> Where:
    """Where the task of a successor stands."""
    shared = 0
    while shared < min(len(step.nest), len(following.nest)) and step.nest[shared] == following.nest[shared]:
        shared += 1
    if shared == len(following.nest):
        turns = following.nest[-1:] == (f"{LOOP}{following.name}",)
        return (*path[: shared - 1], path[shared - 1] + 1) if turns else path[:shared]
    assert following.nest[shared:] == (f"{LOOP}{following.name}",), "a loop is entered by its header"
    return (*path[:shared], 0)


def slot_of(join: PlannedStep, name: str, path: Where) -> int:
    """Which input of ``join`` the task of ``name`` at ``path`` is."""
    (slot,) = [number for number, steps in enumerate(join.slots) if name in steps]
    return path[len(join.nest)] if join.closes == "foreach" else slot


def told(join: PlannedStep, at: Where, inputs: Mapping[int, Task]) -> None:
    """Assert that the plan tells the inputs of a join that has no pointers."""
    if not join.merges:
        each = join.closes == "foreach"
        expected = {n: (join.parents[0 if each else n], (*at, n) if each else at) for n in inputs}
        assert inputs == expected
    if join.closes == "foreach":
        assert join.opener is not None
        assert f"{EACH}{join.opener}" not in join.nest


def resolutions(graph: FlowGraph) -> Iterator[dict[str, str]]:
    """Every way to make the choices of a graph once and for all: the successor of each switch."""
    switches = [step for step in graph.steps.values() if isinstance(step.transition, Switch)]
    for chosen in product(*(targets(step.transition) for step in switches)):
        yield dict(zip((step.name for step in switches), chosen, strict=True))


def makes_sense(graph: FlowGraph) -> bool:
    """Whether an acyclic graph without foreach can be run, told by counting arrivals under every resolution.

    A plain step is arrived at once, `end` always; a join by as many as under every other resolution that reaches it,
    two at least.
    """
    counts: dict[str, int] = {}
    for chosen in resolutions(graph):
        arrived = Counter({"start": 1})
        for name in graph.topological():
            if not arrived[name]:
                continue
            step = graph[name]
            if step.is_join:
                if arrived[name] < 2 or counts.setdefault(name, arrived[name]) != arrived[name]:
                    return False
            elif arrived[name] != 1:
                return False
            following = (chosen[name],) if isinstance(step.transition, Switch) else targets(step.transition)
            if isinstance(step.transition, Split):
                assert len(set(following)) == len(following)
            arrived.update(following)
        if arrived["end"] != 1:
            return False
    return True
