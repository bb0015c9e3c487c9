"""Stretches of a flow between an opener and its join."""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.compiler.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scope:
    """One branch of a split, or the body of a foreach: the steps from ``first`` to before the join.

    The outermost scope, the flow itself, has no ``opener`` and no ``outer``.  ``number`` counts scopes in the order
    in which they are opened, ``depth`` the scopes around this one; ``foreach`` says that it is the body of one.
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
    opener in declaration order, ``of`` the scope a step stands in (a join stands outside of what it closes),
    ``closed`` the openers that a join closes, innermost first.  ``faults`` are the diagnostics; steps behind a fault
    are in no scope.
    """

    all: list[Scope] = field(default_factory=list)
    opened: dict[str, tuple[Scope, ...]] = field(default_factory=dict)
    of: dict[str, Scope] = field(default_factory=dict)
    closed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)
