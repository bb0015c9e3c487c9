"""A Kubernetes API and an S3 on loopback, and a flow whose commands are typed as a user types them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Outcome
from flow_process import run_command
from greeting import FLOW, quick, s3_environment
from kubernetes_server import KubernetesServer
from s3_stores import moto_endpoint

__all__ = ["moto_endpoint", "quick"]

Run = Callable[..., Outcome]


@pytest.fixture
def cluster() -> Iterator[KubernetesServer]:
    server = KubernetesServer()
    yield server
    server.close()


def kube_config(file: Path, *servers: str, token: str = "t0ken", namespace: str = "") -> None:
    """kubectl's configuration: a context for each server, ``c0`` the current one, all of the user ``ada``."""
    context = {"user": "ada", **({"namespace": namespace} if namespace else {})}
    names = [f"c{number}" for number in range(len(servers))]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c0",
        "clusters": [{"name": each, "cluster": {"server": url}} for each, url in zip(names, servers, strict=True)],
        "users": [{"name": "ada", "user": {"token": token}}],
        "contexts": [{"name": each, "context": {"cluster": each, **context}} for each in names],
    }
    file.write_text(json.dumps(document))


@pytest.fixture
def environment(cluster: KubernetesServer, moto_endpoint: str, tmp_path: Path) -> dict[str, str]:
    """What a user has set who works with these two servers; the bucket is empty."""
    kube_config(tmp_path / "kube-config", cluster.url)
    return {**s3_environment(moto_endpoint, tmp_path), "KUBECONFIG": str(tmp_path / "kube-config")}


@pytest.fixture
def flow(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs a command of the flow: ``flow("create")`` is ``python flow.py argo-workflows create``."""
    file = tmp_path / "flow.py"
    file.write_text(FLOW)

    def run(*arguments: str, **extra: str) -> Outcome:
        return run_command(file, "argo-workflows", *arguments, environment={**environment, **extra})

    return run


@pytest.fixture(scope="session")
def applied() -> list[dict[str, Any]]:
    """The manifests of the flow, once it was deployed."""
    return []


@pytest.fixture
def deployed(flow: Run, cluster: KubernetesServer, applied: list[dict[str, Any]]) -> Run:
    """The same, once the flow is deployed: by the command the first time, as that left it from then on."""
    if applied:
        for body in applied:
            cluster.put(body, "penstock")
    else:
        done = flow("create")
        assert done.code == 0, done.err
        applied += [asked.body for asked in cluster.told("PATCH")]
    cluster.asked.clear()
    return flow
