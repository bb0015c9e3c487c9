"""Whatever goes wrong between here and the cluster is one sentence, with what to do."""

from __future__ import annotations

import builtins
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from json_wire import Asked
from kubernetes_server import KubernetesServer
from untrusted_server import untrusted

from penstock.backends.argo.running import sdk

from .conftest import Run, kube_config

CHECK = "check the network, and the context of kubectl: `kubectl cluster-info` asks the same server"
SIGN_IN = "sign in as for kubectl: `kubectl auth whoami` shows who you are; --kube-context names another context"
PERMIT = "ask for the role that docs/backends/argo.md shows, or name another namespace with --namespace"
INSTALL = "install Argo Workflows with its custom resource definitions, or name another cluster with --kube-context"
LOOK = "could not look for the workflow template greetflow"


def answering(cluster: KubernetesServer, status: int, body: object, *, method: str = "", path: str = "") -> None:
    """Answer requests by this method and to paths with this in them so; all where neither is given."""
    text, kind = (body, "text/html") if isinstance(body, str) else (json.dumps(body), "application/json")

    def answer(asked: Asked) -> tuple[int, str, bytes] | None:
        meant = path in asked.path and asked.method in (method or asked.method)
        return (status, kind, text.encode()) if meant else None

    cluster.answer = answer


def refused(flow: Run, *arguments: str, **variables: str) -> str:
    """What a command that fails with exit code 1 says on stderr."""
    done = flow(*arguments, **variables)
    assert done.code == 1, done
    assert "Traceback" not in done.err
    return done.err


def said(message: str, advice: str, code: str = "P561") -> str:
    return f"error[{code}]: {message}\n  = help: {advice}\n"


