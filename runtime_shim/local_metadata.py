"""What is known about runs and tasks beside their artifacts, in the files of Metaflow's local metadata provider.

Metaflow's Client finds runs, steps, tasks and artifacts by these files; ours needs the run's alone (tags, user,
time), which therefore is the only one that is also written to other stores.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.protocol import Datastore, Missing
from penstock.runtime_shim.identity import default_namespace, user_name
from penstock.runtime_shim.records import run_prefix, task_prefix

if TYPE_CHECKING:
    from penstock.runtime_shim.datastore.finished import Stored

META = "_meta"
"""The folder with an object's facts."""
SELF = "_self.json"
LATEST_RUN = "latest_run"
"""The file in a flow's folder with the id of the run that was started last, as Metaflow keeps it."""
_LONGEST_NAME = 255
"""Bytes of a file name."""


def run_key(flow: str, run: str) -> str:
    """Where a run's facts stand: tags, user, time of creation."""
    return f"{run_prefix(flow, run)}{META}/{SELF}"


def new_run_id(store: Datastore, flow: str) -> str:
    """An id for a run of this laptop: microseconds since 1970, as Metaflow's.

    Of several processes that ask at once each gets its own where the store is a local folder.
    """
    number = int(time.time() * 1e6)
    while isinstance(store, LocalDatastore):
        folder = os.path.join(store.root, flow, str(number))
        try:
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            os.mkdir(folder)
        except FileExistsError:
            number += 1
        except OSError as error:
            from penstock.runtime_shim.datastore.faults import local_failure

            raise local_failure(error, store.root, f"make a run of {flow}") from error
        else:
            break
    return str(number)


def register_run(
    store: Datastore,
    flow: str,
    run: str,
    tags: Iterable[str] = (),
    system_tags: Iterable[str] | None = None,
    user: str | None = None,
) -> None:
    """Write the run's facts unless they are there; a second time changes nothing, so that `init` may be repeated.

    ``system_tags`` and ``user`` are those of this process where None.  One write, and one for the flow where the
    store is local.
    """
    if store.kind == "local":
        store.put_if_absent(f"{flow}/{META}/{SELF}", _json({"flow_id": flow, "ts_epoch": _now()}))
    chosen = _system_tags() if system_tags is None else list(system_tags)
    document = {"run_number": run, **_common(flow, user or user_name(), sorted(set(tags)), chosen)}
    store.put_if_absent(run_key(flow, run), _json(document))


def run_facts(store: Datastore, flow: str, run: str) -> dict[str, Any] | None:
    """What :func:`register_run` wrote, None where nothing was; unreadable facts count as none."""
    try:
        document = json.loads(store.get(run_key(flow, run)))
    except (Missing, ValueError):
        return None
    return document if isinstance(document, dict) else None


def set_latest_run(store: Datastore, flow: str, run: str) -> None:
    """Note that ``run`` is the one started last."""
    store.put(f"{flow}/{LATEST_RUN}", run.encode())


class LocalMetadata:
    """The files about steps and tasks of a flow in a local datastore at ``root``."""

    def __init__(self, root: str, flow: str) -> None:
        self._store = LocalDatastore(root)
        self._flow = flow
        self._user = user_name()

    def begin_task(self, run: str, step: str, task: str, attempt: int) -> None:
        """Register step and task where they are new, and the attempt with what it runs on."""
        if not self._has(run_key(self._flow, run)):
            register_run(self._store, self._flow, run)
        common = _common(self._flow, self._user, [], [])
        step_self = f"{run_prefix(self._flow, run)}{step}/{META}/{SELF}"
        if not self._has(step_self):
            self._store.put(step_self, _json({"run_number": run, "step_name": step, **common}))
        task_self = f"{task_prefix(self._flow, run, step, task)}{META}/{SELF}"
        if not self._has(task_self):
            self._store.put(task_self, _json({"run_number": run, "step_name": step, "task_id": task, **common}))
        facts = {
            "attempt": str(attempt),
            "origin-run-id": "None",
            "ds-type": "local",
            "ds-root": self._store.root,
            "user": self._user,
            "python_version": _python_version(),
            "runtime": _runtime(),
            "script-name": os.path.basename(sys.argv[0]),
        }
        self.register(run, step, task, attempt, facts)

    def end_task(self, run: str, step: str, task: str, attempt: int, artifacts: Mapping[str, Stored], ok: bool) -> None:
        """Register the artifacts of an attempt that ended, and its end."""
        folder = f"{task_prefix(self._flow, run, step, task)}{META}/"
        common = {
            "run_number": run,
            "step_name": step,
            "task_id": task,
            "attempt_id": attempt,
            "type": "metaflow.artifact",
            "ds_type": "local",
            "location": f":root:{self._store.root}",
            **_common(self._flow, self._user, [], []),
        }
        for name, stored in artifacts.items():
            file = f"{attempt}_artifact_{name}.json"
            # A longer name has no file; the artifact is there all the same, for our Client and for other tasks.
            if len(file.encode()) <= _LONGEST_NAME:
                document = {**common, "name": name, "content_type": stored.encoding, "sha": stored.sha}
                self._store.put(folder + file, _json(document))
        self.register(run, step, task, attempt, {"attempt_ok": str(ok)}, type="internal_attempt_status")
        self.register(run, step, task, attempt, {"attempt-done": str(attempt)})

    def register(
        self, run: str, step: str, task: str, attempt: int, facts: Mapping[str, str], *, type: str | None = None
    ) -> None:
        """Facts about a task by name; ``type`` is the name where None."""
        folder = f"{task_prefix(self._flow, run, step, task)}{META}/"
        now = _now()
        for name, value in facts.items():
            document = {
                "flow_id": self._flow,
                "run_number": run,
                "step_name": step,
                "task_id": task,
                "field_name": name,
                "type": type or name,
                "value": value,
                "tags": [f"attempt_id:{attempt}"],
                "user_name": self._user,
                "ts_epoch": now,
            }
            self._store.put(f"{folder}sysmeta_{name}_{now}.json", _json(document))

    def _has(self, key: str) -> bool:
        return os.path.isfile(os.path.join(self._store.root, key))


def _common(flow: str, user: str, tags: list[str], system_tags: list[str]) -> dict[str, Any]:
    return {"flow_id": flow, "user_name": user, "tags": tags, "system_tags": system_tags, "ts_epoch": _now()}


def _system_tags() -> list[str]:
    """Of these the namespace decides who sees a run without asking for all."""
    import penstock

    tags = [default_namespace(), f"runtime:{_runtime()}", f"python_version:{_python_version()}"]
    version = getattr(penstock, "__version__", None)
    return [*tags, f"penstock_version:{version}"] if version else tags


def _runtime() -> str:
    return os.environ.get("METAFLOW_RUNTIME_NAME") or "dev"


def _python_version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _now() -> int:
    """Milliseconds since 1970, rounded down: nothing that follows may seem to have begun before it."""
    return time.time_ns() // 1_000_000


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
