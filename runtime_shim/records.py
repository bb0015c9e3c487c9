"""The record of a task that ended, and where everything about a run is stored.

The record is what schedulers read: for Step Functions it *is* the next state.  It is written after ``N.data.json``
and before ``N.DONE.lock``, always overwriting.  The same JSON stands inside ``N.data.json`` (under ``penstock``), so
that a reader that opens a finished task needs no second request.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from penstock.runtime_shim.paths import Path

SPLITS_ENV = "PENSTOCK_SPLITS_OBJECT"
"""Environment variable of openers whose splits a scheduler reads from an object of their own."""

RECORD_FILE_ENV = "PENSTOCK_RECORD_FILE"
"""Environment variable with the path of a file that gets a task's record too: for the process above it."""


class Record(NamedTuple):
    """``run`` id; ``path`` of the successor; ``next`` step names; ``splits`` the width of a foreach, else None;
    ``parents`` as ``step/task``, in the order of ``inputs``.
    """

    run: str
    path: Path
    next: tuple[str, ...]
    splits: int | None
    parents: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """``{r, p, next, n, splits?, parents}``; ``splits`` is ``[0, …, n-1]``, which a Map iterates over."""
        document: dict[str, Any] = {"r": self.run, "p": str(self.path), "next": list(self.next), "n": self.splits}
        if self.splits is not None:
            document["splits"] = list(range(self.splits))
        document["parents"] = list(self.parents)
        return document

    def to_bytes(self) -> bytes:
        """Compact JSON."""
        return json.dumps(self.to_json(), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Record:
        """Read what :meth:`to_json` gave.

        Raises KeyError, TypeError or InvalidName where it is none.
        """
        return cls(
            run=str(document["r"]),
            path=Path.parse(document["p"]),
            next=tuple(map(str, document["next"])),
            splits=None if document["n"] is None else int(document["n"]),
            parents=tuple(map(str, document["parents"])),
        )


def read_record_file(path: str) -> Record | None:
    """The record that a task wrote to the file of :data:`RECORD_FILE_ENV`; None where it wrote none."""
    try:
        with open(path, encoding="utf-8") as file:
            return Record.from_json(json.load(file))
    except FileNotFoundError:
        return None


def run_prefix(flow: str, run: str) -> str:
    """``<flow>/<run>/``: everything of one run but its blobs."""
    return f"{flow}/{run}/"


def task_prefix(flow: str, run: str, step: str, task: str) -> str:
    """``<flow>/<run>/<step>/<task>/``: a task's files, as Metaflow lays them out."""
    return f"{flow}/{run}/{step}/{task}/"


def record_key(flow: str, run: str, step: str, path: Path) -> str:
    """``<flow>/<run>/_record/<step>/2/0.json`` for the path ``/2/0``, ``…/<step>.json`` for the root: a scheduler
    makes the key by appending the path it carries.
    """
    return f"{flow}/{run}/_record/{step}{path}.json"


def splits_key(flow: str, run: str, step: str, path: Path) -> str:
    """``<flow>/<run>/_record/<step>/2/0.splits.json``: the splits of an opener as a list of their own, for a scheduler
    that reads items from an object.
    """
    return f"{flow}/{run}/_record/{step}{path}.splits.json"


def pointer_key(flow: str, run: str, successor: str, task: str) -> str:
    """Where a task that may be one of several single parents of ``successor/task`` names itself."""
    return f"{flow}/{run}/_from/{successor}/{task}"


def events_prefix(flow: str, run: str, history: str) -> str:
    """Below it, tasks that open a foreach or turn a loop name themselves with what that costs the execution
    ``history``: ``<step>@<task>@<events>``.
    """
    return f"{flow}/{run}/_events/{history}/"


def tries_key(flow: str, run: str, step: str, task: str) -> str:
    """The account of a task's tries, where a container tries again itself."""
    return f"{flow}/{run}/_tries/{step}/{task}.json"


def input_key(flow: str, run: str) -> str:
    """The run's parameters as a JSON object, put there by the scheduler before `init` reads them."""
    return f"{flow}/{run}/_input.json"


def plan_key(flow: str, run: str) -> str:
    """The plan stored with the run, for `step` commands without a code package."""
    return f"{flow}/{run}/_plan.json"


def code_key(flow: str, run: str) -> str:
    """The flow file of a run whose containers fetch it by a URL: as its first task found it."""
    return f"{flow}/{run}/_flow.py"


def blob_key(flow: str, sha: str) -> str:
    """``<flow>/data/ab/abcd…``: content by the sha1 of the uncompressed bytes."""
    return f"{flow}/data/{sha[:2]}/{sha}"
