"""Reading one artifact of many inputs: the more of them are read in order, the more are fetched at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.datastore.blobs import decode
from penstock.runtime_shim.datastore.protocol import Missing
from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.records import blob_key
from penstock.runtime_shim.serialization import loads

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.tasks import FinishedTask

WIDEST = 256
"""Inputs fetched at once, at most."""
ROOM = 64 * 1024 * 1024
"""Bytes fetched at once, at most, unless a single artifact is larger."""


class Readahead:
    """Artifacts of a join's inputs.

    Across a network ``[one.x for one in inputs]`` would wait once per input.  Like a kernel reading a file, the reader
    of ``x`` of one input and then of the next gets two more, then four, and so on; whoever reads here and there gets
    what was asked for and nothing else.
    """

    def __init__(self, tasks: Sequence[FinishedTask]) -> None:
        self._tasks = tasks
        self._streaks: dict[str, tuple[int, int]] = {}
        """By artifact: the position that continues the streak, and how many were fetched last."""
        self._fetched: dict[tuple[str, int], bytes] = {}

    def load(self, position: int, name: str) -> Any:
        """The artifact ``name`` of the input at ``position``.

        Raises as ``FinishedTask.load`` does.
        """
        task = self._tasks[position]
        if task.store.kind == "local":
            return task.load(name)
        if (name, position) not in self._fetched:
            self._fetch(self._batch(position, name), name)
        blob = self._fetched.pop((name, position), None)
        return task.load(name) if blob is None else loads(blob, f"{task}/{name}")

    def _batch(self, position: int, name: str) -> list[int]:
        """The positions to fetch now; one alone is left to the task itself."""
        expected, width = self._streaks.get(name, (None, 1))
        width = min(width * 2, WIDEST) if position == expected else 1
        batch: list[int] = []
        room = ROOM
        for candidate in range(position, min(position + width, len(self._tasks))):
            stored = self._tasks[candidate].objects.get(name)
            if stored is None:
                continue
            room -= stored.size
            if batch and room < 0:
                break
            batch.append(candidate)
        self._streaks[name] = (batch[-1] + 1 if batch else position + 1, width)
        return batch

    def _fetch(self, batch: list[int], name: str) -> None:
        """Fetch together; where that fails, each input says for itself what is wrong when it is read."""
        if len(batch) < 2:
            return
        shas = {position: self._tasks[position].objects[name].sha for position in batch}
        first = self._tasks[batch[0]]
        keys = {sha: blob_key(first.flow, sha) for sha in shas.values()}
        try:
            found = dict(zip(keys, (decode(data) for _, data in first.store.get_many(keys.values())), strict=True))
        except (Failure, Missing, ValueError):
            return
        for position, sha in shas.items():
            self._fetched[name, position] = found[sha]