def test_a_server_that_is_not_there(flow: Run, environment: dict[str, str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    kube_config(Path(environment["KUBECONFIG"]), url)
    expected = said(f"{LOOK}: {url} can't be reached (Connection refused)", CHECK)
    for command in (["create"], ["trigger", "--who", "x"], ["list-runs"], ["delete"], ["diff"]):
        assert refused(flow, *command) == expected
    for command in (["status", "argo-x"], ["terminate", "argo-x"]):
        assert refused(flow, *command) == expected.replace("workflow template greetflow", "run x")


def test_a_server_that_never_answers(flow: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "TIMEOUTS", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        kube_config(Path(environment["KUBECONFIG"]), url)
        assert refused(flow, "list-runs") == said(f"{LOOK}: {url} does not answer in time", CHECK)


def test_an_address_that_is_none(flow: Run, environment: dict[str, str]) -> None:
    kube_config(Path(environment["KUBECONFIG"]), "http://[cluster")
    assert refused(flow, "list-runs").startswith("error[P56")


def test_401(flow: Run, cluster: KubernetesServer) -> None:
    cluster.token = "another"
    expected = said(f"{LOOK}: {cluster.url} doesn't know who you are (401: Unauthorized)", SIGN_IN)
    for command in (["create"], ["trigger", "--who", "x"], ["list-runs"], ["diff"]):
        assert refused(flow, *command) == expected


def test_a_page_to_sign_in(flow: Run, cluster: KubernetesServer) -> None:
    """What proxies in front of clusters do to those without a session."""
    answering(cluster, 302, "<a href='/login'>Found</a>")
    expected = said(f"{LOOK}: {cluster.url} wants you to sign in (302 to elsewhere)", SIGN_IN)
    assert refused(flow, "list-runs") == expected


@pytest.mark.parametrize(
    ("denied", "command", "what", "whose"),
    [
        ("get workflowtemplates", ["create"], LOOK, 'workflowtemplates.argoproj.io "greetflow"'),
        (
            "patch workflowtemplates",
            ["create"],
            "could not apply the workflow template greetflow",
            'workflowtemplates.argoproj.io "greetflow"',
        ),
        ("list workflows", ["list-runs"], "could not list the runs", "workflows.argoproj.io"),
        (
            "delete workflowtemplates",
            ["delete"],
            "could not delete the workflow template greetflow",
            'workflowtemplates.argoproj.io "greetflow"',
        ),
    ],
)
def test_403(deployed: Run, cluster: KubernetesServer, denied: str, command: list[str], what: str, whose: str) -> None:
    cluster.forbidden = {denied}
    verb, plural = denied.split()
    assert refused(deployed, *command) == said(
        f'{what}: access denied (403: {whose} is forbidden: User "ada" cannot {verb} resource "{plural}" '
        'in API group "argoproj.io" in the namespace "default")',
        PERMIT,
    )


def test_a_run_that_may_not_be_started(deployed: Run, cluster: KubernetesServer) -> None:
    cluster.forbidden = {"create workflows"}
    err = refused(deployed, "trigger", "--who", "x")
    assert err.startswith("error[P561]: could not create the run greetflow-")
    assert "access denied (403: workflows.argoproj.io is forbidden: " in err


def test_a_cluster_without_argo(flow: Run, cluster: KubernetesServer) -> None:
    cluster.installed = False
    message = f"{LOOK}: the cluster at {cluster.url} has no Argo Workflows (404: 404 page not found)"
    for command in (["create"], ["list-runs"], ["diff"]):
        assert refused(flow, *command) == said(message, INSTALL)
    body = {"kind": "Status", "reason": "NotFound", "message": "the server could not find the requested resource"}
    answering(cluster, 404, body)
    message = message.replace("404 page not found", "the server could not find the requested resource")
    assert refused(flow, "list-runs") == said(message, INSTALL)


def test_a_namespace_that_is_not_there(flow: Run, cluster: KubernetesServer) -> None:
    assert refused(flow, "create", "--namespace", "flows") == said(
        f"could not apply the workflow template greetflow: the cluster at {cluster.url} says: "
        'namespaces "flows" not found',
        "create the namespace, or name another with --namespace",
    )


def test_a_server_that_fails(flow: Run, cluster: KubernetesServer) -> None:
    answering(cluster, 503, "<html><body>no healthy upstream</body></html>")
    assert refused(flow, "list-runs") == said(f"{LOOK}: the server failed (503)", "try again in a minute")


def test_an_object_that_is_too_large(flow: Run, cluster: KubernetesServer) -> None:
    body = {"kind": "Status", "status": "Failure", "message": "etcdserver: request is too large", "code": 500}
    answering(cluster, 500, body, method="PATCH")
    assert refused(flow, "create") == said(
        "could not apply the workflow template greetflow: the cluster takes no object of that size "
        "(etcdserver: request is too large)",
        "give the flow fewer steps",
    )


def test_what_the_server_does_not_take(flow: Run, cluster: KubernetesServer) -> None:
    """Fields are validated strictly: those that the cluster's Argo does not know are not dropped in silence."""
    body = {"kind": "Status", "message": 'strict decoding error: unknown field "spec.x"\nmore', "code": 400}
    answering(cluster, 400, body, method="PATCH")
    assert refused(flow, "create") == said(
        'could not apply the workflow template greetflow: strict decoding error: unknown field "spec.x" (400)',
        "correct what the server names",
    )
    assert cluster.told("PATCH")[0].query == {"fieldManager": "penstock", "fieldValidation": "Strict"}


def test_another_website(flow: Run, cluster: KubernetesServer) -> None:
    answering(cluster, 200, "<html>Welcome to nginx!</html>")
    assert refused(flow, "list-runs") == said(f"{LOOK}: what answers at {cluster.url} is no API of Kubernetes", CHECK)


def test_no_cluster_is_known(flow: Run, tmp_path: Path) -> None:
    advice = "set KUBECONFIG or name a context with --kube-context; `kubectl config get-contexts` lists them"
    expected = "no Kubernetes cluster is known here (Invalid kube-config file. No configuration found)"
    for variables in ({"KUBECONFIG": ""}, {"KUBECONFIG": str(tmp_path / "nowhere")}):
        for command in (["create"], ["trigger", "--who", "x"], ["list-runs"], ["status", "x"], ["diff"]):
            assert refused(flow, *command, **variables) == said(expected, advice, "P562")


def test_a_file_of_contexts_that_is_broken(flow: Run, environment: dict[str, str]) -> None:
    for text in ("contexts: [", "[]", "{}", '"text"'):
        Path(environment["KUBECONFIG"]).write_text(text)
        assert refused(flow, "list-runs").startswith("error[P562]: no Kubernetes cluster is known here (")


def test_a_context_that_there_is_not(flow: Run) -> None:
    err = refused(flow, "list-runs", "--kube-context", "prod")
    assert err.startswith("error[P562]: no Kubernetes cluster is known here (")
    assert "prod" in err


def test_without_the_package(flow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def lacking(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "kubernetes" or name.endswith("running.sdk"):
            raise ModuleNotFoundError("No module named 'kubernetes'", name="kubernetes")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", lacking)
    for command in (["create"], ["list-runs"]):
        assert refused(flow, *command) == said(
            "talking to a cluster needs the package kubernetes, which is not installed",
            "run `python -m pip install 'penstock[kubernetes]'`",
            "P560",
        )


def test_a_certificate_that_is_not_trusted(flow: Run, environment: dict[str, str], tmp_path: Path) -> None:
    with untrusted(tmp_path) as url:
        kube_config(Path(environment["KUBECONFIG"]), url)
        err = refused(flow, "list-runs")
    assert err.startswith(f"error[P561]: {LOOK}: {url} can't be trusted (")
    assert err.endswith("  = help: correct certificate-authority of the cluster in kubectl's configuration\n")


def test_kubernetes_is_loaded_where_a_cluster_is_talked_to() -> None:
    """Its import takes half a second, and who compiles or reads a help page need not have it."""
    modules = ("commands", "running.starting", "running.operations", "running.comparing", "running.deploying")
    script = "".join(f"import penstock.backends.argo.{module}\n" for module in modules)
    script += "import sys; print({name.partition('.')[0] for name in sys.modules} & {'kubernetes', 'urllib3', 'yaml'})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
