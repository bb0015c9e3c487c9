"""The pipelines of a program, for schedulers that run graphs of tasks: its root, the body of each foreach, each arm of
a switch, and each loop.

Static branches, crossing ones included, are tasks of one pipeline that depend on what the flow's graph says.  A
foreach, a choice and a loop are tasks that stand for pipelines of their own.  What stands in a pipeline depends on the
step it begins with alone: a pipeline is written once, however many tasks use it.

A loop's pipeline is one turn, from its header to where all ways out of the loop meet: the next turn is a task of it,
which stands for the same pipeline.  So what one way out leads to, up to that meeting, runs inside of the last turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from penstock.compiler.convergence import convergence
from penstock.compiler.program import Branches, Choice, Each, Loop, Mesh, Region, Run, regions_in

if TYPE_CHECKING:
    from penstock.compiler.program import Program

FOREACH, CHOICE, ARM, LOOP, TURN, STEP = "foreach", "choice", "arm", "loop", "turn", ""
"""Kinds of tasks: the splits of an opener, the arms of a switch, one of these, the turns of a loop by its header, the
next turn after a step that always goes back, a step."""

Named = tuple[str, str]
"""A kind of task and the step it belongs to."""
ROOT: Named = ("root", "")


@dataclass(slots=True)
class Dag:
    """``tasks`` maps each task to those it depends on; ``in_foreach`` says whether the pipeline runs per split."""

    named: Named
    in_foreach: bool
    tasks: dict[Named, tuple[Named, ...]] = field(default_factory=dict)


class Arms(NamedTuple):
    """What a switch leads to: ``meeting`` is where all ways meet, ``pipelines`` the arms by the step they begin with.

    A choice of the step ``meeting`` itself has no pipeline; that of the header of a loop around has the loop's own.
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

    ``all`` is in the order in which they are met, the root first; ``arms`` are those of each switch that chooses;
    ``turns`` the pipeline of the loop that a step always goes back in.  With ``most`` the search ends once that many
    steps stand in pipelines, and :attr:`complete` is False.
    """

    def __init__(self, program: Program, most: int | None = None) -> None:
        self.all: dict[Named, Dag] = {}
        self.arms: dict[str, Arms] = {}
        self.turns: dict[str, Named] = {}
        self.complete = True
        self._program = program
        self._meets, self._leaves, self._back = convergence(program)
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
            if kind in (CHOICE, LOOP):
                meeting = self._meets[step] if kind == CHOICE else self._leaves[step]
                converging.setdefault(meeting, []).append((kind, step))
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
                self._turn(dag, opened.step)
                after = region.items[index + 1] if index + 1 < len(region.items) else opened
                opened = opened if isinstance(after, Loop) else after
            match opened:
                case Run():
                    pass
                case Each(opener=opener, body=body, join=join):
                    dag.tasks[FOREACH, opener] = ()
                    self._begin((FOREACH, opener), _Way(body), in_foreach=True)
                    following = join
                case Choice(step=step):
                    dag.tasks[CHOICE, step] = ()
                    self._begin_arms(dag, opened)
                case Loop(header=header, body=body):
                    dag.tasks[LOOP, header] = ()
                    following = self._leaves[header]
                    self._begin((LOOP, header), _Way(body, stop=following), dag.in_foreach)
                case Branches() | Mesh():
                    yield from map(_Way, regions_in(opened))
            if following is None or following == stop:
                return
            here = region
            region, index = self._places[following]
            if stop is None and region is not here:
                return

    def _begin_arms(self, dag: Dag, choice: Choice) -> None:
        meeting = self._meets[choice.step]
        pipelines: dict[str, Named] = {}
        for target in (arm.target for arm in choice.arms if arm.target != meeting):
            if (choice.step, target) in self._back:
                pipelines[target] = (LOOP, target)
                continue
            pipelines[target] = (ARM, f"{choice.step} {target}")
            self._begin(pipelines[target], _Way(*self._places[target], meeting), dag.in_foreach)
        self.arms[choice.step] = Arms(meeting, pipelines)

    def _turn(self, dag: Dag, step: str) -> None:
        """The next turn, after a step that goes nowhere else."""
        after = self._program.graph.successors(step)
        if len(after) == 1 and (step, after[0]) in self._back:
            dag.tasks[TURN, step] = ()
            self.turns[step] = (LOOP, after[0])

    def _dependencies(self, dag: Dag, named: Named, converging: Mapping[str | None, list[Named]]) -> Iterator[Named]:
        kind, step = named
        if kind not in (STEP, LOOP):
            yield STEP, step
            return
        if named == (STEP, dag.named[1]) and dag.named[0] == LOOP:
            return  # what leads back to the header is another turn
        join = self._program.joins.get(step)
        if join is not None and join.foreach:
            yield FOREACH, join.opener
            return
        for before in self._program.graph.predecessors(step):
            if (STEP, before) in dag.tasks and (CHOICE, before) not in dag.tasks:
                yield STEP, before
        yield from converging.get(step, ())


def _places(root: Region) -> Iterator[tuple[str, tuple[Region, int]]]:
    """Where each step stands; for the header of a loop, where the loop does."""
    regions = [root]
    headers: set[str] = set()
    for region in regions:  # grows while it is walked
        for index, item in enumerate(region.items):
            if isinstance(item, Loop):
                yield item.header, (region, index)
                headers.add(item.header)
            elif isinstance(item, Run) and item.step not in headers:
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
