"""What Argo says of a run: a workflow, its nodes, and the tasks of steps among them."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from penstock.backends.following.seen import SeenTask, Sight, TaskState
from penstock.runtime_shim.argo_names import RUN_PREFIX
from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.paths import Path

OVER = frozenset({"Succeeded", "Failed", "Error"})
"""The phases in which a workflow or a node stays."""
TEMPLATE_LABEL = "workflows.argoproj.io/workflow-template"
CRON_LABEL = "workflows.argoproj.io/cron-workflow"
PHASE_LABEL = "workflows.argoproj.io/phase"
COMPLETED_LABEL = "workflows.argoproj.io/completed"
INSTANCE_LABEL = "workflows.argoproj.io/controller-instanceid"
"""Which controller takes an object, where there are several."""
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"
"""Of pods: the name of their workflow."""
_STATES = {"": TaskState.WAITING, "Pending": TaskState.WAITING, "Succeeded": TaskState.SUCCEEDED}
_STATES |= {"Failed": TaskState.FAILED, "Error": TaskState.FAILED}
_UNSEEN = frozenset({"Skipped", "Omitted"})
_SHUT_DOWN = ("workflow shutdown with strategy", "exit code 143", "exit code 137")
"""What is said of a node that was ended with its workflow: by Argo before it ran, by signals after that."""


class SeenWorkflow(NamedTuple):
    """A run as the cluster shows it.

    ``template`` is the workflow template that it is of; ``message`` what Argo says of a failure; ``shutdown`` the
    strategy with which somebody ends it, empty most often; ``done`` and ``known`` count its pods.  ``tasks`` are those
    of steps, empty where Argo keeps the nodes of large workflows in a database (``offloaded``).
    """

    name: str
    template: str
    phase: str
    created: datetime
    finished: datetime | None
    message: str
    shutdown: str
    done: int
    known: int
    offloaded: bool
    tasks: tuple[SeenTask, ...]

    @property
    def run(self) -> str:
        """The run's id, as its tasks are stored."""
        return RUN_PREFIX + self.name

    @property
    def over(self) -> bool:
        """Whether it stays as it is."""
        return self.phase in OVER

    @property
    def status(self) -> str:
        """How it is doing, in a word."""
        if self.shutdown:
            return "terminated" if self.phase in OVER - {"Succeeded"} else "terminating"
        return self.phase.lower() or "pending"

    def sight(self) -> Sight[SeenWorkflow]:
        """The run as it is followed."""
        return Sight(self, self.over, self.tasks)


def workflow_name(run: str) -> str:
    """The workflow of a run that is named with or without its prefix."""
    return run.removeprefix(RUN_PREFIX)


def seen(document: Mapping[str, Any]) -> SeenWorkflow:
    """The workflow of an answer."""
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    status = document.get("status") or {}
    done, _, known = str(status.get("progress") or "0/0").partition("/")
    return SeenWorkflow(
        name=str(metadata.get("name", "")),
        template=str((spec.get("workflowTemplateRef") or {}).get("name", "")),
        phase=str(status.get("phase") or ""),
        created=moment(metadata.get("creationTimestamp")) or datetime.fromtimestamp(0, timezone.utc),
        finished=moment(status.get("finishedAt")),
        message=str(status.get("message") or ""),
        shutdown=str(spec.get("shutdown") or ""),
        done=int(done) if done.isdigit() else 0,
        known=int(known) if known.isdigit() else 0,
        offloaded=bool(status.get("offloadNodeStatusVersion")),
        tasks=tuple(_tasks(_nodes(status), bool(spec.get("shutdown")))),
    )


def moment(text: Any) -> datetime | None:
    """A time as Kubernetes writes it; None where there is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if isinstance(text, str) and text else None


def _nodes(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The nodes by their ids; those of a large workflow are packed."""
    packed = status.get("compressedNodes")
    if packed:
        try:
            found = json.loads(gzip.decompress(base64.b64decode(packed)))
        except (ValueError, OSError, EOFError, zlib.error):  # cut off, or in a form of a later version
            return {}
        return found if isinstance(found, dict) else {}
    return status.get("nodes") or {}


def _tasks(nodes: Mapping[str, Any], shut_down: bool) -> Iterator[SeenTask]:
    """The tasks of steps: nodes whose template takes a step and a path, of a workflow that may be ``shut_down``.

    With a retry strategy such a node is of the type Retry, and its children are the pods of its tries.
    """
    tries = {child for node in nodes.values() if node.get("type") == "Retry" for child in node.get("children") or ()}
    for identity, node in nodes.items():
        if node.get("type") not in ("Pod", "Retry") or identity in tries or node.get("phase") in _UNSEEN:
            continue
        retried = node.get("type") == "Retry"
        pods = [nodes[child] for child in node.get("children") or () if child in nodes] if retried else []
        inputs = next(filter(None, map(_inputs, (node, *pods))), {})
        if "step" in inputs and "path" in inputs:
            task = _task(identity, inputs["step"], inputs["path"], node, pods)
            yield _ended(task) if shut_down else task


def _inputs(node: Mapping[str, Any]) -> dict[str, str]:
    """What a node was given, by name."""
    given = (node.get("inputs") or {}).get("parameters") or ()
    return {str(each.get("name")): str(each.get("value") or "") for each in given}


def _task(identity: str, step: str, path: str, node: Mapping[str, Any], pods: list[Any]) -> SeenTask:
    """A task; what its last pod says counts, where the node of all its tries says only that it failed."""
    last = pods[-1] if pods else node
    phase = str(node.get("phase") or "")
    failed = sum(pod.get("phase") in ("Failed", "Error") for pod in pods)
    if phase == "Running":
        phase = str(last.get("phase") or "") if last.get("phase") not in OVER else "Running"
    state = _STATES.get(phase, TaskState.RUNNING)
    reason = str(last.get("message") or node.get("message") or "")
    if state is TaskState.FAILED:
        failed -= 1
    begin, end = moment(last.get("startedAt")), moment(last.get("finishedAt"))
    seconds = (end - begin).total_seconds() if begin and end else None
    return SeenTask(identity, step, state, seconds, _task_id(path), reason, max(0, failed))


def _ended(task: SeenTask) -> SeenTask:
    """A task of a workflow that is shut down: it did not fail by itself where the shutdown ended it."""
    by_force = task.state is TaskState.FAILED and any(words in task.reason for words in _SHUT_DOWN)
    return task._replace(state=TaskState.ENDED) if by_force else task


def _task_id(path: str) -> str:
    """The task's name in the datastore; empty for a path that is none, such as one that Argo has not filled in yet."""
    try:
        return Path.parse(path).task_id
    except InvalidName:
        return ""
