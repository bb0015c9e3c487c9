"""What decorators and configuration make of a task's pod."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from compiler_flows import load_file
from kubeflow_target import documents, fixed_settings, schema_problems

from penstock.backends.kubeflow import BACKEND
from penstock.backends.kubeflow.resolution import Chosen, resolve_settings
from penstock.backends.kubernetes.cluster import pod_defaults
from penstock.compiler.packaging import bootstrap
from penstock.compiler.pipeline import demand_program
from penstock.runtime_shim.configuration import Configuration

FLOW = """
from penstock import *
class PodsFlow(FlowSpec):
    @step
    def start(self): self.next(self.work)
    {decorators}
    @step
    def work(self): self.next(self.each, foreach="xs")
    {inside}
    @step
    def each(self): self.next(self.join)
    @step
    def join(self, inputs): self.next(self.end)
    @step
    def end(self): pass
"""


def lowered(flow_file: Any, decorators: str, inside: str = "", **settings: Any) -> list[dict[str, Any]]:
    program = demand_program(load_file(flow_file(FLOW.format(decorators=decorators, inside=inside))))
    bundle = BACKEND.lower(program, replace(fixed_settings(program), **settings))
    data = bundle.files[bundle.main]
    assert schema_problems(data) == []
    return documents(data)


def work(found: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The container of the step `work`, and its entry in the platform document."""
    name = found[0]["root"]["dag"]["tasks"]["work"]["componentRef"]["name"]
    label = found[0]["components"][name]["executorLabel"]
    entries: dict[str, Any] = {}
    if len(found) > 1:
        entries = found[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return found[0]["deploymentSpec"]["executors"][label]["container"], entries.get(label, {})


def accelerator(resource: str, count: str) -> dict[str, Any]:
    return {"accelerator": {"resourceType": resource, "resourceCount": count}}


@pytest.mark.parametrize(
    ("decorators", "resources"),
    [
        ("", None),
        ("@resources(cpu=2)", {"resourceCpuLimit": "2", "resourceCpuRequest": "2"}),
        ("@resources(cpu=0.25)", {"resourceCpuLimit": "0.25", "resourceCpuRequest": "0.25"}),
        ("@resources(memory=1000)", {"resourceMemoryLimit": "1000Mi", "resourceMemoryRequest": "1000Mi"}),
        ("@resources(gpu=2)", accelerator("nvidia.com/gpu", "2")),
        ('@kubernetes(gpu_vendor="amd")\n    @resources(gpu=1)', accelerator("amd.com/gpu", "1")),
        (
            "@kubernetes(memory=1)\n    @resources(memory=2)",
            {"resourceMemoryLimit": "1Mi", "resourceMemoryRequest": "1Mi"},
        ),
    ],
)
def test_resources_are_said_in_units_of_kubernetes(flow_file: Any, decorators: str, resources: Any) -> None:
    assert work(lowered(flow_file, decorators))[0].get("resources") == resources


def named(field: str, name: str, **more: Any) -> dict[str, Any]:
    """A name as old and as new backends read it."""
    return {field: name, f"{field}Parameter": {"runtimeValue": {"constant": name}}, **more}


VARIABLE = {"secretKey": "password", "envVar": "DB"}
CLAIM = {"constant": "data", "pvcNameParameter": {"runtimeValue": {"constant": "data"}}, "mountPath": "/data"}
KUBERNETES: list[tuple[str, dict[str, Any]]] = [
    ('image_pull_policy="Never"', {"imagePullPolicy": "Never"}),
    ('image_pull_secrets=["a"]', {"imagePullSecret": [named("secretName", "a")]}),
    ('secrets={"db": {"password": "DB"}}', {"secretAsEnv": [named("secretName", "db", keyToEnv=[VARIABLE])]}),
    ('config_maps={"c": "/etc/c"}', {"configMapAsVolume": [named("configMapName", "c", mountPath="/etc/c")]}),
    ('persistent_volume_claims={"data": "/data"}', {"pvcMount": [CLAIM]}),
    ('node_selector="a=b,c=d"', {"nodeSelector": {"labels": {"a": "b", "c": "d"}}}),
    ('labels={"team": "x"}', {"podMetadata": {"labels": {"team": "x"}}}),
    ('annotations={"note": "x"}', {"podMetadata": {"annotations": {"note": "x"}}}),
    (
        'tolerations=[{"key": "gpu", "operator": "Exists", "toleration_seconds": 5}]',
        {"tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": "5"}]},
    ),
    ("shared_memory=64", {"enabledSharedMemory": {"volumeName": "shm", "size": "64Mi"}}),
]


