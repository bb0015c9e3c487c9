"""The driver's part: what the inputs of a task are when it is about to run.

From ``backend/src/v2/driver`` (resolveInputs): an optional input that nobody gives is null inside of a DAG, and missing
in a container.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.backends.kubeflow.rehearsal.conditions import BadCondition, holds
from penstock.backends.kubeflow.rehearsal.document import (
    Component,
    ComponentInput,
    Constant,
    ParameterIterator,
    Source,
    Task,
    TaskOutput,
)
from penstock.backends.kubeflow.rehearsal.values import as_value, checked, fits, to_json
from penstock.backends.rehearsal.fields import BadDocument

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunNames:
    """What the placeholders of a run are replaced by: its ``uuid`` and its ``name``."""

    uuid: str
    name: str

    def replace(self, value: Any) -> Any:
        """The value of a constant."""
        if value == "{{$.pipeline_job_uuid}}":
            return self.uuid
        if value in ("{{$.pipeline_job_name}}", "{{$.pipeline_job_resource_name}}"):
            return self.name
        return value


def root_inputs(root: Component, given: Values) -> dict[str, Any]:
    """The inputs of the pipeline itself, as the API server takes them.

    Raises BadDocument for a value that is unknown, missing or of another type.
    """
    for name in given:
        if name not in root.inputs:
            raise BadDocument(f"the pipeline has no parameter `{name}`")
    found: dict[str, Any] = {}
    for name, spec in root.inputs.items():
        if name in given and given[name] is not None:
            try:
                value = as_value(given[name])
            except ValueError as error:
                raise BadDocument(f"parameter `{name}`: {error}") from None
            if not fits(value, spec.kind):
                raise BadDocument(f"parameter `{name}`: the value {to_json(value)} is no {spec.kind}")
            found[name] = value
        elif spec.has_default:
            found[name] = spec.default
        elif spec.optional:
            found[name] = None
        else:
            raise BadDocument(f"parameter `{name}` is required and not given")
    return found


def task_inputs(
    task: Task, component: Component, around: Values, outputs: Mapping[str, Values], names: RunNames
) -> dict[str, Any]:
    """The inputs of a task; ``around`` are those of its DAG, ``outputs`` what the tasks of that gave.

    The item of a loop is not among them.  Raises BadDocument.
    """
    found: dict[str, Any] = {}
    for name, source in task.inputs.items():
        value = _resolved(source, around, outputs, names)
        if value is not None:
            found[name] = value
        elif not component.inputs[name].optional:
            raise BadDocument(f"task {task.key}: the input `{name}` is null, and not optional")
    return _completed(task, component, found)


def _resolved(source: Source, around: Values, outputs: Mapping[str, Values], names: RunNames) -> Any:
    match source:
        case Constant(value=value):
            return names.replace(value)
        case ComponentInput(name=name):
            return around[name]
        case TaskOutput(producer=producer, key=key):
            return outputs[producer][key]


def _completed(task: Task, component: Component, found: dict[str, Any]) -> dict[str, Any]:
    """With the defaults and nulls that a DAG gets, and every value of the type that is declared."""
    for name, spec in component.inputs.items():
        if task.iterator is not None and name == task.iterator.item:
            continue
        if name in found:
            found[name] = checked(found[name], spec.kind, f"task {task.key}, input `{name}`")
        elif spec.has_default:
            found[name] = spec.default
        elif component.dag is not None:
            found[name] = None
    return found


def runs(task: Task, inputs: Values) -> bool:
    """Whether the condition of a task holds.

    Raises BadDocument for a condition that can't be evaluated.
    """
    try:
        return not task.condition or holds(task.condition, inputs)
    except BadCondition as error:
        raise BadDocument(f"task {task.key}: its condition cannot be evaluated: {error}") from None


def iterations(task: Task, loop: ParameterIterator, component: Component, inputs: Values) -> list[dict[str, Any]]:
    """The inputs of each iteration: all of the loop's, without the list, with one item.

    Raises BadDocument.
    """
    items = loop.items if isinstance(loop.items, tuple) else inputs[loop.items]
    kind = component.inputs[loop.item].kind
    kept = {name: value for name, value in inputs.items() if name != loop.items}
    place = f"task {task.key}, item"
    return [{**kept, loop.item: checked(item, kind, f"{place} {number}")} for number, item in enumerate(items)]
