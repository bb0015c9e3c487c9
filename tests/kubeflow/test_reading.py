"""Documents that the backend would not take, each way at its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ir_documents import component, constant, loop, outer, output, parsed, pipeline, read, task

from penstock.backends.kubeflow.rehearsal.reading import read_pipeline
from penstock.backends.rehearsal.fields import BadDocument

Change = Callable[[dict[str, Any]], object]


def good() -> dict[str, Any]:
    """A pipeline with one of everything."""
    opener = component(outputs={"splits": "LIST"})
    body = component({"path": "STRING", "splits": "LIST"}, dag={"in": task("leaf", inputs={"x": outer("path")})})
    tasks = {
        "open": task("opener"),
        "each": loop("body", "each", "splits", "path", limit=3, inputs={"splits": output("open", "splits")}),
        "leaf": task("leaf", "each", inputs={"x": constant("1")}, retryPolicy={"maxRetryCount": 1}),
    }
    components = {"opener": opener, "body": body, "leaf": component({"x": "STRING"})}
    return pipeline(tasks, components, {"p": "STRING?"})


def tasks_of(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["root"]["dag"]["tasks"]
    return found


def container_of(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["deploymentSpec"]["executors"]["exec"]["container"]
    return found


def test_the_good_one_is_taken() -> None:
    found = parsed(good())
    assert (found.name, list(found.executors), list(found.components)) == (
        "by-hand",
        ["exec"],
        ["body", "leaf", "opener"],
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schemaVersion="2.0.0"), "pipeline: the schema version is '2.0.0'"),
        (lambda d: d["pipelineInfo"].update(name="By Hand"), "'By Hand' cannot be a pipeline's name"),
        (lambda d: d.update(other=1), "pipeline: the field `other` is unknown"),
        (lambda d: d.update(components=[]), "pipeline.components: [] is no message"),
        (lambda d: container_of(d).update(imagee="x"), "executors.exec.container: the field `imagee` is unknown"),
        (lambda d: container_of(d).update(command=[]), "without a command the launcher has nothing to start"),
        (lambda d: container_of(d).update(command="true"), "`command` is 'true', where a list of strings belongs"),
        (lambda d: container_of(d).update(env=[{"name": "A"}, {"name": "A"}]), "A is set twice"),
        (lambda d: container_of(d).update(resources={"resourceCpuLimit": "two"}), "'two', which is no quantity"),
        (lambda d: d["components"]["leaf"].update(executorLabel="none"), "there is no executor 'none'"),
        (lambda d: d["components"]["leaf"].update(dag={"tasks": {}}), "dag: a dag needs a task"),
        (lambda d: d["components"]["leaf"].pop("executorLabel"), "either a dag or an executorLabel"),
        (lambda d: tasks_of(d)["leaf"].update(dependentTasks=["none"]), "it depends on 'none', which is no task"),
        (lambda d: tasks_of(d)["open"].update(dependentTasks=["leaf"]), "depend on each other in a circle"),
        (lambda d: tasks_of(d)["leaf"].update(componentRef={"name": "none"}), "there is no component 'none'"),
        (lambda d: tasks_of(d)["leaf"].update(cachingOptions={"enableCache": True}), "a cached task is not run"),
        (lambda d: tasks_of(d)["leaf"].pop("inputs"), "the input `x` of leaf is not bound"),
        (lambda d: tasks_of(d)["leaf"]["inputs"]["parameters"].update(y=constant("1")), "leaf has no input `y`"),
        (lambda d: tasks_of(d)["leaf"]["inputs"]["parameters"].update(x=constant(1)), "is 1, which is no STRING"),
        (lambda d: tasks_of(d)["leaf"]["inputs"]["parameters"].update(x=outer("q")), "root has no input `q`"),
        (lambda d: tasks_of(d)["leaf"]["inputs"]["parameters"].update(x=output("open", "o")), "no output `o`"),
        (lambda d: tasks_of(d)["leaf"]["inputs"]["parameters"].update(x=output("each", "o")), "are collected"),
        (lambda d: tasks_of(d)["leaf"].update(retryPolicy={"maxRetryCount": 1, "backoffDuration": 30}), "string"),
        (lambda d: tasks_of(d)["leaf"].update(retryPolicy={"backoffDuration": "30"}), "seconds like '30s' belong"),
        (lambda d: tasks_of(d)["leaf"].update(iteratorPolicy={"parallelismLimit": 1}), "without an iterator"),
        (lambda d: tasks_of(d)["leaf"].update(triggerPolicy={"strategy": 2}), "`strategy` is unknown, or nothing"),
        (lambda d: tasks_of(d)["each"].update(taskInfo={"name": "for"}), "'for' of a loop is not its key"),
        (lambda d: tasks_of(d)["each"].update(retryPolicy={"maxRetryCount": 1}), "retries containers, not dags"),
        (lambda d: tasks_of(d)["each"]["parameterIterator"].update(itemInput="z"), "body has no input `z`"),
        (lambda d: tasks_of(d)["each"]["parameterIterator"]["items"].update(inputParameter="path"), "is no LIST"),
        (lambda d: tasks_of(d).update({"a_b": task("opener")}), "'a_b' is no name of letters, digits and dashes"),
        (lambda d: tasks_of(d).update({"a" * 64: task("opener")}), "of up to 63 characters"),
        (lambda d: d["components"].update(body=component(dag={"in": task("body")})), "body has no input"),
        (lambda d: d["components"].update(deep=component(dag={"in": task("deep")})), "it holds itself"),
        (lambda d: d["root"]["inputDefinitions"]["parameters"]["p"].update(parameterType="TASK"), "the type 'TASK'"),
        (lambda d: d["root"]["inputDefinitions"]["parameters"]["p"].update(defaultValue=1), "is 1, which is no STRING"),
    ],
)
def test_each_mistake_is_told_at_its_place(change: Change, message: str) -> None:
    document = good()
    change(document)
    with pytest.raises(BadDocument) as caught:
        read(document)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("platform", "message"),
    [
        ({"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"none": {}}}}}}, "no such executor"),
        ({"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec": {"x": 1}}}}}}, "`x` is unknown"),
        ({"platforms": {"vertex": {}}}, "`vertex` is unknown"),
        ({"platform": {}}, "`platform` is unknown"),
    ],
)
def test_mistakes_of_the_platform_document_are_told_too(platform: dict[str, Any], message: str) -> None:
    with pytest.raises(BadDocument, match=message):
        read(good(), platform)


@pytest.mark.parametrize(("text", "message"), [(b"a: [", "no YAML"), (b"", "holds 0 documents"), (b"[]", "no message")])
def test_what_is_no_pipeline_at_all_is_told(text: bytes, message: str) -> None:
    with pytest.raises(BadDocument, match=message):
        read_pipeline(text)
