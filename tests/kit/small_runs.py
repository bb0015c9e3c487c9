"""Stored runs of a small flow, made task by task."""

from __future__ import annotations

from typing import Any

from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.tasks import TaskStore
from penstock.runtime_shim.frames import ForeachFrame
from penstock.runtime_shim.local_metadata import register_run
from penstock.runtime_shim.paths import Path as TaskPath
from penstock.runtime_shim.records import Record
from penstock.runtime_shim.task_logs import log_key, stored_line, utc_stamp
from penstock.runtime_shim.wrapped_exceptions import MetaflowExceptionWrapper


def end_task(
    store: Datastore, run: str, step: str, artifacts: dict[str, Any], path: str = "", *, ok: bool = True
) -> None:
    """A task that ended, well unless ``ok`` is False, and printed a line."""
    at = TaskPath.parse(path)
    writer = TaskStore(store, "Small").begin(run, step, at.task_id, path=at)
    private: dict[str, Any] = {
        "_success": ok,
        "_task_ok": ok,
        "_exception": None,
        "_foreach_stack": [],
        "name": "Small",
    }
    writer.save({**private, **artifacts})
    store.put(
        log_key("Small", run, step, at.task_id, writer.attempt, "stdout"),
        stored_line(f"{step} {path} says hello".encode(), utc_stamp(), "task", "1"),
    )
    if ok:
        writer.commit(Record(run, at, (), None, ()))
    else:
        writer.commit_failed()


def make_run(
    store: Datastore, run: str, *, width: int = 1, tags: tuple[str, ...] = (), user: str = "alice", end: str = "well"
) -> None:
    """A foreach over ``range(width)``; `end` ends ``well``, ``failed``, or ``not``."""
    register_run(store, "Small", run, tags, [f"user:{user}", "runtime:dev"], user)
    end_task(store, run, "start", {"xs": list(range(width))})
    for number in range(width):
        frame = ForeachFrame("body", "xs", width, number)
        end_task(store, run, "body", {"x": number, "_foreach_stack": [frame]}, f"/{number}")
    if end == "well":
        end_task(store, run, "end", {"total": 66})
    if end == "failed":
        error = MetaflowExceptionWrapper(ValueError("too small"))
        end_task(store, run, "end", {"_exception": error}, ok=False)
