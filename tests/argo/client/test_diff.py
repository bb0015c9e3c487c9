"""`argo-workflows diff`: against the cluster, and against files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kubernetes_server import KubernetesServer

from .conftest import Run


def test_what_is_deployed_as_it_compiles(deployed: Run, cluster: KubernetesServer) -> None:
    cluster.asked.clear()
    done = deployed("diff")
    assert (done.code, done.out, done.err) == (0, "greetflow in the namespace default is what compiles now.\n", "")
    assert {asked.method for asked in cluster.asked} == {"GET"}


def test_what_changed_is_told_by_steps(deployed: Run) -> None:
    done = deployed("diff", "--image", "python:3.13", "--max-workers", "7")
    assert (done.code, done.err) == (4, "")
    heading, *changes = done.out.splitlines()
    assert heading == "greetflow in the namespace default differs from what compiles now:"
    assert [line for line in changes if "parallelism 100 → 7" in line]
    images = [line for line in changes if ": image python:" in line]
    assert len(images) == 1
    assert images[0].endswith(" → python:3.13")


def test_what_somebody_changed_in_the_cluster_is_told(deployed: Run, cluster: KubernetesServer) -> None:
    stored = cluster.objects["default", "workflowtemplates", "greetflow"]
    stored.owned.merge({"spec": {"podGC": {"strategy": "OnPodCompletion"}}}, "kubectl-edit")
    stored.owned.merge({"metadata": {"labels": {"argocd.argoproj.io/instance": "flows"}}}, "argocd")
    done = deployed("diff")
    assert (done.code, done.out.splitlines()[1:]) == (
        4,
        ["~ template greetflow: podGC.strategy OnPodCompletion → (none)"],
    )


def test_nothing_is_deployed(flow: Run) -> None:
    done = flow("diff", "--format", "json")
    assert done.code == 4
    document = json.loads(done.out)
    assert (document["compared_with"], document["there"]) == ("greetflow in the namespace default", False)
    assert {change["kind"] for change in document["changes"]} == {"added"}
    done = flow("diff")
    assert (done.code, done.out.splitlines()[0]) == (
        4,
        "greetflow in the namespace default is not deployed: all of it is new.",
    )


def test_files_are_compared_without_a_cluster(flow: Run, cluster: KubernetesServer, tmp_path: Path) -> None:
    assert flow("create", "-o", "manifests").code == 0
    (tmp_path / "one.yaml").write_text(flow("create", "--only-yaml").out)
    (tmp_path / "one.json").write_text(flow("create", "--only-json").out)
    for path in ("manifests", "one.yaml", "one.json"):
        done = flow("diff", path)
        assert (done.code, done.out) == (0, f"{path} is what compiles now.\n"), done
        assert flow("diff", path, "--image", "python:3.13").code == 4
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file or directory"),
        ("a: [", "old.yaml is no YAML: while parsing a flow node"),
        ("a: 1", "old.yaml holds something else than objects of Kubernetes"),
        ("kind: Pod", "it holds no workflow template"),
        ("", "it holds no workflow template"),
    ],
)
def test_files_that_are_no_manifests(flow: Run, tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "old.yaml").write_text(text)
    done = flow("diff", "old.yaml")
    assert done.code == 1
    assert done.err.startswith(f"error[P566]: old.yaml can't be read as manifests: {reason}")
