"""From a compiled file to a :class:`Pipeline`, strictly: what a rehearsal does not know is refused, not skipped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import yaml

from penstock.backends.kubeflow.rehearsal import checks
from penstock.backends.kubeflow.rehearsal.document import (
    Component,
    ComponentInput,
    Constant,
    Dag,
    ParameterIterator,
    ParameterSpec,
    Pipeline,
    RetryPolicy,
    Source,
    Task,
    TaskOutput,
)
from penstock.backends.kubeflow.rehearsal.executors import read_executors
from penstock.backends.kubeflow.rehearsal.values import TYPES, as_value
from penstock.backends.rehearsal.fields import BadDocument, Fields

SCHEMA_VERSION = "2.1.0"
_PIPELINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}\Z")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s\Z")


def read_pipeline(text: bytes) -> Pipeline:
    """The pipeline in a compiled file: a pipeline document, and a platform document where there is one.

    Raises BadDocument.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = list(yaml.load_all(text, Loader=loader))
    except yaml.YAMLError as error:
        raise BadDocument(f"the file is no YAML: {error}") from None
    if len(documents) not in (1, 2):
        raise BadDocument(f"the file holds {len(documents)} documents, where a pipeline and a platform document belong")
    spec = Fields(documents[0], "pipeline")
    platform = Fields(documents[1], "platform") if len(documents) == 2 else None
    spec.ignore("sdkVersion", "defaultPipelineRoot")
    version = spec.text("schemaVersion")
    if version != SCHEMA_VERSION:
        raise spec.refuse(f"the schema version is {version!r}, the backend takes {SCHEMA_VERSION}")
    info = spec.message("pipelineInfo")
    info.ignore("displayName", "description")
    name = info.text("name")
    if not _PIPELINE_NAME.match(name):
        raise info.refuse(f"{name!r} cannot be a pipeline's name")
    info.done()
    executors = read_executors(spec.message("deploymentSpec"), platform)
    components = {key: _component(key, fields) for key, fields in spec.messages("components")}
    root = _component("root", spec.message("root"))
    spec.done()
    pipeline = Pipeline(name, root, components, executors)
    checks.check(pipeline)
    return pipeline


def _component(name: str, fields: Fields) -> Component:
    inputs, outputs = fields.message("inputDefinitions"), fields.message("outputDefinitions")
    component = Component(
        name,
        inputs={key: _input(each) for key, each in inputs.messages("parameters")},
        outputs={key: _output(each) for key, each in outputs.messages("parameters")},
        dag=_dag(fields.message("dag")) if "dag" in fields else None,
        executor=fields.text("executorLabel", ""),
    )
    for each in (inputs, outputs, fields):
        each.done()
    if (component.dag is None) == (not component.executor):
        raise fields.refuse("a component has either a dag or an executorLabel")
    return component


def _kind(fields: Fields) -> str:
    kind = fields.text("parameterType")
    if kind not in TYPES:
        raise fields.refuse(f"a parameter cannot have the type {kind!r}")
    return kind


def _input(fields: Fields) -> ParameterSpec:
    kind = _kind(fields)
    fields.ignore("description")
    optional = fields.flag("isOptional")
    given = "defaultValue" in fields
    default = _value(fields, "defaultValue") if given else None
    fields.done()
    return ParameterSpec(kind, optional, given, default)


def _output(fields: Fields) -> str:
    kind = _kind(fields)
    fields.ignore("description")
    fields.done()
    return kind


def _value(fields: Fields, name: str) -> Any:
    try:
        return as_value(fields.value(name))
    except ValueError as error:
        raise fields.refuse(f"`{name}`: {error}") from None


def _dag(fields: Fields) -> Dag:
    tasks = {key: _task(key, each) for key, each in fields.messages("tasks")}
    outputs = fields.message("outputs")
    given = {key: _dag_output(each) for key, each in outputs.messages("parameters")}
    outputs.done()
    fields.done()
    if not tasks:
        raise fields.refuse("a dag needs a task")
    return Dag(tasks, given)


def _dag_output(fields: Fields) -> TaskOutput:
    selector = fields.message("valueFromParameter")
    found = TaskOutput(selector.text("producerSubtask"), selector.text("outputParameterKey"))
    selector.done()
    fields.done()
    return found


def _task(key: str, fields: Fields) -> Task:
    info, reference, inputs = fields.message("taskInfo"), fields.message("componentRef"), fields.message("inputs")
    name = info.text("name", "")
    iterator = _iterator(fields)
    if iterator is not None and name != key:
        raise info.refuse(f"the name {name!r} of a loop is not its key, which backends before 2.16 need")
    if fields.message("cachingOptions").flag("enableCache"):
        raise fields.refuse("a cached task is not run at all, and would leave no artifacts")
    trigger = fields.message("triggerPolicy")
    sources = {each: _source(found) for each, found in inputs.messages("parameters")}
    producers = [source.producer for source in sources.values() if isinstance(source, TaskOutput)]
    task = Task(
        key,
        component=reference.text("name"),
        # The backend adds the producers of inputs itself (argocompiler, addImplicitDependencies).
        depends=_once([*fields.texts("dependentTasks"), *producers]),
        inputs=sources,
        condition=trigger.text("condition", ""),
        iterator=iterator,
        retry=_retry(fields.message("retryPolicy")) if "retryPolicy" in fields else None,
    )
    for each in (info, reference, inputs, trigger, fields):
        each.done()
    return task


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _source(fields: Fields) -> Source:
    source: Source
    if "runtimeValue" in fields:
        value = fields.message("runtimeValue")
        if "constant" not in value:
            raise value.refuse("a runtime value is a constant")
        source = Constant(_value(value, "constant"))
        value.done()
    elif "taskOutputParameter" in fields:
        output = fields.message("taskOutputParameter")
        source = TaskOutput(output.text("producerTask"), output.text("outputParameterKey"))
        output.done()
    else:
        source = ComponentInput(fields.text("componentInputParameter"))
    fields.done()
    return source


def _iterator(fields: Fields) -> ParameterIterator | None:
    policy = fields.message("iteratorPolicy")
    limit = policy.number("parallelismLimit")
    policy.done()
    if "parameterIterator" not in fields:
        if limit:
            raise fields.refuse("an iteratorPolicy without an iterator")
        return None
    loop = fields.message("parameterIterator")
    items = loop.message("items")
    source = tuple(_raw(items)) if "raw" in items else items.text("inputParameter")
    found = ParameterIterator(loop.text("itemInput"), source, int(limit))
    items.done()
    loop.done()
    return found


def _raw(fields: Fields) -> list[Any]:
    text = fields.text("raw")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise fields.refuse("the raw items are no JSON list")
    return [as_value(each) for each in found]


def _retry(fields: Fields) -> RetryPolicy:
    policy = RetryPolicy(
        count=int(fields.number("maxRetryCount")),
        wait=_seconds(fields, "backoffDuration"),
        factor=fields.number("backoffFactor", 2.0),
        longest=_seconds(fields, "backoffMaxDuration"),
    )
    fields.done()
    return policy


def _seconds(fields: Fields, name: str) -> float:
    text = fields.text(name, "0s")
    match = _DURATION.match(text)
    if match is None:
        raise fields.refuse(f"`{name}` is {text!r}, where seconds like '30s' belong")
    return float(match[1])
