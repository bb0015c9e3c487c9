"""Which cluster, and as whom: what kubectl's configuration and a pod's surroundings say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kubernetes_server import KubernetesServer

from penstock.backends.argo.running.sdk import find_cluster

from .conftest import Run, kube_config


def test_a_program_signs_in(
    deployed: Run, cluster: KubernetesServer, environment: dict[str, str], tmp_path: Path
) -> None:
    """As `aws eks get-token` does, and whatever else a context may name."""
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "made-by-a-program"},
    }
    (tmp_path / "credential.json").write_text(json.dumps(credential))
    file = Path(environment["KUBECONFIG"])
    document = json.loads(file.read_text())
    run = {"apiVersion": credential["apiVersion"], "command": "cat", "args": [str(tmp_path / "credential.json")]}
    document["users"][0]["user"] = {"exec": {**run, "interactiveMode": "Never"}}
    file.write_text(json.dumps(document))
    cluster.token = "made-by-a-program"
    assert deployed("list-runs").code == 0


def test_several_files_are_read_as_one(
    flow: Run, cluster: KubernetesServer, environment: dict[str, str], tmp_path: Path
) -> None:
    kube_config(tmp_path / "other", "http://127.0.0.1:9")
    text = (tmp_path / "other").read_text().replace('"c0"', '"far"')
    (tmp_path / "other").write_text(text)
    files = f"{environment['KUBECONFIG']}:{tmp_path / 'other'}"
    assert flow("create", KUBECONFIG=files).code == 0
    done = flow("list-runs", "--kube-context", "far", KUBECONFIG=files)
    assert "http://127.0.0.1:9 can't be reached" in done.err


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a pod finds around it."""
    from kubernetes.config import incluster_config

    from penstock.backends.argo.running import sdk

    for name, text in (("token", "of-the-pod"), ("ca.crt", "certificate"), ("namespace", "jobs\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(sdk, "_IN_CLUSTER", str(tmp_path / "namespace"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


def test_a_pod_uses_its_service_account(pod: Path) -> None:
    found = find_cluster("")
    (signed,) = found.settings.auth_settings().values()
    assert (found.settings.host, found.namespace) == ("https://10.0.0.1:443", "jobs")
    assert signed["value"].lower() == "bearer of-the-pod"


def test_what_is_said_counts_before_the_pod_around(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CI system's own jobs run in pods of a cluster that is not meant."""
    kube_config(pod / "kube-config", "http://127.0.0.1:9", namespace="flows")
    monkeypatch.setenv("KUBECONFIG", str(pod / "kube-config"))
    found = find_cluster("")
    assert (found.settings.host, found.namespace) == ("http://127.0.0.1:9", "flows")
