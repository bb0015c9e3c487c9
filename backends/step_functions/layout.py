"""Where each step goes on in the machine that runs it: what a transition of the flow is as a transition of states.

The flow is a machine, and so is each branch, each body of a foreach and each region of crossing branches.  The arms of
a choice and the body of a loop belong to the machine around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from penstock.compiler.program import Branches, Choice, Each, Loop, Mesh, Run, regions_in
from penstock.compiler.steps import Foreach, Goto, Split, Stop, Switch, targets

if TYPE_CHECKING:
    from penstock.compiler.program import Program, Region


class _Spot(NamedTuple):
    """``loops`` are the headers of the loops of this machine that are around a step, outermost first."""

    machine: int
    loops: tuple[str, ...]


class Layout:
    """The machines of a program."""

    def __init__(self, program: Program) -> None:
        self._graph = program.graph
        self._spots = _spots(program.root)

    def choices(self, step: str) -> tuple[str, ...]:
        """The targets among which the step chooses; none where it always goes on in the same way."""
        transition = self._graph[step].transition
        chosen = targets(transition) if isinstance(transition, Switch) else ()
        return chosen if len(chosen) > 1 else ()

    def after(self, step: str) -> str | None:
        """The one step that always follows in the same machine; None for one that splits, and for a machine's last."""
        match self._graph[step].transition:
            case Goto(target=target):
                return target if self.reaches(step, target) else None
            case Switch() as switch:
                following = targets(switch)
                return following[0] if len(following) == 1 and self.reaches(step, following[0]) else None
            case Split() | Foreach() | Stop():
                return None

    def reaches(self, step: str, target: str) -> bool:
        """Whether ``target`` is in the machine of ``step``; else it is the join around it, and the machine ends."""
        return self._spots[step].machine == self._spots[target].machine

    def moves(self, step: str, target: str) -> bool:
        """Whether going from ``step`` to ``target`` changes the path: it enters, turns or leaves a loop."""
        return self._spots[step].loops != self._spots[target].loops or self._turns(step, target)

    def headers(self, step: str) -> tuple[str, ...]:
        """The headers of loops that the step may go back to."""
        following = targets(self._graph[step].transition)
        return tuple(target for target in following if self.reaches(step, target) and self._turns(step, target))

    def _turns(self, step: str, target: str) -> bool:
        return target in self._spots[step].loops


def _spots(root: Region) -> Mapping[str, _Spot]:
    spots: dict[str, _Spot] = {}
    machines = 1
    pending = [(root, _Spot(0, ()))]
    while pending:
        region, spot = pending.pop()
        for item in region.items:
            match item:
                case Run(step=step):
                    spots[step] = spot
                case Branches() | Each() | Mesh():
                    for inner in regions_in(item):
                        pending.append((inner, _Spot(machines, ())))
                        machines += 1
                case Choice():
                    pending.extend((inner, spot) for inner in regions_in(item))
                case Loop(header=header, body=body):
                    pending.append((body, _Spot(spot.machine, (*spot.loops, header))))
    return spots
