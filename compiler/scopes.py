"""Stretches of a flow between an opener and its join."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.compiler.diagnostics import Diagnostic
from penstock.compiler.program import Join


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scope:
    """One branch of a split, the body of a foreach, or what follows a join of crossing branches: the steps from
    ``first`` to before a join, or to a split whose branches cross.

    The outermost scope, the flow itself, has no ``opener`` and no ``outer``.  ``number`` counts scopes in the order
    in which they are opened, ``depth`` the scopes around this one; ``foreach`` says that it is the body of one.  The
    ``opener`` of a scope that begins with a join is the split around the crossing.
    """

    number: int
    first: str
    opener: str = ""
    outer: Scope | None = None
    depth: int = 0
    foreach: bool = False

    def __repr__(self) -> str:
        return f"<Scope {self.number} of {self.opener or 'the flow'} from {self.first}>"


@dataclass(frozen=True, slots=True)
class Arrival:
    """The edge from ``before`` to a step, in the scope in which it arrives there."""

    before: str
    scope: Scope


@dataclass(slots=True)
class Scopes:
    """The scopes of a graph.

    ``all`` is in order of opening, so that outer scopes come before inner ones; ``opened`` gives the scopes of an
    opener in declaration order, ``of`` the scope a step stands in (a join stands outside of what it closes), ``closes``
    the join of an opener that has one of its own.  ``joins`` is what every join collects.

    Where branches cross, ``crossing`` names, for every split among them, the outermost; ``begun`` is the scope that
    begins with a join inside the crossing.  ``ends`` is where a scope ends: a join, or the split in it whose branches
    end further out.  ``order`` numbers the scopes in declaration order, as :func:`declared` does.

    ``faults`` are the diagnostics; steps behind a fault are in no scope.
    """

    all: list[Scope] = field(default_factory=list)
    opened: dict[str, tuple[Scope, ...]] = field(default_factory=dict)
    of: dict[str, Scope] = field(default_factory=dict)
    closes: dict[str, str] = field(default_factory=dict)
    joins: dict[str, Join] = field(default_factory=dict)
    crossing: dict[str, str] = field(default_factory=dict)
    begun: dict[str, Scope] = field(default_factory=dict)
    ends: dict[Scope, str] = field(default_factory=dict)
    order: dict[Scope, int] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)


def declared(found: Scopes) -> dict[Scope, int]:
    """The scopes in the order in which their branches are declared; one that begins with a join follows the first
    that the join collects.
    """
    inside: dict[Scope, list[Scope]] = {}
    for opened in found.opened.values():
        for scope in opened:
            if scope.outer is not None:
                inside.setdefault(scope.outer, []).append(scope)
    order: dict[Scope, int] = {}
    placed: set[Scope] = set()
    stack = found.all[:1]
    while stack:
        scope = stack.pop()
        order[scope] = len(order)
        following = found.begun.get(found.ends.get(scope, ""))
        if following is not None and following not in placed:
            placed.add(following)
            stack.append(following)
        stack.extend(reversed(inside.get(scope, ())))
    return order
