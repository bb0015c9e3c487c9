"""What is read from a workflow's status."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from argo_status import Scene, Task, status_of

from penstock.backends.argo.running.workflows import seen
from penstock.backends.following.seen import TaskState

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def workflow(scene: Scene, **spec: Any) -> dict[str, Any]:
    status = status_of("w", scene, NOW, NOW)
    return {"metadata": {"name": "w", "creationTimestamp": "2026-03-01T12:00:00Z"}, "spec": spec, "status": status}


def test_a_workflow_that_no_controller_has_seen() -> None:
    shown = seen({"metadata": {"name": "w", "creationTimestamp": "2026-03-01T12:00:00Z"}, "spec": {}})
    assert (shown.run, shown.status, shown.over, shown.tasks) == ("argo-w", "pending", False, ())


@pytest.mark.parametrize("packed", ["bm90IGd6aXA=", "H4sIAAAA", "…", "H4sIAAAAAAAAA4uOBQApu0wNAgAAAA=="])
def test_nodes_that_cannot_be_read_are_none(packed: str) -> None:
    """Cut off, of a later version, or no object: the run's own phase is still told."""
    document = workflow(Scene("Running", {"start": Task("Running")}))
    document["status"] |= {"compressedNodes": packed, "nodes": None}
    assert (seen(document).status, seen(document).tasks) == ("running", ())


def test_tasks_of_skipped_arms_and_other_pods_are_none_of_steps() -> None:
    document = workflow(
        Scene("Running", {"start": Task("Succeeded"), "left": Task("Skipped"), "right": Task("Omitted")})
    )
    document["status"]["nodes"]["tell"] = {
        "type": "Pod",
        "phase": "Running",
        "inputs": {"parameters": [{"name": "run"}]},
    }
    assert [(task.step, task.state) for task in seen(document).tasks] == [("start", TaskState.SUCCEEDED)]


def test_a_task_between_two_tries_runs() -> None:
    document = workflow(Scene("Running", {"start": Task("Running", tries=1)}))
    nodes = document["status"]["nodes"]
    (retry,) = [node for node in nodes.values() if node["type"] == "Retry"]
    del nodes[retry["children"].pop()]
    (task,) = seen(document).tasks
    assert (task.state, task.failed_tries) == (TaskState.RUNNING, 1)


def test_a_node_of_tries_without_inputs_is_known_by_its_pods() -> None:
    document = workflow(Scene("Failed", {"start": Task("Failed", "/2", "main: Error (exit code 1)", tries=2)}))
    for node in document["status"]["nodes"].values():
        if node["type"] == "Retry":
            del node["inputs"]
    (task,) = seen(document).tasks
    assert (task.step, task.task, task.reason, task.failed_tries) == ("start", "t.2", "main: Error (exit code 1)", 1)


def test_a_path_that_is_not_filled_in_yet_names_no_task() -> None:
    (task,) = seen(workflow(Scene("Running", {"start": Task("Pending", "{{inputs.parameters.path}}")}))).tasks
    assert (task.within("argo-w"), task.state) == ("argo-w/start", TaskState.WAITING)
