"""The foreach stack as it is stored: a list of frames, pickled under the name Metaflow gave them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class ForeachFrame(NamedTuple):
    """One level of the foreach stack: the first ``step`` of the body, the artifact ``var`` it runs over, the number of
    splits, and the index of this one.

    Stored under the name ``metaflow.task.ForeachFrame`` with exactly these fields (see ``serialization``), which
    every version of Metaflow reads.
    """

    step: str
    var: str
    num_splits: int
    index: int  # type: ignore[assignment]  # the name of the stored field, which hides tuple.index


def frames_of(stored: Iterable[tuple[object, ...]]) -> list[ForeachFrame]:
    """The frames of a stored stack, Metaflow's with a fifth field (``value``) included.

    Raises TypeError or ValueError where it is none.
    """
    return [ForeachFrame(str(f[0]), str(f[1]), int(str(f[2])), int(str(f[3]))) for f in stored]
