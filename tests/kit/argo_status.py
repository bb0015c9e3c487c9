"""The status that Argo's controller writes of a workflow: its nodes, by the names and types that it gives them."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

_OVER = frozenset({"Succeeded", "Failed", "Error"})
_UNSEEN = frozenset({"Skipped", "Omitted"})


class Task(NamedTuple):
    """A task of a step: its ``phase``; ``tries`` that failed before, None where its template has no retry strategy."""

    phase: str
    path: str = ""
    message: str = ""
    tries: int | None = None


class Scene(NamedTuple):
    """What a workflow looks like at one moment: its phase, and its tasks by step (``body#2`` for a second one).

    ``stored`` is where the nodes are: in the object as they are, ``compressed`` in it, or ``offloaded`` to a database.
    """

    phase: str
    tasks: Mapping[str, Task] = {}
    message: str = ""
    stored: str = ""

    @property
    def over(self) -> bool:
        """Whether the workflow stays as it is."""
        return self.phase in _OVER


def status_of(name: str, scene: Scene, began: datetime, ended: datetime | None) -> dict[str, Any]:
    """The status of the workflow of that name."""
    nodes = {name: _node(name, name, "DAG", scene.phase, began, message=scene.message)}
    for index, (key, task) in enumerate(scene.tasks.items()):
        for node in _nodes(name, key.partition("#")[0], index, task, began):
            nodes[node["id"]] = node
    done = sum(task.phase in _OVER for task in scene.tasks.values())
    status: dict[str, Any] = {
        "phase": scene.phase,
        "startedAt": _text(began),
        "finishedAt": _text(ended) if ended and scene.over else None,
        "progress": f"{done}/{len(scene.tasks)}",
    }
    if scene.message:
        status["message"] = scene.message
    if scene.stored == "compressed":
        status["compressedNodes"] = base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()
    elif scene.stored == "offloaded":
        status["offloadNodeStatusVersion"] = "fnv:784644908"
    else:
        status["nodes"] = nodes
    return status


def _nodes(workflow: str, step: str, index: int, task: Task, began: datetime) -> list[dict[str, Any]]:
    inputs = {"parameters": [{"name": "step", "value": step}, {"name": "path", "value": task.path}]}
    name = f"{workflow}.{step}({index}:{index})" if task.path else f"{workflow}.{step}"
    start = began + timedelta(seconds=index)
    if task.phase in _UNSEEN:
        return [_node(workflow, name, "Skipped", task.phase, start, message=task.message)]
    if task.tries is None:
        return [_node(workflow, name, "Pod", task.phase, start, inputs=inputs, message=task.message)]
    failed = ["Failed"] * task.tries
    pods = [
        _node(workflow, f"{name}({number})", "Pod", phase, start, inputs=inputs, message=task.message, retried=True)
        for number, phase in enumerate([*failed, *([task.phase] if task.phase != "Failed" else [])])
    ]
    message = "No more retries left" if task.phase == "Failed" else ""
    running = "Running" if task.phase == "Pending" else task.phase
    retry = _node(workflow, name, "Retry", running, start, inputs=inputs, message=message)
    return [{**retry, "children": [pod["id"] for pod in pods]}, *pods]


def _node(
    workflow: str,
    name: str,
    kind: str,
    phase: str,
    began: datetime,
    *,
    inputs: Mapping[str, Any] | None = None,
    message: str = "",
    retried: bool = False,
) -> dict[str, Any]:
    node: dict[str, Any] = {
        "id": workflow if name == workflow else f"{workflow}-{zlib.crc32(name.encode())}",
        "name": name,
        "displayName": name.partition(".")[2] or name,
        "type": kind,
        "phase": phase,
        "startedAt": _text(began),
        "finishedAt": _text(began + timedelta(seconds=2)) if phase in _OVER else None,
        "templateScope": "local/",
    }
    if name != workflow:
        node["boundaryID"] = workflow
    if inputs:
        node |= {"inputs": inputs, "templateName": "leaf"}
    if message:
        node["message"] = message
    if retried:
        node["nodeFlag"] = {"retried": True}
    return node


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