@pytest.mark.parametrize(("given", "entry"), KUBERNETES, ids=[given.partition("=")[0] for given, _ in KUBERNETES])
def test_what_only_kubernetes_knows_is_in_the_platform_document(flow_file: Any, given: str, entry: Any) -> None:
    found = lowered(flow_file, f"@kube({given})")
    assert work(found)[1] == entry
    assert len(found[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]) == 1


def test_steps_of_one_shape_share_an_executor(flow_file: Any) -> None:
    executors = lowered(flow_file, "", "@resources(cpu=2)")[0]["deploymentSpec"]["executors"]
    (own,) = {name for name in executors if name.startswith("exec-task-")}
    assert set(executors) == {"exec-start", "exec-opener", "exec-task", own}


def test_an_image_comes_from_the_registry_unless_it_names_a_host(flow_file: Any) -> None:
    for image, wanted in (("x:1", "r.example/x:1"), ("quay.io/x", "quay.io/x"), ("team/x", "r.example/team/x")):
        container, _ = work(lowered(flow_file, f"@kube(image={image!r})", registry="r.example/"))
        assert container["image"] == wanted
        assert {"name": "PENSTOCK_IMAGE", "value": wanted} in container["env"]


def test_a_lost_pod_is_started_again_outside_of_loops_only(flow_file: Any) -> None:
    retry = "@retry(times=2, minutes_between_retries=1)"
    pipeline = lowered(flow_file, retry, retry)[0]
    assert pipeline["root"]["dag"]["tasks"]["work"]["retryPolicy"] == {"maxRetryCount": 2}
    body = pipeline["components"]["comp-foreach-work"]["dag"]["tasks"]
    assert "retryPolicy" not in body["each"], "the backend ignores it there, and the container tries again by itself"


@pytest.mark.parametrize(
    ("decorators", "seconds"),
    [
        ("@timeout(seconds=5)", "125"),
        ("@timeout(seconds=5)\n    @retry(times=2, minutes_between_retries=1)", "255"),
        ("@timeout(hours=1)\n    @retry(times=1, minutes_between_retries=0.5)", "7350"),
    ],
)
def test_the_pod_s_deadline_is_after_all_tries_and_waits(flow_file: Any, decorators: str, seconds: str) -> None:
    assert work(lowered(flow_file, decorators))[1] == {"activeDeadlineSeconds": seconds}


def defaults(tmp_path: Path, **values: str) -> tuple[dict[str, Any], list[str]]:
    environ = {f"METAFLOW_KUBERNETES_{name}": value for name, value in values.items()}
    found, wrong = pod_defaults(Configuration.load({**environ, "METAFLOW_HOME": str(tmp_path)}))
    return found, [f"{each.code}: {each.message}" for each in wrong]


