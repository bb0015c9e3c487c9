"""What decorators and configuration make of a task's pod, of its tries, and of the whole workflow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from argo_lint import lint
from argo_models import model_problems
from argo_target import fixed_settings, templates_of
from compiler_flows import load_file

from penstock.backends.argo.lowering import objects
from penstock.compiler.pipeline import demand_program

Object = dict[str, Any]

BODY = """
    {decorators}
    @step
    def start(self): self.next(self.end)
    @step
    def end(self): pass
"""


@pytest.fixture
def pod(manifests: Any) -> Any:
    """The template of a step with these decorators, its name, program and common variables left out."""

    def of(decorators: str, **settings: Any) -> Object:
        objects = manifests(BODY.format(decorators=decorators), **settings)
        templates = templates_of(objects)
        name = templates["main"]["dag"]["tasks"][0]["template"]
        template = dict(templates[name])
        container = dict(template.pop("container"))
        own = [each for each in container.pop("env") if not each["name"].startswith(("PENSTOCK_", "METAFLOW_"))]
        del container["command"], template["name"], template["inputs"]
        return {**template, "container": {**container, **({"env": own} if own else {})}}

    return of


def container(**fields: Any) -> Object:
    return {"container": {"image": "python:3.11", **fields}}


def test_a_step_that_asks_for_nothing_has_an_image(pod: Any) -> None:
    assert pod("") == container()
    assert pod("", service_account="runner") == container(), "the workflow has it"


@pytest.mark.parametrize(
    ("decorators", "resources"),
    [
        ("@resources(cpu=2, memory=4096)", {"cpu": "2", "memory": "4096Mi"}),
        ("@kubernetes(cpu=0.5)\n    @resources(cpu=2)", {"cpu": "0.5"}),
    ],
)
def test_what_is_asked_for_is_the_limit_too(pod: Any, decorators: str, resources: Object) -> None:
    assert pod(decorators) == container(resources={"limits": resources, "requests": resources})


def test_gpus_and_disk(pod: Any) -> None:
    assert pod('@kubernetes(gpu=2, gpu_vendor="amd", disk=1024)') == container(
        resources={"limits": {"amd.com/gpu": "2"}, "requests": {"ephemeral-storage": "1024Mi"}}
    )


def test_secrets_and_config_maps_go_where_they_are_told(pod: Any) -> None:
    found = pod(
        '@kubernetes(secrets={"db": {"password": "PW"}, "tls": "/tls"}, config_maps=["flags"])', secrets={"all": None}
    )
    assert found == {
        "volumes": [{"name": "volume-1", "secret": {"secretName": "tls"}}],
        **container(
            env=[{"name": "PW", "valueFrom": {"secretKeyRef": {"key": "password", "name": "db"}}}],
            envFrom=[{"secretRef": {"name": "all"}}, {"configMapRef": {"name": "flags"}}],
            volumeMounts=[{"name": "volume-1", "mountPath": "/tls"}],
        ),
    }


def test_volumes_and_shared_memory(pod: Any) -> None:
    found = pod('@kubernetes(persistent_volume_claims={"data": "/data"}, config_maps={"c": "/c"}, shared_memory=64)')
    assert found == {
        "volumes": [
            {"name": "volume-1", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "volume-2", "configMap": {"name": "c"}},
            {"name": "volume-3", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        ],
        **container(
            volumeMounts=[
                {"name": "volume-1", "mountPath": "/data"},
                {"name": "volume-2", "mountPath": "/c"},
                {"name": "volume-3", "mountPath": "/dev/shm"},
            ]
        ),
    }


def test_where_and_as_whom_a_pod_runs(pod: Any) -> None:
    found = pod(
        '@kube(node_selector="pool=big", labels={"team": "a"}, annotations={"note": "b"}, service_account="robot", '
        'image="other:1", image_pull_policy="Always", '
        'tolerations=[{"key": "gpu", "operator": "Exists", "toleration_seconds": 30}])',
        labels={"team": "x", "more": "z"},
        registry="r.example",
        service_account="runner",
    )
    assert found == {
        "nodeSelector": {"pool": "big"},
        "metadata": {"labels": {"team": "a", "more": "z"}, "annotations": {"note": "b"}},
        "serviceAccountName": "robot",
        "tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 30}],
        "container": {"image": "r.example/other:1", "imagePullPolicy": "Always"},
    }


@pytest.mark.parametrize(
    ("decorators", "strategy"),
    [
        (
            "@retry",
            {"limit": "3", "expression": "lastRetry.exitCode != '202'", "backoff": {"duration": "120s"}},
        ),
        (
            "@retry(times=1, minutes_between_retries=0.0005)",
            {"limit": "1", "expression": "lastRetry.exitCode != '202'", "backoff": {"duration": "30ms"}},
        ),
        (
            '@retry(times=2, minutes_between_retries=0, on="platform")',
            {"limit": "2", "expression": "lastRetry.exitCode != '202' && lastRetry.exitCode != '1'"},
        ),
        ("@catch", {"limit": "3", "expression": "lastRetry.exitCode != '202'"}),
        (
            "@catch\n    @retry(times=4, minutes_between_retries=1)",
            {"limit": "5", "expression": "lastRetry.exitCode != '202'", "backoff": {"duration": "60s"}},
        ),
    ],
)
def test_a_task_is_tried_as_often_as_everywhere(pod: Any, decorators: str, strategy: Object) -> None:
    assert pod(decorators) == {"retryStrategy": {**strategy, "retryPolicy": "Always"}, **container()}


def test_a_step_that_is_not_tried_again_has_no_strategy(pod: Any) -> None:
    assert pod("@retry(times=0)") == container()


def test_a_pod_ends_two_minutes_after_its_code(pod: Any) -> None:
    assert pod("@timeout(minutes=1)") == {"activeDeadlineSeconds": "180", **container()}


def test_steps_of_one_shape_share_a_template(manifests: Any) -> None:
    body = """
    @resources(cpu=2)
    @step
    def start(self): self.next(self.a)
    @resources(cpu=2)
    @step
    def a(self): self.next(self.b)
    @kubernetes(cpu=2)
    @step
    def b(self): self.next(self.end)
    @step
    def end(self): pass
