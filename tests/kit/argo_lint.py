"""The rules of `argo lint` for the manifests that Penstock writes, after the checks of Argo's own sources: no package
carries it.

:func:`lint` takes all objects that are applied together.  What a template refers to in an object that is not among
them, as the one that a run ends with, must be named in ``elsewhere``.
"""

from __future__ import annotations

import re
import zoneinfo
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from argo_references import depends_problems, outputs_read, reference_problems

Object = Mapping[str, Any]

KINDS = ("container", "containerSet", "dag", "data", "http", "plugin", "resource", "script", "steps", "suspend")
POLICIES = ("OnFailure", "OnError", "Always", "OnTransientError")
_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}\Z")
_PARAMETER = re.compile(r"[-a-zA-Z0-9_]+\Z")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_CRON_FIELD = re.compile(r"(\*|\d+(-\d+)?)(/\d+)?(,(\*|\d+(-\d+)?)(/\d+)?)*\Z")
_CRON_SPANS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_LONGEST = {"WorkflowTemplate": 63, "CronWorkflow": 52}


def lint(objects: list[dict[str, Any]], elsewhere: Collection[str] = ()) -> list[str]:
    """Everything that Argo would refuse, as sentences that begin with the object's name."""
    templates = {each["metadata"]["name"]: each for each in objects if each["kind"] == "WorkflowTemplate"}
    found = []
    for each in objects:
        name = each["metadata"]["name"]
        found += [f"{name}: {problem}" for problem in _object_problems(each)]
        if each["kind"] == "WorkflowTemplate":
            found += [f"{name}: {problem}" for problem in _workflow_problems(each, templates, elsewhere)]
        else:
            found += [f"{name}: {problem}" for problem in _cron_problems(each["spec"], templates)]
    return found


def _object_problems(document: Object) -> Iterator[str]:
    name, longest = document["metadata"]["name"], _LONGEST[document["kind"]]
    if document["apiVersion"] != "argoproj.io/v1alpha1":
        yield f"has the version {document['apiVersion']}"
    if len(name) > longest or not _OBJECT.match(name):
        yield f"its name is none, or longer than {longest}"


def _workflow_problems(document: Object, objects: Mapping[str, Object], elsewhere: Collection[str]) -> Iterator[str]:
    spec = document["spec"]
    names = [template["name"] for template in spec["templates"]]
    yield from _twice("templates", names)
    for key in ("entrypoint", "onExit"):
        if key in spec and spec[key] not in names:
            yield f"{key}: there is no template {spec[key]}"
    arguments = spec.get("arguments", {}).get("parameters", [])
    yield from _twice("arguments", [each["name"] for each in arguments])
    yield from (f"arguments: {each['name']!r} is no name" for each in arguments if not _PARAMETER.match(each["name"]))
    known = {
        (home, template["name"]): template for home, each in objects.items() for template in each["spec"]["templates"]
    }
    for template in spec["templates"]:
        where = f"template {template['name']}"
        yield from (f"{where}: {problem}" for problem in _template_problems(template))
        yield from (f"{where}: {problem}" for problem in reference_problems(template, arguments))
        tasks = template.get("dag", {}).get("tasks", [])
        for task in tasks:
            problems = _task_problems(task, document["metadata"]["name"], known, elsewhere)
            yield from (f"{where}: task {task.get('name')}: {problem}" for problem in problems)
        for name, producer, output in outputs_read(tasks):
            used = known.get(_reference(producer, document["metadata"]["name"]), {})
            if output not in [each["name"] for each in used.get("outputs", {}).get("parameters", [])]:
                yield f"{where}: task {name}: {producer['name']} puts out no {output}"


def _twice(what: str, names: list[str]) -> Iterator[str]:
    yield from (f"{what}: {name} stands there twice" for name, often in Counter(names).items() if often > 1)


