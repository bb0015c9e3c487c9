"""Assumptions read off a stored run: how wide, how long, how many turns, and which way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.backends.step_functions.simulation.assumptions import Assumptions
from penstock.compiler.steps import Foreach, Switch
from penstock.runtime_shim.client.runs import Run
from penstock.runtime_shim.datastore.tasks import TaskStore
from penstock.runtime_shim.paths import Frame, Path

if TYPE_CHECKING:
    from penstock.compiler.flowgraph import FlowGraph
    from penstock.runtime_shim.client.task import Task
    from penstock.runtime_shim.datastore.protocol import Datastore
    from penstock.runtime_shim.records import Record


def assumptions_of(store: Datastore, graph: FlowGraph, run: str, given: Assumptions) -> Assumptions:
    """What a run of the flow did; what is ``given`` counts before that, its defaults for what the run did not do.

    Means over the tasks of a step: of their seconds, of the widths of a foreach, of the turns of a loop (rounded); of a
    switch the way that was gone most often.  Raises Failure where there is no such run, or a task of it can't be read.
    """
    widths: dict[str, float] = {}
    turns: dict[str, int] = {}
    choices: dict[str, str] = {}
    seconds: dict[str, float] = {}
    tasks = TaskStore(store, graph.name)
    for step in Run(f"{graph.name}/{run}", store=store, _namespace=None).steps():
        name = step.id
        if name not in graph:
            continue
        ended = [task for task in step.tasks() if task.successful]
        if durations := [each for each in map(_seconds, ended) if each is not None]:
            seconds[name] = sum(durations) / len(durations)
        if count := _turns(task.id for task in step.tasks()):
            turns[name] = count
        transition = graph[name].transition
        if isinstance(transition, (Foreach, Switch)) and ended:
            finished = tasks.finished_many(run, [(name, task.id) for task in ended])
            records = [each.record for each in finished if each.record is not None]
            if not records:
                continue  # a run of Metaflow's: it keeps neither widths nor ways
            if isinstance(transition, Foreach):
                widths[name] = sum(record.splits or 0 for record in records) / len(records)
            else:
                choices[name] = _most_often(records)
    return replace(
        given,
        widths={**widths, **given.widths},
        turns={**turns, **given.turns},
        choices={**choices, **given.choices},
        seconds={**seconds, **given.seconds},
    )


def _seconds(task: Task) -> float | None:
    ended = task.finished_at
    return None if ended is None else (ended - task.created_at).total_seconds()


def _turns(ids: Iterable[str]) -> int:
    """How often the header of a loop ran, in the mean of all times that the loop was entered; 0 for other steps."""
    turned: Mapping[tuple[Frame, ...], set[int]] = defaultdict(set)
    for each in ids:
        path = Path.of_task_id(each)
        if path is not None and path.frames and path.frames[-1].turn:
            turned[path.frames[:-1]].add(path.frames[-1].number)
    return round(sum(map(len, turned.values())) / len(turned)) if turned else 0


def _most_often(records: list[Record]) -> str:
    return Counter(record.next[0] for record in records).most_common(1)[0][0]
