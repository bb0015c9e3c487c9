"""What the tags of a workflow stand for: its own names and parameters, inputs, and outputs of tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from penstock.backends.argo.rehearsal.document import Input, Template, WorkflowTemplate
from penstock.backends.argo.rehearsal.substitution import Unresolvable, Values, go_quoted, replaced
from penstock.backends.rehearsal.fields import BadDocument

NAMESPACE = "default"
Outputs = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Workflow:
    """One run: its ``name``, and the values of the ``parameters`` that it was given."""

    template: WorkflowTemplate
    name: str
    uid: str
    parameters: Mapping[str, str]
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def values(self) -> dict[str, str | None]:
        """What the tags of the whole workflow stand for."""
        found: dict[str, str | None] = {
            "workflow.name": self.name,
            "workflow.namespace": NAMESPACE,
            "workflow.uid": self.uid,
            "workflow.mainEntrypoint": self.template.entrypoint,
            "workflow.serviceAccountName": self.template.service_account,
            "workflow.creationTimestamp": self.created.isoformat(),
            "workflow.creationTimestamp.RFC3339": self.created.isoformat(timespec="seconds"),
            "workflow.creationTimestamp.s": str(int(self.created.timestamp())),
        }
        listed = _go_json([self._parameter(name, value) for name, value in self.parameters.items()] or None)
        found["workflow.parameters"] = found["workflow.parameters.json"] = listed
        found |= {f"workflow.parameters.{name}": value for name, value in self.parameters.items()}
        return found

    def _parameter(self, name: str, value: str) -> dict[str, str]:
        description = self.template.descriptions.get(name)
        return {"name": name, "value": value, **({"description": description} if description else {})}


def parameters_given(template: WorkflowTemplate, given: Mapping[str, str]) -> dict[str, str]:
    """The values of a workflow's parameters, in the order of its template.

    Raises BadDocument for one that is unknown, or has no value.
    """
    for name in given:
        if name not in template.parameters:
            raise BadDocument(f"WorkflowTemplate {template.name}: it has no parameter `{name}`")
    found = {}
    for name, default in template.parameters.items():
        value = given.get(name, default)
        if value is None:
            raise BadDocument(f"parameter `{name}` is required and not given")
        found[name] = value
    return found


def ending_values(phase: str, failures: list[dict[str, str]]) -> dict[str, str | None]:
    """What the exit handler may read besides."""
    return {"workflow.status": phase, "workflow.failures": f'"{go_quoted(_go_json(failures or None))}"'}


def instantiated(template: Template, arguments: Values, workflow: Values, local: Values) -> tuple[Any, dict[str, str]]:
    """The JSON of a template with its inputs, and those; ``arguments`` that are None count as not passed.

    Raises Unresolvable.
    """
    inputs = {each.name: _input_value(each, arguments) for each in template.inputs}
    raw = dict(template.raw)
    if template.inputs:
        raw["inputs"] = {"parameters": [{"name": name, "value": value} for name, value in inputs.items()]}
    values = {**workflow, **local}
    raw = replaced(raw, values)
    # Values of inputs may hold tags of the workflow, as fixed ones do: they are replaced by now.
    listed = raw.get("inputs", {}).get("parameters", [])
    final = {each["name"]: str(each["value"]) for each in listed}
    values |= {f"inputs.parameters.{name}": value for name, value in final.items()}
    values["inputs.parameters"] = _go_json(listed)
    values |= {f"outputs.parameters.{each.name}.path": each.path for each in template.outputs if each.path}
    return replaced(raw, values), final


def _input_value(given: Input, arguments: Values) -> str:
    passed = arguments.get(given.name)
    for value in (passed, given.value, given.default):
        if value is not None:
            return value
    raise Unresolvable(f"inputs.parameters.{given.name} was not supplied")


def _go_json(value: Any) -> str:
    """JSON as Go writes it: compact, and without the letters that HTML reads."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
