"""What the backend demands of a pipeline beyond its messages' form: names that exist, no cycle, inputs that fit."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from penstock.backends.kubeflow.rehearsal.document import (
    Component,
    ComponentInput,
    Constant,
    Dag,
    Pipeline,
    Task,
    TaskOutput,
)
from penstock.backends.kubeflow.rehearsal.values import fits, to_json
from penstock.backends.rehearsal.fields import BadDocument

_ARGO_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*\Z")
"""Names of templates and of tasks of a DAG, as Argo's validation has it; the longest that the backend builds of one
fits in 128 characters as long as it has 63 itself.
"""
_LONGEST_NAME = 63
RUN_PLACEHOLDERS = ("{{$.pipeline_job_uuid}}", "{{$.pipeline_job_name}}", "{{$.pipeline_job_resource_name}}")
"""What the backend replaces in a constant input of a task, where it is all of it."""
_PLACEHOLDER = "{{$"


def check(pipeline: Pipeline) -> None:
    """Raises BadDocument with the first thing that is wrong."""
    if pipeline.root.dag is None:
        raise BadDocument("pipeline.root: the root is no dag")
    for component in (pipeline.root, *pipeline.components.values()):
        for problem in _of_component(pipeline, component):
            raise BadDocument(problem)
    _demand_no_recursion(pipeline)


def _of_component(pipeline: Pipeline, component: Component) -> Iterator[str]:
    place = f"component {component.name}"
    yield from _of_name(place, component.name)
    for name, spec in component.inputs.items():
        if spec.has_default and not fits(spec.default, spec.kind):
            yield f"{place}: the default of `{name}` is {to_json(spec.default)}, which is no {spec.kind}"
    if component.dag is None:
        if component.executor not in pipeline.executors:
            yield f"{place}: there is no executor {component.executor!r}"
        return
    for name, output in component.dag.outputs.items():
        if name not in component.outputs:
            yield f"{place}: the dag gives the output `{name}`, which is not declared"
        yield from _of_output(pipeline, component.dag, output, place)
    for name in component.outputs.keys() - component.dag.outputs.keys():
        yield f"{place}: no task gives the output `{name}`"
    for task in component.dag.tasks.values():
        yield from _of_task(pipeline, component, component.dag, task)
    yield from _cycles(component.dag, place)


def _of_name(place: str, name: str) -> Iterator[str]:
    if not _ARGO_NAME.match(name) or len(name) > _LONGEST_NAME:
        yield f"{place}: {name!r} is no name of letters, digits and dashes of up to {_LONGEST_NAME} characters"


def _of_task(pipeline: Pipeline, around: Component, dag: Dag, task: Task) -> Iterator[str]:
    place = f"task {task.key} of {around.name}"
    yield from _of_name(place, task.key)
    for name in task.depends:
        if name not in dag.tasks:
            yield f"{place}: it depends on {name!r}, which is no task of this dag"
    component = pipeline.components.get(task.component)
    if component is None:
        yield f"{place}: there is no component {task.component!r}"
        return
    for name, source in task.inputs.items():
        if name not in component.inputs:
            yield f"{place}: {component.name} has no input `{name}`"
        match source:
            case ComponentInput(name=outer):
                if outer not in around.inputs:
                    yield f"{place}: {around.name} has no input `{outer}`"
            case TaskOutput():
                yield from _of_output(pipeline, dag, source, place)
            case Constant(value=value):
                yield from _of_constant(value, name, component, place)
    yield from _of_bound_inputs(task, component, place)
    if component.dag is not None and task.retry is not None:
        yield f"{place}: the backend retries containers, not dags"


def _of_constant(value: object, name: str, component: Component, place: str) -> Iterator[str]:
    spec = component.inputs.get(name)
    if spec is not None and not fits(value, spec.kind):
        yield f"{place}: the constant of `{name}` is {to_json(value)}, which is no {spec.kind}"
    if isinstance(value, str) and _PLACEHOLDER in value and value not in RUN_PLACEHOLDERS:
        yield f"{place}: `{name}` is {value!r}: the backend replaces a placeholder only where it is all of the constant"


def _of_output(pipeline: Pipeline, dag: Dag, output: TaskOutput, place: str) -> Iterator[str]:
    producer = dag.tasks.get(output.producer)
    if producer is None:
        yield f"{place}: {output.producer!r} is no task of this dag"
    elif producer.iterator is not None:
        yield f"{place}: the outputs of the loop {output.producer} are collected, which a rehearsal does not do"
    elif (
        producer.component in pipeline.components and output.key not in pipeline.components[producer.component].outputs
    ):
        yield f"{place}: {output.producer} has no output `{output.key}`"


def _of_bound_inputs(task: Task, component: Component, place: str) -> Iterator[str]:
    bound, loop = set(task.inputs), task.iterator
    if loop is not None:
        if loop.item not in component.inputs:
            yield f"{place}: {component.name} has no input `{loop.item}` for the items"
        if loop.item in bound:
            yield f"{place}: the input `{loop.item}` is bound, and gets the items too"
        if isinstance(loop.items, str) and (loop.items not in bound or component.inputs[loop.items].kind != "LIST"):
            yield f"{place}: `{loop.items}` is no LIST that is bound, and cannot be iterated over"
        bound.add(loop.item)
    for name, spec in component.inputs.items():
        if name not in bound and not spec.optional and not spec.has_default:
            yield f"{place}: the input `{name}` of {component.name} is not bound"


def _cycles(dag: Dag, place: str) -> Iterator[str]:
    left = {key: sum(other in dag.tasks for other in task.depends) for key, task in dag.tasks.items()}
    if any(other not in dag.tasks for task in dag.tasks.values() for other in task.depends):
        return
    ready = deque(key for key, count in left.items() if not count)
    while ready:
        key = ready.popleft()
        del left[key]
        for follower in dag.followers[key]:
            left[follower] -= 1
            if not left[follower]:
                ready.append(follower)
    if left:
        yield f"{place}: the tasks {', '.join(sorted(left)[:5])} depend on each other in a circle"


def _demand_no_recursion(pipeline: Pipeline) -> None:
    """No component holds itself, however deep: the backend builds a template of each."""
    inside = {
        component.name: {task.component for task in component.dag.tasks.values()} if component.dag else set()
        for component in pipeline.components.values()
    }
    users: dict[str, list[str]] = {name: [] for name in inside}
    for name, held in inside.items():
        for each in held:
            users[each].append(name)
    ready = deque(name for name, held in inside.items() if not held)
    while ready:
        name = ready.popleft()
        del inside[name]
        for user in users[name]:
            inside[user].discard(name)
            if not inside[user]:
                ready.append(user)
    if inside:
        raise BadDocument(f"component {min(inside)}: it holds itself, and a pipeline cannot recur")
