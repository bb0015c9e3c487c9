"""A template and its tasks, read from their JSON: once for their form, and again whenever tags in it are replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from penstock.backends.argo.rehearsal.document import (
    Backoff,
    Container,
    ContinueOn,
    Input,
    Output,
    Reference,
    RetryStrategy,
    Sequence,
    Task,
    Template,
    Variable,
)
from penstock.backends.job_hosts.jobs import Resources
from penstock.backends.rehearsal.fields import Fields

_MIB = 2**20
POLICIES = ("Always", "OnFailure", "OnError", "OnTransientError")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|m|s|ms|us|ns))+\Z")
_PART = re.compile(r"([\d.]+)([a-z]+)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_OF_THE_CLUSTER = (
    "affinity", "annotations", "archiveLocation", "automountServiceAccountToken", "executor", "hostAliases",
    "imagePullSecrets", "metadata", "metrics", "nodeSelector", "podSpecPatch", "priorityClassName", "schedulerName",
    "securityContext", "serviceAccountName", "tolerations", "volumes",
)  # fmt: skip
_OF_THE_POD = (
    "envFrom", "imagePullPolicy", "lifecycle", "livenessProbe", "name", "ports", "readinessProbe", "securityContext",
    "startupProbe", "stdin", "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices",
    "volumeMounts", "workingDir",
)  # fmt: skip


def read_template(raw: Mapping[str, Any], owner: str) -> Template:
    """The template of this JSON in the WorkflowTemplate ``owner``.

    Raises BadDocument.
    """
    fields = Fields(raw, f"a template of {owner}")
    name = fields.text("name")
    fields.place = f"template {owner}/{name}"
    fields.ignore(*_OF_THE_CLUSTER)
    container = _container(fields.message("container")) if "container" in fields else None
    tasks = _tasks(fields.message("dag"), owner) if "dag" in fields else None
    if (container is None) == (tasks is None):
        raise fields.refuse("it is neither a container nor a dag" if tasks is None else "it is a container and a dag")
    retry = _retry(fields.message("retryStrategy")) if "retryStrategy" in fields else None
    deadline, parallelism = fields.any_text("activeDeadlineSeconds"), int(fields.number("parallelism")) or None
    if tasks is not None and (retry is not None or deadline is not None):
        raise fields.refuse("a rehearsal runs retryStrategy and activeDeadlineSeconds of containers only")
    if container is not None and parallelism is not None:
        raise fields.refuse("parallelism is for dags")
    found = Template(
        name,
        raw,
        inputs=_inputs(fields.message("inputs")),
        outputs=_outputs(fields.message("outputs"), of_container=container is not None),
        container=container,
        tasks=tasks,
        parallelism=parallelism,
        # Before its tags are replaced it may be no number.
        deadline=float(deadline) if deadline and deadline.isdecimal() else None,
        retry=retry,
    )
    fields.done()
    return found


def read_task(raw: Mapping[str, Any], owner: str) -> Task:
    """The task of this JSON in a DAG of the WorkflowTemplate ``owner``.

    Raises BadDocument.
    """
    fields = Fields(raw, "a task")
    name = fields.text("name")
    fields.place = f"task {name}"
    arguments: dict[str, str] = {}
    passed = fields.message("arguments")
    for each in passed.list("parameters"):
        parameter, value = each.text("name"), each.any_text("value")
        if value is None:
            raise each.refuse("a rehearsal passes values only")
        if parameter in arguments:
            raise each.refuse(f"`{parameter}` is passed twice")
        arguments[parameter] = value
        each.done()
    passed.done()
    found = Task(
        name,
        _reference(fields, owner),
        raw,
        arguments=arguments,
        depends=fields.text("depends", ""),
        dependencies=fields.texts("dependencies"),
        when=fields.text("when", ""),
        items=tuple(fields.value("withItems")) if "withItems" in fields else None,
        param=fields.any_text("withParam"),
        sequence=_sequence(fields.message("withSequence")) if "withSequence" in fields else None,
        continue_on=_continue_on(fields.message("continueOn")),
    )
    fields.done()
    return found


def _container(fields: Fields) -> Container:
    variables: list[Variable] = []
    for each in fields.list("env"):
        name = each.text("name")
        given = each.any_text("value")
        if "valueFrom" in each:
            each.ignore("valueFrom")
            variables.append(Variable(name, None))
        else:
            variables.append(Variable(name, given or ""))
        each.done()
    fields.ignore(*_OF_THE_POD)
    found = Container(
        fields.text("image", ""),
        fields.texts("command"),
        fields.texts("args"),
        tuple(variables),
        _resources(fields.message("resources")),
    )
    fields.done()
    if not found.image:
        raise fields.refuse("it has no image")
    return found


def _resources(fields: Fields) -> Resources:
    limits = fields.message("limits")
    fields.ignore("requests", "claims")
    fields.done()
    cpu, memory = limits.quantity("cpu"), limits.quantity("memory")
    others = {name: limits.quantity(name) or 0 for name in limits.names()}
    return Resources(
        memory=None if memory is None else max(1, int(memory / _MIB)),
        vcpus=cpu,
        gpus=int(sum(count for name, count in others.items() if name.endswith("/gpu"))),
    )


def _tasks(fields: Fields, owner: str) -> tuple[Task, ...]:
    fields.flag("failFast", default=True)  # by the controller's sources, it changes nothing of what follows a failure
    found = tuple(read_task(each, owner) for each in fields.raw_list("tasks"))
    fields.done()
    return found


def _reference(fields: Fields, owner: str) -> Reference:
    name = fields.text("template", "")
    if "templateRef" not in fields:
        return Reference(owner, name)
    if name:
        raise fields.refuse("it has a template and a templateRef")
    reference = fields.message("templateRef")
    found = Reference(reference.text("name"), reference.text("template"))
    if reference.flag("clusterScope"):
        raise reference.refuse("a rehearsal has no ClusterWorkflowTemplates")
    reference.done()
    return found


def _inputs(fields: Fields) -> tuple[Input, ...]:
    found = []
    for each in fields.list("parameters"):
        each.ignore("description", "enum")
        found.append(Input(each.text("name"), each.any_text("value"), each.any_text("default")))
        each.done()
    fields.done()
    return tuple(found)


def _outputs(fields: Fields, *, of_container: bool) -> tuple[Output, ...]:
    found = []
    for each in fields.list("parameters"):
        each.ignore("description")
        name, source = each.text("name"), each.message("valueFrom")
        output = Output(
            name,
            path=source.text("path", ""),
            parameter=source.text("parameter", ""),
            expression=source.text("expression", ""),
            default=source.any_text("default"),
        )
        if bool(output.path) != of_container or bool(output.parameter or output.expression) == of_container:
            kind = "a path" if of_container else "a parameter or an expression"
            raise source.refuse(f"the output `{name}` of this template needs {kind}")
        source.done()
        each.done()
        found.append(output)
    fields.done()
    return tuple(found)


def _retry(fields: Fields) -> RetryStrategy:
    limit, expression = fields.any_text("limit"), fields.text("expression", "")
    policy = fields.text("retryPolicy", "") or ("Always" if expression else "OnFailure")
    if policy not in POLICIES:
        raise fields.refuse(f"`{policy}` is none of {', '.join(POLICIES)}")
    if limit is not None and not limit.isdecimal():
        raise fields.refuse(f"the limit {limit!r} is no number")
    fields.ignore("affinity")
    backoff = _backoff(fields.message("backoff")) if "backoff" in fields else None
    fields.done()
    return RetryStrategy(None if limit is None else int(limit), policy, expression, backoff)


def _backoff(fields: Fields) -> Backoff:
    longest, cap = (fields.text(name, "") for name in ("maxDuration", "cap"))
    factor = fields.any_text("factor")
    if factor is not None and not factor.isdecimal():
        raise fields.refuse(f"the factor {factor!r} is no whole number")
    found = Backoff(
        _seconds(fields, fields.text("duration")),
        factor=int(factor or 0),
        cap=_seconds(fields, cap) if cap else None,
        longest=_seconds(fields, longest) if longest else None,
    )
    fields.done()
    return found


def _seconds(fields: Fields, text: str) -> float:
    """A duration: ``30`` or ``1h2m30s``."""
    if text.isdecimal():
        return float(text)
    if not _DURATION.match(text):
        raise fields.refuse(f"{text!r} is no duration, like 30s or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _sequence(fields: Fields) -> Sequence:
    start, end, count = (fields.any_text(name) for name in ("start", "end", "count"))
    found = Sequence(start, end, count, fields.text("format", ""))
    fields.done()
    if (found.end is None) == (found.count is None):
        raise fields.refuse("it needs a count or an end, and not both")
    return found


def _continue_on(fields: Fields) -> ContinueOn:
    found = ContinueOn(failed=fields.flag("failed"), error=fields.flag("error"))
    fields.done()
    return found
