"""The pipelines of a program: its root, the body of each foreach, and each arm of a switch.

Kubeflow runs a pipeline as a graph of tasks, so static branches, crossing ones included, are tasks of one pipeline that
depend on what the flow's graph says.  A foreach and a choice are tasks that stand for pipelines of their own.  What
stands in a pipeline depends on the step it begins with alone: a pipeline is written once, however many tasks use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from penstock.backends.kubeflow.convergence import convergence
from penstock.backends.kubeflow.names import ARM, CHOICE, FOREACH, STEP, Named
from penstock.compiler.program import Branches, Choice, Each, Loop, Mesh, Region, Run, regions_in

if TYPE_CHECKING:
    from penstock.compiler.program import Program

ROOT: Named = ("root", "")


@dataclass(slots=True)
class Dag:
    """``tasks`` maps each task to those it depends on; ``in_foreach`` says whether the pipeline runs per split."""

    named: Named
    in_foreach: bool
    tasks: dict[Named, tuple[Named, ...]] = field(default_factory=dict)


class Arms(NamedTuple):
    """What a switch leads to: ``meeting`` is where all ways meet, ``pipelines`` the arms by the step they begin with.

    A choice of the step ``meeting`` itself has no pipeline.
    """

    meeting: str | None
    pipelines: Mapping[str, Named]


class _Way(NamedTuple):
    """From item number ``begin`` of a region on: to the step ``stop``, or, where that is None, to the region's end."""

    region: Region
    begin: int = 0
    stop: str | None = None


class Dags:
    """All pipelines of a program.

    ``all`` is in the order in which they are met, the root first; ``arms`` are those of each switch that chooses.  With
    ``most`` the search ends once that many steps stand in pipelines, and :attr:`complete` is False.
    """

    def __init__(self, program: Program, most: int | None = None) -> None:
        self.all: dict[Named, Dag] = {}
        self.arms: dict[str, Arms] = {}
        self.complete = True
        self._program = program
        self._meets = convergence(program.graph)
        self._places = dict(_places(program.root))
        self._pending: list[tuple[Dag, _Way]] = []
        self._begin(ROOT, _Way(program.root), in_foreach=False)
        standing = 0
        while self._pending:
            dag, way = self._pending.pop()
            self._fill(dag, way)
            standing += sum(kind == STEP for kind, _ in dag.tasks)
            if most is not None and standing > most:
                self.complete = False
                return

    def named(self) -> Iterator[Named]:
        """Every task and every pipeline that a task stands for."""
        for dag in self.all.values():
            yield from dag.tasks
        for arms in self.arms.values():
            yield from arms.pipelines.values()

    def _begin(self, named: Named, way: _Way, in_foreach: bool) -> None:
        if named not in self.all:
            self.all[named] = Dag(named, in_foreach)
            self._pending.append((self.all[named], way))

    def _fill(self, dag: Dag, way: _Way) -> None:
        ways = [way]
        while ways:
            ways += self._follow(dag, ways.pop())
        converging: dict[str | None, list[Named]] = {}
        for kind, step in dag.tasks:
            if kind == CHOICE:
                converging.setdefault(self._meets[step], []).append((kind, step))
        for named in dag.tasks:
            dag.tasks[named] = tuple(self._dependencies(dag, named, converging))

    def _follow(self, dag: Dag, way: _Way) -> Iterator[_Way]:
        """Put the tasks of a way into a pipeline; what is given are the ways beside it that belong there too."""
        region, index, stop = way
        while True:
            opened = region.items[index]
            following = None
            if isinstance(opened, Run):
                dag.tasks[STEP, opened.step] = ()
                following = self._meets[opened.step]
                opened = region.items[index + 1] if index + 1 < len(region.items) else opened
            match opened:
                case Run():
                    pass
                case Branches() | Mesh():
                    yield from map(_Way, regions_in(opened))
                case Each(opener=opener, body=body, join=join):
                    dag.tasks[FOREACH, opener] = ()
                    self._begin((FOREACH, opener), _Way(body), in_foreach=True)
                    following = join
                case Choice(step=step):
                    dag.tasks[CHOICE, step] = ()
                    self._begin_arms(dag, opened)
                case Loop():
                    raise AssertionError(f"{opened!r} is refused before")
            if following is None or following == stop:
                return
            here = region
            region, index = self._places[following]
            if stop is None and region is not here:
                return

    def _begin_arms(self, dag: Dag, choice: Choice) -> None:
        meeting = self._meets[choice.step]
        pipelines = {arm.target: (ARM, f"{choice.step} {arm.target}") for arm in choice.arms if arm.target != meeting}
        self.arms[choice.step] = Arms(meeting, pipelines)
        for target, named in pipelines.items():
            self._begin(named, _Way(*self._places[target], meeting), dag.in_foreach)

    def _dependencies(self, dag: Dag, named: Named, converging: Mapping[str | None, list[Named]]) -> Iterator[Named]:
        kind, step = named
        if kind != STEP:
            yield STEP, step
            return
        join = self._program.joins.get(step)
        if join is not None and join.foreach:
            yield FOREACH, join.opener
            return
        for before in self._program.graph.predecessors(step):
            if (STEP, before) in dag.tasks and (CHOICE, before) not in dag.tasks:
                yield STEP, before
        yield from converging.get(step, ())


def _places(root: Region) -> Iterator[tuple[str, tuple[Region, int]]]:
    """Where each step stands."""
    regions = [root]
    for region in regions:  # grows while it is walked
        for index, item in enumerate(region.items):
            if isinstance(item, Run):
                yield item.step, (region, index)
            regions += regions_in(item)


def shared_tails(dags: Dags) -> Mapping[str, int]:
    """How many steps stand once more in the pipelines of a switch's arms than there are, by switch."""
    more: dict[str, int] = {}
    for switch, arms in dags.arms.items():
        standing = [
            step for named in arms.pipelines.values() if named in dags.all
            for kind, step in dags.all[named].tasks if kind == STEP
        ]  # fmt: skip
        more[switch] = len(standing) - len(set(standing))
    return more
