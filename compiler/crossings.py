"""Crossing branches put into an order that schedulers can run: side by side where nothing crosses, else by levels.

The scopes of a crossing are the nodes of an acyclic graph: one that ends with a split leads to the branches of that
split, one that ends before a join inside of the crossing to the scope that begins with that join.
"""

from __future__ import annotations

from collections.abc import Iterable

from penstock.compiler.scopes import Scope, Scopes

Group = tuple[Scope, ...]


class Crossings:
    """All crossings of a flow.

    ``groups`` gives the branches of a split, those together that meet inside of the crossing; only of a split nothing
    else leads into whose branches.  Branches of other splits are in the levels of a group further out.
    """

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._whole: dict[Scope, Scope] = {}
        self._open: dict[Scope, int] = {}
        self.groups: dict[str, tuple[Group, ...]] = {}
        # Numbers grow along the edges: from the last scope to the first, what follows a scope is known.
        for scope in reversed([scope for scope in scopes.all if scope.opener in scopes.crossing]):
            self._add(scope)
            root = scopes.crossing[scope.opener]
            if scope is scopes.opened[root][0]:
                self.groups[root] = self._grouped(scopes.opened[root])

    def levels(self, group: Iterable[Scope]) -> tuple[Group, ...]:
        """The scopes of a group: each in a level after all that lead to it, levels in declaration order."""
        level = dict.fromkeys(group, 0)
        queue = list(level)
        for scope in queue:  # grows while it is walked
            for following in self._leading(scope):
                if following not in level:
                    level[following] = 0
                    queue.append(following)
        for scope in sorted(level, key=lambda scope: scope.number):
            for following in self._leading(scope):
                level[following] = max(level[following], level[scope] + 1)
        levels: list[list[Scope]] = [[] for _ in range(max(level.values()) + 1)]
        for scope in sorted(level, key=self._scopes.order.__getitem__):
            levels[level[scope]].append(scope)
        return tuple(map(tuple, levels))

    def _add(self, scope: Scope) -> None:
        """Unite a scope with all it leads to, and count the edges that lead into the whole from elsewhere."""
        following = self._following(scope)
        wholes = dict.fromkeys(map(self._find, following))
        into = sum(self._open[whole] for whole in wholes) - len(following)
        end = self._scopes.ends[scope]
        if into == 0 and end in self._scopes.opened and following:
            self.groups[end] = self._grouped(following)
        for whole in wholes:
            self._whole[whole] = scope
        collected = self._scopes.joins[scope.first].slots if scope.first in self._scopes.begun else ()
        self._open[scope] = into + max(1, len(collected))

    def _grouped(self, branches: Iterable[Scope]) -> tuple[Group, ...]:
        groups: dict[Scope, list[Scope]] = {}
        for branch in branches:
            groups.setdefault(self._find(branch), []).append(branch)
        return tuple(map(tuple, groups.values()))

    def _leading(self, scope: Scope) -> Group:
        """What follows a scope in the levels of its group: not what stands inside of its own region."""
        return () if self._scopes.ends[scope] in self.groups else self._following(scope)

    def _following(self, scope: Scope) -> Group:
        """The scopes of the same crossing that a scope leads to; none where it ends before the last join."""
        end = self._scopes.ends[scope]
        crossing = self._scopes.crossing
        if end in self._scopes.begun:
            return (self._scopes.begun[end],)
        return self._scopes.opened[end] if end in crossing and crossing[end] == crossing[scope.opener] else ()

    def _find(self, scope: Scope) -> Scope:
        """What stands for all that are united with ``scope``."""
        whole = scope
        while whole in self._whole:
            whole = self._whole[whole]
        while scope is not whole:
            above = self._whole[scope]
            self._whole[scope] = whole
            scope = above
        return whole