def _template_problems(template: Object) -> Iterator[str]:
    kinds = [kind for kind in KINDS if kind in template]
    if len(kinds) != 1:
        yield f"is of {len(kinds)} kinds"
    if not _NAME.match(template["name"]):
        yield "its name is none"
    graph = "dag" in template or "steps" in template
    for key, wanted in (("parallelism", graph), ("activeDeadlineSeconds", not graph), ("timeout", not graph)):
        if key in template and not wanted:
            yield f"{key} does not belong there"
    strategy = template.get("retryStrategy")
    if strategy is not None:
        if strategy.get("retryPolicy", "Always") not in POLICIES:
            yield f"retryPolicy cannot be {strategy['retryPolicy']}"
        if "backoff" in strategy and not strategy["backoff"].get("duration"):
            yield "backoff has no duration"
    if "container" in template and not template["container"].get("image"):
        yield "has no image"
    yield from _parameter_problems(template, graph)
    if "dag" in template:
        yield from _twice("tasks", [task["name"] for task in template["dag"]["tasks"]])
        yield from depends_problems(template["dag"]["tasks"])


def _parameter_problems(template: Object, graph: bool) -> Iterator[str]:
    inputs = template.get("inputs", {}).get("parameters", [])
    outputs = template.get("outputs", {}).get("parameters", [])
    yield from _twice("inputs", [each["name"] for each in inputs])
    yield from _twice("outputs", [each["name"] for each in outputs])
    for each in (*inputs, *outputs):
        if not _PARAMETER.match(each["name"]):
            yield f"{each['name']!r} is no parameter's name"
    for each in outputs:
        source = each.get("valueFrom", {})
        wanted = {"parameter", "expression"} if graph else {"path"}
        if not wanted & set(source) or ({"path", "parameter", "expression"} - wanted) & set(source):
            yield f"output {each['name']}: comes from nothing that it can come from"


def _task_problems(
    task: Object, home: str, known: Mapping[tuple[str, str], Object], elsewhere: Collection[str]
) -> Iterator[str]:
    if not _NAME.match(task["name"]):
        yield "its name is none"
    if "depends" in task and "dependencies" in task:
        yield "has both depends and dependencies"
    if "depends" in task and "continueOn" in task:
        yield "continueOn does not go with depends"
    if "depends" in task and task["name"][0].isdigit():
        yield "begins with a digit"
    if ("template" in task) + ("templateRef" in task) + ("inline" in task) != 1:
        yield "uses no template, or several"
        return
    if sum(key in task for key in ("withItems", "withParam", "withSequence")) > 1:
        yield "fans out in several ways"
    sequence = task.get("withSequence", {})
    if sequence and ("count" in sequence) == ("end" in sequence):
        yield "its sequence has not one of count and end"
    reference = _reference(task, home)
    if reference[0] in elsewhere:
        return
    used = known.get(reference)
    if used is None:
        yield f"there is no template {'/'.join(reference)}"
        return
    given = [each["name"] for each in task.get("arguments", {}).get("parameters", [])]
    yield from _twice("arguments", given)
    for each in used.get("inputs", {}).get("parameters", []):
        if each["name"] not in given and "value" not in each and "default" not in each:
            yield f"is not given {each['name']}"


def _reference(task: Object, home: str) -> tuple[str, str]:
    """The object and the template that a task uses."""
    reference = task.get("templateRef", {"name": home, "template": task.get("template", "")})
    return reference["name"], reference["template"]


def _cron_problems(spec: Object, templates: Mapping[str, Object]) -> Iterator[str]:
    if "schedule" in spec:
        yield "schedule is gone since 4.0"
    for cron in spec.get("schedules", []):
        fields = cron.split()
        if len(fields) != len(_CRON_SPANS):
            yield f"{cron!r} has {len(fields)} fields"
            continue
        for field, (low, high) in zip(fields, _CRON_SPANS, strict=True):
            numbers = [int(number) for part in field.split(",") for number in re.findall(r"\d+", part.split("/")[0])]
            if not _CRON_FIELD.match(field) or not all(low <= number <= high for number in numbers):
                yield f"{field!r} in {cron!r} is no field"
    if not spec.get("schedules"):
        yield "has no schedules"
    if spec.get("timezone") not in zoneinfo.available_timezones():
        yield f"there is no time zone {spec.get('timezone')}"
    if spec.get("concurrencyPolicy", "Allow") not in ("Allow", "Forbid", "Replace"):
        yield f"concurrencyPolicy cannot be {spec['concurrencyPolicy']}"
    if spec["workflowSpec"]["workflowTemplateRef"]["name"] not in templates:
        yield "refers to a template that is not there"
