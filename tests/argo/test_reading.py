"""Manifests are read strictly: what Argo would not take, and what a rehearsal cannot run, is refused at its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from workflow_manifests import Document, dag, leaf, manifest, output, run, stream, task

from penstock.backends.argo.rehearsal.checks import check
from penstock.backends.argo.rehearsal.document import Backoff, RetryStrategy
from penstock.backends.argo.rehearsal.reading import read_manifests
from penstock.backends.job_hosts.jobs import Resources
from penstock.backends.rehearsal.fields import BadDocument

Change = Callable[[Document], object]


def whole() -> Document:
    """A manifest with nothing wrong."""
    return manifest(
        dag("main", task("a"), task("b", "a", template="takes", arguments={"x": "1"})),
        leaf("leaf", outputs=["o"]),
        leaf("takes", inputs={"x": None, "y": "2"}),
        parameters={"p": "1"},
    )


def template(document: Document, number: int) -> Document:
    found: Document = document["spec"]["templates"][number]
    return found


def tasks(document: Document) -> list[Document]:
    found: list[Document] = template(document, 0)["dag"]["tasks"]
    return found


def put(inside: Callable[[Document], Document], **fields: Any) -> Change:
    return lambda document: inside(document).update(fields)


def spec(document: Document) -> Document:
    found: Document = document["spec"]
    return found


REFUSED: list[tuple[Change, str]] = [
    (lambda d: d.update(apiVersion="v1"), "WorkflowTemplate: its apiVersion is not argoproj.io/v1alpha1"),
    (lambda d: d["metadata"].update(name="By_Hand"), "'By_Hand' is no name of up to 63 small letters"),
    (put(spec, entrypoint="other"), "there is no template 'other' to begin with"),
    (put(spec, onExit="other"), "there is no template 'other' to end with"),
    (put(spec, hooks={}), "WorkflowTemplate by-hand: the field `hooks` is unknown"),
    (put(spec, synchronization={}), "the field `synchronization` is unknown, or nothing that a rehearsal can run"),
    (lambda d: spec(d)["arguments"]["parameters"].append({"name": "p"}), "there are two parameters called 'p'"),
    (lambda d: spec(d)["templates"].append(leaf("leaf")), "there are two templates called 'leaf'"),
    (lambda d: tasks(d)[0].update(name="a b"), "task a b: 'a b' is no name of up to 128 letters, digits and dashes"),
    (lambda d: template(d, 1).update(dag={"tasks": []}), "template by-hand/leaf: it is a container and a dag"),
    (lambda d: template(d, 1).pop("container"), "template by-hand/leaf: it is neither a container nor a dag"),
    (lambda d: template(d, 1).update(script={}), "template by-hand/leaf: the field `script` is unknown"),
    (lambda d: template(d, 1).update(parallelism=2), "template by-hand/leaf: parallelism is for dags"),
    (lambda d: template(d, 0).update(retryStrategy={}), "runs retryStrategy and activeDeadlineSeconds of containers"),
    (lambda d: template(d, 1)["container"].update(image=""), "template by-hand/leaf.container: it has no image"),
    (
        lambda d: template(d, 1)["outputs"]["parameters"][0].update(valueFrom={"parameter": "x"}),
        "the output `o` of this template needs a path",
    ),
    (
        lambda d: template(d, 1).update(retryStrategy={"retryPolicy": "Often"}),
        "`Often` is none of Always, OnFailure, OnError, OnTransientError",
    ),
    (lambda d: template(d, 1).update(retryStrategy={"limit": "x"}), "the limit 'x' is no number"),
    (
        lambda d: template(d, 1).update(retryStrategy={"backoff": {"duration": "5 min"}}),
        "'5 min' is no duration, like 30s or 1h30m",
    ),
    (lambda d: template(d, 1).update(retryStrategy={"expression": "1 +"}), "retryStrategy.expression: `1 +` cannot be"),
    (lambda d: template(d, 1)["container"].update(args=["{{retries}}"]), "{{retries}}: there is no retryStrategy"),
    (
        lambda d: template(d, 1)["container"].update(args=["{{inputs.parameters.z}}"]),
        "failed to resolve {{inputs.parameters.z}}: there is no such input",
    ),
    (lambda d: template(d, 1)["container"].update(args=["{{steps.x}}"]), "failed to resolve {{steps.x}}"),
    (lambda d: tasks(d).append(task("a")), "template by-hand/main: there are two tasks of one name"),
    (lambda d: tasks(d)[0].update(template="other"), "task a: there is no template 'other' in by-hand"),
    (lambda d: tasks(d)[1].pop("arguments"), "task b: inputs.parameters.x of takes was not supplied"),
    (lambda d: tasks(d)[1].update(depends="z"), "task b: it depends on 'z', which is no task of this dag"),
    (lambda d: tasks(d)[1].update(depends="a.Done"), "task b: there is no result 'Done'"),
    (lambda d: tasks(d)[1].update(depends="a.AllFailed"), "task b: it asks for the items of 'a', which has none"),
    (lambda d: tasks(d)[1].update(dependencies=["a"]), "task b: it has depends and dependencies"),
    (lambda d: tasks(d)[1].update(continueOn={"failed": True}), "task b: continueOn does not go with depends"),
    (lambda d: tasks(d)[0].update(depends="b"), "the tasks a, b depend on each other in a circle"),
    (
        lambda d: tasks(d)[0].update(withItems=[1], withParam="[]"),
        "task a: it has more than one of withItems, withParam and withSequence",
    ),
    (lambda d: tasks(d)[0].update(withSequence={}), "task a.withSequence: it needs a count or an end, and not both"),
    (
        lambda d: tasks(d)[0].update(templateRef={"name": "x", "template": "y"}),
        "task a: it has a template and a templateRef",
    ),
    (lambda d: tasks(d)[0].update(hooks={}), "task a: the field `hooks` is unknown"),
    (
        lambda d: tasks(d)[1]["arguments"]["parameters"].append({"name": "x", "value": "2"}),
        "`x` is passed twice",
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_a_manifest_with_one_thing_wrong_is_refused(change: Change, message: str) -> None:
    document = whole()
    assert run(document)[0].failures == ()
    change(document)
    with pytest.raises(BadDocument) as caught:
        run(document)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: [", "the manifests are no YAML"),
        (b"", "there is no WorkflowTemplate"),
        (b"kind: CronWorkflow\n", "there is no WorkflowTemplate"),
        (stream(whole(), whole()), "WorkflowTemplate by-hand: there are two of this name"),
    ],
)
def test_what_is_no_manifest_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadDocument) as caught:
        read_manifests(data)
    assert message in caught.value.message


def test_a_list_is_its_items_and_what_starts_workflows_is_passed_over() -> None:
    items = [whole(), {"kind": "CronWorkflow"}, manifest(leaf("x"), name="other", entrypoint="")]
    found = read_manifests(stream({"apiVersion": "v1", "kind": "List", "items": items}))
    assert list(found) == ["by-hand", "other"]
    check(found, "by-hand")


def test_what_a_pod_has_from_its_cluster_is_passed_over() -> None:
    document = whole()
    template(document, 1).update(nodeSelector={"a": "b"}, tolerations=[{}], volumes=[{"name": "v"}], metadata={})
    container = template(document, 1)["container"]
    container.update(volumeMounts=[{"name": "v"}], imagePullPolicy="Always", envFrom=[{}])
    container["resources"] = {"limits": {"cpu": "500m", "memory": "4Gi", "nvidia.com/gpu": 2}, "requests": {"cpu": "1"}}
    document["spec"].update(workflowMetadata={}, ttlStrategy={}, serviceAccountName="runner", activeDeadlineSeconds="9")
    found = read_manifests(stream(document))["by-hand"]
    assert (found.service_account, found.deadline) == ("runner", 9.0)
    read = found.templates["leaf"].container
    assert read is not None
    assert read.resources == Resources(memory=4096, vcpus=0.5, gpus=2)


def test_retry_strategies_and_their_waits() -> None:
    document = whole()
    strategy = {
        "limit": 3,
        "expression": "lastRetry.exitCode != '1'",
        "backoff": {"duration": "1m30s", "factor": "2", "cap": "200", "maxDuration": "1h"},
    }
    template(document, 1)["retryStrategy"] = strategy
    found = read_manifests(stream(document))["by-hand"].templates["leaf"].retry
    assert found == RetryStrategy(3, "Always", "lastRetry.exitCode != '1'", Backoff(90.0, 2, 200.0, 3600.0))
    assert found.backoff is not None
    assert [found.backoff.seconds(retry) for retry in range(3)] == [90, 180, 200]
    assert Backoff(0.5).seconds(4) == 0.5


def test_an_output_in_a_template_of_another_object_is_read_there() -> None:
    """A reference needs its object; only what a run ends with may be the cluster's."""
    other = manifest(leaf("gives", outputs={"o": "7"}), leaf("takes", inputs={"x": None}), name="other", entrypoint="")
    of = lambda name: {"template": None, "templateRef": {"name": "other", "template": name}}  # noqa: E731
    document = manifest(
        dag("main", task("a", **of("gives")), task("b", "a", arguments={"x": output("a", "o")}, **of("takes")))
    )
    ended, ran = run(document, other)
    assert (ended.failures, len(ran)) == ((), 2)
