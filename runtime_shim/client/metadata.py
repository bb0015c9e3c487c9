"""Facts about a task, as Metaflow's metadata provider files them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.local_metadata import META

if TYPE_CHECKING:
    from penstock.runtime_shim.client.task import Task


@dataclass(frozen=True, slots=True)
class Metadata:
    """A fact about a task: ``created_at`` in milliseconds since 1970."""

    name: str
    value: Any
    created_at: int
    type: str
    task: Task


def stored_facts(
    store: Datastore, prefix: str, names: Sequence[str], attempt: int | None, start: str = "sysmeta_"
) -> list[dict[str, Any]]:
    """What was filed about the task whose files stand at ``prefix`` and are called ``names``: of all attempts, or of
    one.

    ``start`` chooses by the beginning of the files' names.  Raises StorageFailure.
    """
    if META not in names:
        return []
    folder = f"{prefix}{META}/"
    keys = [f"{folder}{name}" for name in store.children(folder) if name.startswith(start)]
    documents = (json.loads(data) for _, data in store.get_many(keys))
    wanted = None if attempt is None else f"attempt_id:{attempt}"
    return [document for document in documents if wanted is None or wanted in (document.get("tags") or ())]


def fact_of(document: dict[str, Any], task: Task) -> Metadata:
    """One such document as the Client shows it."""
    name, kind = str(document.get("field_name")), str(document.get("type"))
    return Metadata(name, document.get("value"), int(document.get("ts_epoch") or 0), kind, task)
