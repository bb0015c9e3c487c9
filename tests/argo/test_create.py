"""The command `argo-workflows create` without a cluster: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from argo_target import schema_problems
from generated_flows import linear

from penstock.backends.argo.resolution import problems
from penstock.backends.argo.settings import ArgoSettings

SCHEDULED = """
from penstock import *

@schedule({schedule})
class NightlyFlow(FlowSpec):
    size = Parameter("size", default=3)
    @step
    def start(self): self.next(self.end)
    @step
    def end(self): pass

if __name__ == "__main__":
    NightlyFlow()
"""


def create(
    folder: Path, *arguments: str, flow: str = linear(3), **environment: str
) -> subprocess.CompletedProcess[str]:
    (folder / "flow.py").write_text(flow)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "PENSTOCK_"))}
    configured = {
        "METAFLOW_HOME": str(folder),
        "METAFLOW_USER": "tester",
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://bkt/p",
        "KUBECONFIG": str(folder / "none"),
    }
    return subprocess.run(
        [sys.executable, "flow.py", "argo-workflows", "create", *arguments],
        cwd=folder,
        env={**kept, **configured, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def printed(folder: Path, *arguments: str, **more: str) -> list[dict[str, Any]]:
    done = create(folder, "--only-json", *arguments, **more)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    objects: list[dict[str, Any]] = document["items"] if document["kind"] == "List" else [document]
    return objects


def test_the_manifests_are_printed_as_yaml_and_as_json(tmp_path: Path) -> None:
    done = create(tmp_path, "--only-yaml", flow=SCHEDULED.format(schedule='daily=True, timezone="Asia/Tokyo"'))
    assert done.returncode == 0, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    assert [each["kind"] for each in objects] == ["WorkflowTemplate", "CronWorkflow"]
    assert schema_problems(objects) == []
    assert done.stderr.startswith("Its tasks fetch the code package ")
    assert done.stderr.endswith(": `package push` uploads it.\n")
    again = printed(tmp_path, flow=SCHEDULED.format(schedule='daily=True, timezone="Asia/Tokyo"'))
    assert again == objects


def test_one_manifest_is_printed_as_itself(tmp_path: Path) -> None:
    done = create(tmp_path, "--only-json")
    assert json.loads(done.stdout)["kind"] == "WorkflowTemplate"
    assert done.stdout.count("\n") == 1
    assert '": ' not in done.stdout.partition('"command"')[0], "compact"


def test_a_folder_gets_a_file_for_each_and_loses_what_is_outdated(tmp_path: Path) -> None:
    done = create(tmp_path, "-o", "out", flow=SCHEDULED.format(schedule="hourly=True"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "The manifests of nightlyflow are in out: workflow-template.yaml, cron-workflow.yaml.\n"
    first = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert set(first) == {"workflow-template.yaml", "cron-workflow.yaml"}
    assert yaml.safe_load(first["cron-workflow.yaml"])["spec"]["schedules"] == ["0 * * * *"]
    assert create(tmp_path, "-o", "out", flow=SCHEDULED.format(schedule="hourly=True")).returncode == 0
    again = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert again == first, "what it wrote is no part of the code package"
    (tmp_path / "out" / "kustomization.yaml").write_text("resources: []")
    assert create(tmp_path, "-o", "out", flow=SCHEDULED.format(schedule="daily=False")).returncode == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"workflow-template.yaml", "kustomization.yaml"}


def test_options_are_in_the_manifests(tmp_path: Path) -> None:
    (whole,) = printed(
        tmp_path,
        *("--name", "nightly", "--namespace", "jobs", "--image", "own:1", "--service-account", "runner"),
        *("--max-workers", "7", "--workflow-timeout", "60", "--on-exit", "tell/mail", "--tag", "a"),
        *("--label", "team=growth", "--annotation", "who=Ann", "--datastore-root", "s3://other/root"),
    )
    metadata, spec = whole["metadata"], whole["spec"]
    assert (metadata["name"], metadata["namespace"]) == ("nightly", "jobs")
    assert metadata["labels"]["team"] == "growth"
    assert metadata["annotations"]["who"] == "Ann"
    assert (spec["serviceAccountName"], spec["activeDeadlineSeconds"], spec["onExit"]) == ("runner", 60, "on-exit")
    container = next(each["container"] for each in spec["templates"] if "container" in each)
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert container["image"] == "own:1"
    assert variables["PENSTOCK_ROOT"] == "s3://other/root"
    assert variables["PENSTOCK_TAGS"] == '["a"]'


def test_the_configuration_speaks_where_options_do_not(tmp_path: Path) -> None:
    (whole,) = printed(
        tmp_path,
        METAFLOW_KUBERNETES_NAMESPACE="jobs",
        METAFLOW_KUBERNETES_SERVICE_ACCOUNT="runner",
        METAFLOW_KUBERNETES_CONTAINER_IMAGE="own:1",
        METAFLOW_KUBERNETES_CONTAINER_REGISTRY="r.example",
        METAFLOW_KUBERNETES_SECRETS="db,tls",
        METAFLOW_KUBERNETES_IMAGE_PULL_SECRETS='["pull"]',
    )
    assert whole["metadata"]["namespace"] == "jobs"
    assert whole["spec"]["serviceAccountName"] == "runner"
    assert whole["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    container = next(each["container"] for each in whole["spec"]["templates"] if "container" in each)
    assert container["image"] == "r.example/own:1"
    assert container["envFrom"] == [{"secretRef": {"name": "db"}}, {"secretRef": {"name": "tls"}}]


def test_no_credential_stands_in_a_manifest(tmp_path: Path) -> None:
    secrets = {"AWS_ACCESS_KEY_ID": "AKIAHIDDEN", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "hidden"}
    done = create(tmp_path, "--only-yaml", METAFLOW_SERVICE_AUTH_KEY="hidden", **secrets)
    assert done.returncode == 0
    assert "hidden" not in done.stdout.lower()


def test_what_no_manifest_can_hold_is_told_all_at_once(tmp_path: Path) -> None:
    done = create(
        tmp_path,
        *("--only-yaml", "--name", "Up", "--namespace", "a_b", "--on-exit", "a/b/c", "--image", "x:$(TAG)"),
        *("--label", "team", "--label", "team=-a", "--annotation", "a b=c", "--annotation", "a={{b}}"),
        *("--datastore-root", "/tmp/x"),
        METAFLOW_USER="a$$b",
    )
    assert (done.returncode, done.stdout) == (1, "")
    replaced = "which Argo or Kubernetes would take for something to replace"
    assert [line for line in done.stderr.splitlines() if line.startswith("error")] == [
        "error[P531]: the datastore root '/tmp/x' is not of the form s3://bucket/prefix",
        "error[P532]: 'a b' can't be the name of an annotation",
        "error[P532]: --label can't be 'team'",
        "error[P532]: --on-exit can't be 'a/b/c'",
        "error[P532]: a namespace can't have the name 'a_b'",
        "error[P532]: a workflow template can't have the name 'Up'",
        "error[P532]: team=-a can't be a label",
        f"error[P532]: the annotation a holds '{{{{', {replaced}",
        f"error[P532]: the image holds '$(', {replaced}",
        f"error[P532]: the user's name holds '$$', {replaced}",
    ]


@pytest.mark.parametrize("name", ["x" * 64, "-a", "a.b", ""])
def test_a_name_that_kubernetes_does_not_take_is_refused(name: str) -> None:
    settings = ArgoSettings(datastore_root="s3://bkt/p", name=name, entry=("flow.py",), image="i")
    assert [each.message for each in problems("TheFlow", settings)] == [
        f"a workflow template can't have the name {name!r}"
    ]


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    done = create(
        tmp_path,
        *("--only-yaml", "--name", "A"),
        flow=SCHEDULED.format(schedule='cron="0 6 L * ? *"').replace("default=3", "required=True"),
        METAFLOW_DATASTORE_SYSROOT_S3="",
        METAFLOW_KUBERNETES_TOLERATIONS="many",
    )
    assert done.returncode == 1
    said = [line.split("]")[0] for line in done.stderr.splitlines() if line.startswith("error[")]
    assert sorted(said) == ["error[P304", "error[P331", "error[P530", "error[P531", "error[P532"]


def test_ways_to_print_exclude_each_other(tmp_path: Path) -> None:
    done = create(tmp_path, "--only-yaml", "-o", "x")
    assert done.returncode == 2
    assert done.stderr.endswith("Error: --only-yaml, --only-json and -o exclude each other\n")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    done = create(tmp_path, "-o", "flow.py/inside")
    assert done.returncode == 1
    assert done.stderr == "error[P509]: cannot make the folder flow.py/inside: Not a directory\n"


def test_five_hundred_steps_take_a_moment(tmp_path: Path) -> None:
    before = time.process_time()
    began = os.times()
    done = create(tmp_path, "--only-json", flow=linear(500))
    spent = os.times()
    assert done.returncode == 0
    assert len(done.stdout) <= 500_000
    seconds = spent.children_user + spent.children_system - began.children_user - began.children_system
    assert seconds + time.process_time() - before <= 2.0, "CPU seconds, of a machine that may be busy"