def test_the_configuration_speaks_for_pods_that_say_nothing(flow_file: Any, tmp_path: Path) -> None:
    found, wrong = defaults(
        tmp_path,
        NODE_SELECTOR="pool=big",
        LABELS='{"team": "x"}',
        TOLERATIONS='[{"key": "gpu"}]',
        IMAGE_PULL_SECRETS='["reg"]',
        PERSISTENT_VOLUME_CLAIMS='{"data": "/data"}',
        SECRETS='{"tls": "/etc/tls"}',
        CPU="1.0",
        MEMORY="512",
        GPU_VENDOR="amd",
        CONTAINER_REGISTRY="r.example",
    )
    assert wrong == []
    container, entry = work(lowered(flow_file, '@kube(labels={"team": "y", "more": "z"}, gpu=1)', **found))
    assert container["resources"]["resourceCpuLimit"] == "1"
    assert container["resources"]["resourceMemoryLimit"] == "512Mi"
    assert container["resources"]["accelerator"]["resourceType"] == "amd.com/gpu"
    assert entry["nodeSelector"] == {"labels": {"pool": "big"}}
    assert entry["podMetadata"] == {"labels": {"team": "y", "more": "z"}}
    assert [each["secretName"] for each in (*entry["imagePullSecret"], *entry["secretAsVolume"])] == ["reg", "tls"]
    assert entry["tolerations"] == [{"key": "gpu"}]
    assert entry["pvcMount"] == [CLAIM]


def test_a_value_that_cannot_be_read_is_told_with_its_key(tmp_path: Path) -> None:
    keys = {"NODE_SELECTOR": "big", "IMAGE_PULL_SECRETS": "reg", "TOLERATIONS": "{}", "CPU": "many", "MEMORY": "4G"}
    keys |= {"SECRETS": "{db}"}
    unreadable = defaults(tmp_path, **keys)[1]
    assert unreadable == [f"P531: METAFLOW_KUBERNETES_{key} cannot be {value!r}" for key, value in sorted_by(keys)]


def sorted_by(keys: dict[str, str]) -> list[tuple[str, str]]:
    """In the order in which they are read."""
    order = ("NODE_SELECTOR", "IMAGE_PULL_SECRETS", "TOLERATIONS", "SECRETS", "CPU", "MEMORY")
    return [(key, keys[key]) for key in order]


def told(executors: Any) -> dict[str, Any]:
    """What the executor of ``work`` is told of variables from folders."""
    variables = {each["name"]: each["value"] for each in executors["env"]}
    found: dict[str, Any] = json.loads(variables["PENSTOCK_VARIABLES_FROM"])
    return found


def test_keys_without_names_become_variables_of_their_own_names(flow_file: Any) -> None:
    """No word of a pipeline says it: they are mounted, and the container's program reads them."""
    found = lowered(flow_file, '@kube(secrets=["db", "aws"], config_maps=["settings"])')
    container, entry = work(found)
    assert entry == {
        "secretAsVolume": [
            named("secretName", name, mountPath=f"/etc/penstock/secret/{name}") for name in ("db", "aws")
        ],
        "configMapAsVolume": [named("configMapName", "settings", mountPath="/etc/penstock/configMap/settings")],
    }
    assert container["command"][-1] == bootstrap(mounted_variables=True)
    found = told(container)
    assert found["folders"] == [
        "/etc/penstock/secret/db", "/etc/penstock/secret/aws", "/etc/penstock/configMap/settings"
    ]  # fmt: skip
    assert {"PENSTOCK_FLOW", "PENSTOCK_ROOT", "PENSTOCK_TARGET"} <= set(found["kept"])


@pytest.mark.parametrize("names", ["db,tls", " db, tls ", '["db", "tls"]'])
def test_the_configuration_names_secrets_as_metaflow_does(names: str, tmp_path: Path, flow_file: Any) -> None:
    environ = {"METAFLOW_KUBERNETES_SECRETS": names, "METAFLOW_HOME": str(tmp_path)}
    chosen = Chosen(datastore_root="s3://bucket/root")
    settings, wrong = resolve_settings("PodsFlow", ("flow.py",), "", Configuration.load(environ), chosen)
    assert wrong == ()
    container, entry = work(lowered(flow_file, '@kube(secrets={"db": {"password": "DB"}})', secrets=settings.secrets))
    assert [each["mountPath"] for each in entry["secretAsVolume"]] == ["/etc/penstock/secret/tls"]
    assert entry["secretAsEnv"] == [named("secretName", "db", keyToEnv=[VARIABLE])]
    assert told(container)["folders"] == ["/etc/penstock/secret/tls"]
    assert "DB" in told(container)["kept"]
