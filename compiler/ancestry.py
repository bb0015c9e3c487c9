"""A tree that grows from its root, and the nearest common ancestor of two of its nodes."""

from __future__ import annotations

from typing import Generic, TypeVar

N = TypeVar("N")


class Ancestry(Generic[N]):
    """Every node knows its parent and a node further up, chosen so that any ancestor is found in logarithmic time.

    (Myers, "An applicative random-access stack", 1983.)
    """

    def __init__(self, root: N) -> None:
        self._parent: dict[N, N] = {root: root}
        self._jump: dict[N, N] = {root: root}
        self._depth: dict[N, int] = {root: 0}

    def add(self, node: N, parent: N) -> None:
        """``node`` becomes a child of ``parent``."""
        jump = self._jump[parent]
        far = self._jump[jump]
        depth = self._depth
        self._parent[node] = parent
        self._jump[node] = far if depth[parent] - depth[jump] == depth[jump] - depth[far] else parent
        depth[node] = depth[parent] + 1

    def common(self, one: N, other: N) -> N:
        """The deepest node that is above both, or one of the two."""
        if self._depth[one] < self._depth[other]:
            one, other = other, one
        while self._depth[one] > self._depth[other]:
            jump = self._jump[one]
            one = jump if self._depth[jump] >= self._depth[other] else self._parent[one]
        while one != other:
            if self._jump[one] != self._jump[other]:
                one, other = self._jump[one], self._jump[other]
            else:
                one, other = self._parent[one], self._parent[other]
        return one
