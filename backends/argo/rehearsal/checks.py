"""What Argo demands of templates when they are applied and when a workflow starts: names, references, inputs, circles.

Of ``workflow/validate``: what a run would trip over.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping

from penstock.backends.argo.rehearsal.dependencies import Dependencies, dependencies_of, unknown_results
from penstock.backends.argo.rehearsal.document import Reference, Task, Template, WorkflowTemplate
from penstock.backends.argo.rehearsal.expressions import compiled
from penstock.backends.argo.rehearsal.operations import BadExpression
from penstock.backends.rehearsal.fields import BadDocument

_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*\Z")
_PARAMETER = re.compile(r"[-a-zA-Z0-9_]+\Z")
_LONGEST = 128
_TAG = re.compile(r"\{\{([^={}][^{}]*)\}\}")
_KNOWN = ("workflow.", "tasks.", "item", "inputs.parameters", "outputs.parameters.", "node.name", "pod.name")
_OF_TRIES = ("retries", "lastRetry.")

Templates = Mapping[str, WorkflowTemplate]


def check(templates: Templates, main: str) -> None:
    """Raises BadDocument with the first thing that is wrong with what a workflow of the template ``main`` uses."""
    for problem in _problems(templates, main):
        raise BadDocument(problem)


def _problems(templates: Templates, main: str) -> Iterator[str]:
    start = templates[main]
    if start.entrypoint not in start.templates:
        yield f"WorkflowTemplate {main}: there is no template {start.entrypoint!r} to begin with"
    if start.on_exit and start.on_exit not in start.templates:
        yield f"WorkflowTemplate {main}: there is no template {start.on_exit!r} to end with"
    for owner in templates.values():
        yield from (f"WorkflowTemplate {owner.name}: {name}" for name in owner.parameters if not _PARAMETER.match(name))
        for template in owner.templates.values():
            yield from (f"template {owner.name}/{template.name}: {each}" for each in _of_template(templates, template))


def _of_template(templates: Templates, template: Template) -> Iterator[str]:
    yield from _of_name(template.name)
    names = [*(each.name for each in template.inputs), *(each.name for each in template.outputs)]
    yield from (f"{name!r} is no name of a parameter" for name in names if not _PARAMETER.match(name))
    inputs = {each.name for each in template.inputs}
    for tag in set(_TAG.findall(json.dumps(template.raw, ensure_ascii=False))):
        yield from _of_tag(tag.strip(), template, inputs)
    if template.retry is not None and template.retry.expression:
        try:
            compiled(template.retry.expression)
        except BadExpression as error:
            yield f"retryStrategy.expression: {error}"
    if template.tasks is not None:
        yield from _of_tasks(templates, template.tasks)


def _of_name(name: str) -> Iterator[str]:
    if not _NAME.match(name) or len(name) > _LONGEST:
        yield f"{name!r} is no name of up to {_LONGEST} letters, digits and dashes"


def _of_tag(tag: str, template: Template, inputs: set[str]) -> Iterator[str]:
    if not tag.startswith((*_KNOWN, *_OF_TRIES)):
        yield f"failed to resolve {{{{{tag}}}}}"
    if tag.startswith("inputs.parameters.") and tag.removeprefix("inputs.parameters.") not in inputs:
        yield f"failed to resolve {{{{{tag}}}}}: there is no such input"
    if tag.startswith(_OF_TRIES) and template.retry is None:
        yield f"failed to resolve {{{{{tag}}}}}: there is no retryStrategy"


def _of_tasks(templates: Templates, listed: tuple[Task, ...]) -> Iterator[str]:
    tasks = {task.name: task for task in listed}
    if len(tasks) < len(listed):
        yield "there are two tasks of one name"
    dependencies = {name: dependencies_of(task, tasks) for name, task in tasks.items()}
    for task in listed:
        for problem in _of_task(templates, task, tasks, dependencies[task.name]):
            yield f"task {task.name}: {problem}"
    yield from _circles(dependencies)


def _of_task(templates: Templates, task: Task, tasks: Mapping[str, Task], dependencies: Dependencies) -> Iterator[str]:
    yield from _of_name(task.name)
    if task.depends and task.dependencies:
        yield "it has depends and dependencies"
    if task.depends and (task.continue_on.failed or task.continue_on.error):
        yield "continueOn does not go with depends"
    yield from (f"there is no result {result!r}" for result in unknown_results(task))
    for name in dependencies.tasks:
        if name not in tasks:
            yield f"it depends on {name!r}, which is no task of this dag"
        elif name in dependencies.of_items and not tasks[name].expands:
            yield f"it asks for the items of {name!r}, which has none"
    if sum((task.items is not None, task.param is not None, task.sequence is not None)) > 1:
        yield "it has more than one of withItems, withParam and withSequence"
    yield from _of_reference(templates, task)


def _of_reference(templates: Templates, task: Task) -> Iterator[str]:
    reference: Reference = task.template
    owner = templates.get(reference.owner)
    if owner is None:  # of the cluster: only an exit handler may be, which is not run then
        return
    if reference.name not in owner.templates:
        yield f"there is no template {reference.name!r} in {reference.owner}"
        return
    for each in owner.templates[reference.name].inputs:
        if each.name not in task.arguments and each.value is None and each.default is None:
            yield f"inputs.parameters.{each.name} of {reference.name} was not supplied"


def _circles(dependencies: Mapping[str, Dependencies]) -> Iterator[str]:
    left = {name: len(each.tasks) for name, each in dependencies.items()}
    followers: dict[str, list[str]] = {name: [] for name in dependencies}
    for name, each in dependencies.items():
        for other in each.tasks:
            if other in followers:
                followers[other].append(name)
    ready = deque(name for name, count in left.items() if not count)
    while ready:
        name = ready.popleft()
        del left[name]
        for follower in followers[name]:
            left[follower] -= 1
            if not left[follower]:
                ready.append(follower)
    if left:
        yield f"the tasks {', '.join(sorted(left)[:5])} depend on each other in a circle"