"""
    templates = templates_of(manifests(body))
    used = [task["template"] for task in templates["main"]["dag"]["tasks"]]
    assert used[0] == used[1] == used[2] != used[3] == "task"
    assert len(templates) == 3


def test_what_a_workflow_is_told(manifests: Any) -> None:
    (whole,) = manifests(
        BODY.format(decorators='@kubernetes(image_pull_secrets=["mine"])'),
        image_pull_secrets=("ours",),
        service_account="runner",
        workflow_timeout=3600,
        kubernetes_namespace="jobs",
        object_labels={"team": "growth"},
        object_annotations={"who": "Ann"},
        tags=("daily", "a{{b"),
        description="Does a lot:\n{{everything}}",
    )
    spec, metadata = whole["spec"], whole["metadata"]
    assert spec["imagePullSecrets"] == [{"name": "ours"}, {"name": "mine"}]
    assert spec["serviceAccountName"] == "runner"
    assert spec["activeDeadlineSeconds"] == 3600
    assert metadata["namespace"] == "jobs"
    marks = {
        "who": "Ann",
        "penstock/flow": "TheFlow",
        "penstock/tags": '["daily","a\\u007b\\u007bb"]',
        "workflows.argoproj.io/description": "Does a lot: { {everything}}",
    }
    assert marks.items() <= metadata["annotations"].items()
    assert marks.items() <= spec["workflowMetadata"]["annotations"].items()
    assert spec["workflowMetadata"]["labels"] == {"team": "growth", "penstock/flow": "TheFlow"}
    assert metadata["labels"] == {**spec["workflowMetadata"]["labels"], "app.kubernetes.io/managed-by": "penstock"}


def test_the_content_s_hash_changes_with_the_content_alone(manifests: Any) -> None:
    def content(**settings: Any) -> str:
        (whole,) = manifests(BODY.format(decorators=""), **settings)
        return str(whole["metadata"]["annotations"]["penstock/content"])

    assert content() == content()
    assert content() != content(max_workers=7, tags=("x",))


@pytest.mark.parametrize(("given", "entry"), [("tell-team", "main"), ("tell-team/mail", "mail")])
def test_a_run_may_end_with_a_template_of_the_platform(given: str, entry: str, flow_file: Any) -> None:
    source = f"from penstock import *\nclass TheFlow(FlowSpec):\n{BODY.format(decorators='')}"
    program = demand_program(load_file(flow_file(source)))
    compiled = objects(program, replace(fixed_settings(program), on_exit=given))
    assert model_problems(compiled) == []
    assert lint(compiled, elsewhere={"tell-team"}) == []
    assert lint(compiled) == [f"theflow: template on-exit: task on-exit: there is no template tell-team/{entry}"]
    assert compiled[0]["spec"]["onExit"] == "on-exit"
    (task,) = templates_of(compiled)["on-exit"]["dag"]["tasks"]
    assert task["templateRef"] == {"name": "tell-team", "template": entry}
    assert {each["name"]: each["value"] for each in task["arguments"]["parameters"]} == {
        "run": "argo-{{workflow.name}}",
        "flow": "TheFlow",
        "status": "{{workflow.status}}",
        "failures": "{{workflow.failures}}",
    }
