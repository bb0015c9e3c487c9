"""Branches that have to be joined together."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.compiler.scopes import Scope


@dataclass(slots=True, eq=False)
class Family:
    """The branches of the split ``opener``, or the body of the foreach, that stands in the scope ``outer``.

    ``live`` are the scopes that a join still has to collect.  Where a join collects branches of two splits the families
    of both become one: that of the outer split, ``into`` which the other went.  ``crossed`` says that a join
    collected some of them, and not all; nothing more is said of a family that is ``faulty``.
    """

    opener: str
    outer: Scope
    foreach: bool
    live: set[Scope]
    crossed: bool = False
    into: Family | None = None
    faulty: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts inner families before outer ones."""
        return (-self.outer.depth, self.outer.number)

    def absorb(self, inner: Family) -> None:
        """Take the branches of a family that stands in one of this family's scopes."""
        self.live.discard(inner.outer)
        more, fewer = (inner.live, self.live) if len(inner.live) > len(self.live) else (self.live, inner.live)
        more |= fewer
        self.live = more
        self.faulty |= inner.faulty
        inner.into = self


class Families:
    """Which family a scope belongs to."""

    def __init__(self) -> None:
        self._of: dict[Scope, Family] = {}

    def found(self, family: Family, scopes: tuple[Scope, ...]) -> None:
        """These scopes are the family's."""
        for scope in scopes:
            self._of[scope] = family

    def of(self, scope: Scope) -> Family | None:
        """The family of a scope, as it is by now; None for the flow itself."""
        family = self._of.get(scope)
        passed = []
        while family is not None and family.into is not None:
            passed.append(family)
            family = family.into
        if family is not None:
            for former in passed:
                former.into = family
        return family
