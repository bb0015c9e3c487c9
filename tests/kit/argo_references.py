"""What `argo lint` says of expressions: that `depends` names tasks, and that every ``{{…}}`` stands for something."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TASK = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*)(?:\.([A-Z][A-Za-z]+))?")
_RESULTS = {"Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed"}
_OF_FAN_OUTS = {"AnySucceeded", "AllFailed"}
_OF_WORKFLOWS = {"workflow.name", "workflow.namespace", "workflow.uid", "workflow.status", "workflow.failures"}


def depends_problems(tasks: list[dict[str, Any]]) -> Iterator[str]:
    """Names in `depends` that are no task, results that a task has not, and cycles."""
    by_name = {task["name"]: task for task in tasks}
    for task in tasks:
        for name, result in _TASK.findall(task.get("depends", "")):
            if name not in by_name:
                yield f"task {task['name']}: waits for {name}, which is no task"
            elif result and result not in _RESULTS:
                yield f"task {task['name']}: {name} has no {result}"
            elif result in _OF_FAN_OUTS and not _fans_out(by_name[name]):
                yield f"task {task['name']}: {name} does not fan out, so it has no {result}"
    if len(_in_order(by_name)) < len(by_name):
        yield "tasks wait for each other in a circle"


def comes_after(tasks: Mapping[str, Object], name: str, wanted: str) -> bool:
    """Whether a task waits for another, or for one that does."""
    seen = {name}
    pending = [name]
    for each in pending:  # grows while it is walked
        for before in _waits_for(tasks[each]):
            if before == wanted:
                return True
            if before in tasks and before not in seen:
                seen.add(before)
                pending.append(before)
    return False


def _waits_for(task: Object) -> list[str]:
    return [*task.get("dependencies", []), *(name for name, _ in _TASK.findall(task.get("depends", "")))]


def _in_order(tasks: Mapping[str, Object]) -> list[str]:
    """The tasks that are in no circle, each after those that it waits for."""
    left = {name: [each for each in _waits_for(task) if each in tasks] for name, task in tasks.items()}
    followers: dict[str, list[str]] = {}
    for name, before in left.items():
        for each in before:
            followers.setdefault(each, []).append(name)
    missing = {name: len(before) for name, before in left.items()}
    ready = [name for name, count in missing.items() if count == 0]
    for name in ready:  # grows while it is walked
        for each in followers.get(name, []):
            missing[each] -= 1
            if missing[each] == 0:
                ready.append(each)
    return ready


def _fans_out(task: Object) -> bool:
    return any(key in task for key in ("withItems", "withParam", "withSequence"))


def reference_problems(template: Object, arguments: list[dict[str, Any]]) -> Iterator[str]:
    """Every ``{{…}}`` of a template that stands for nothing there."""
    scope = _workflow_scope(arguments) | {
        f"inputs.parameters.{each['name']}" for each in template.get("inputs", {}).get("parameters", [])
    }
    if "dag" not in template:
        own = {"pod.name", "node.name", *(["retries"] if "retryStrategy" in template else [])}
        yield from _unresolved(template, scope | own)
        return
    tasks = {task["name"]: task for task in template["dag"]["tasks"]}
    for name, task in tasks.items():
        known = set(scope)
        if _fans_out(task):
            known.add("item")
        for tag in _tags(task):
            producer = re.match(r"tasks\.([-a-zA-Z0-9]+)\.", tag)
            if producer is None:
                if tag not in known:
                    yield f"task {name}: {{{{{tag}}}}} stands for nothing"
            elif not comes_after(tasks, name, producer.group(1)):
                yield f"task {name}: {{{{{tag}}}}} is of no task before it"


def outputs_read(tasks: list[dict[str, Any]]) -> Iterator[tuple[str, Object, str]]:
    """Which task is given which output of which other one: names and tasks."""
    by_name = {task["name"]: task for task in tasks}
    for name, task in by_name.items():
        for tag in _tags(task):
            found = re.match(r"tasks\.([-a-zA-Z0-9]+)\.outputs\.parameters\.([-a-zA-Z0-9_]+)\Z", tag)
            if found and found.group(1) in by_name:
                yield name, by_name[found.group(1)], found.group(2)


def _workflow_scope(arguments: list[dict[str, Any]]) -> set[str]:
    named = {f"workflow.parameters.{each['name']}" for each in arguments}
    whole = {"workflow.parameters", "workflow.parameters.json"} if arguments else set()
    return _OF_WORKFLOWS | named | whole


def _unresolved(part: Object, known: set[str]) -> Iterator[str]:
    yield from (f"{{{{{tag}}}}} stands for nothing" for tag in _tags(part) if tag not in known)


def _tags(part: Object) -> list[str]:
    return _TAG.findall(json.dumps(part, ensure_ascii=False))
