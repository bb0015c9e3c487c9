"""Whatever goes wrong between here and the server is one sentence, with what to do."""

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
from kfp_server import KfpServer
from untrusted_server import untrusted

from penstock.backends.kubeflow.running import sdk

from .conftest import Run

CHECK = "check the network, and --host or KF_PIPELINES_ENDPOINT; a port-forward may have ended"
SIGN_IN = "sign in with --token, --token-file, --cookies or --client-id; what worked before may have expired"
FOREIGN = "check --host or KF_PIPELINES_ENDPOINT: the API is often below /pipeline"


def answering(kfp: KfpServer, status: int, body: object, *, path: str = "", method: str = "") -> None:
    """Answer requests to this path and by this method so; all where neither is given."""
    text, kind = (body, "text/html") if isinstance(body, str) else (json.dumps(body), "application/json")

    def answer(asked: Asked) -> tuple[int, str, bytes] | None:
        meant = asked.path.endswith(path) and asked.method in (method or asked.method)
        return (status, kind, text.encode()) if meant else None

    kfp.answer = answer


def refused(flow: Run, *arguments: str, **variables: str) -> str:
    """What a command that fails with exit code 1 says; nothing goes to stdout but what was done before."""
    done = flow(*arguments, **variables)
    assert done.code == 1, done
    assert "Traceback" not in done.err
    return done.err


def said(message: str, advice: str, code: str = "P551") -> str:
    return f"error[{code}]: {message}\n  = help: {advice}\n"


def test_a_server_that_is_not_there(flow: Run) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    message = f"could not sign in: {url} can't be reached (Connection refused)"
    assert refused(flow, "kfp", "list-runs", KF_PIPELINES_ENDPOINT=url) == said(message, CHECK)
    assert refused(flow, "run-on-kfp", "--who", "x", "--host", url) == said(message, CHECK)


def test_a_server_that_never_answers(flow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "TIMEOUTS", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert refused(flow, "kfp", "list-runs", "--host", url) == said(
            f"could not sign in: {url} does not answer in time", CHECK
        )


def test_an_address_that_is_none(flow: Run) -> None:
    url = "http://[kfp"
    assert refused(flow, "kfp", "list-runs", "--host", url).startswith("error[P55")


def test_401(flow: Run, kfp: KfpServer) -> None:
    kfp.token = "other"
    message = (
        f"could not sign in: {kfp.url} doesn't know who you are "
        "(401: Request header error: there is no user identity header)"
    )
    for command in (["run-on-kfp", "--who", "x"], ["kfp", "list-runs"], ["kfp", "terminate", "kfp-1"]):
        assert refused(flow, *command, "--token", "old") == said(message, SIGN_IN)


def test_a_page_to_sign_in(flow: Run, kfp: KfpServer) -> None:
    """What Dex and OAuth proxies do to those without a cookie."""
    answering(kfp, 302, "<a href='/dex/auth'>Found</a>")
    assert refused(flow, "kfp", "list-runs") == said(
        f"could not sign in: {kfp.url} wants you to sign in (302 to elsewhere)", SIGN_IN
    )


def test_403(flow: Run, kfp: KfpServer) -> None:
    body = {"code": 7, "message": "User 'ada' is not authorized with reason: no (request: x)\nmore", "details": []}
    answering(kfp, 403, body, path="/runs", method="POST")
    err = refused(flow, "run-on-kfp", "--who", "x", "--run-name", "first")
    advice = "ask for the right to do it in the namespace, or name another with --namespace"
    assert err == said(
        "could not start a run of first: access denied "
        "(403: User 'ada' is not authorized with reason: no (request: x))",
        advice,
    )
    answering(kfp, 403, "RBAC: access denied")
    assert refused(flow, "kfp", "list-runs") == said(
        "could not sign in: access denied (403: RBAC: access denied)", advice
    )


def test_a_server_that_fails(flow: Run, kfp: KfpServer) -> None:
    answering(kfp, 503, "<html><body>no healthy upstream</body></html>", path="/experiments")
    assert refused(flow, "run-on-kfp", "--who", "x") == said(
        "could not look for the experiment GreetFlow: the server failed (503)",
        "try again in a minute; the log of the deployment ml-pipeline says more",
    )


def test_what_the_server_does_not_take(flow: Run, kfp: KfpServer) -> None:
    answering(kfp, 400, {"code": 3, "message": "Invalid input error: too large\n  at x.go:1"}, path="/runs")
    assert refused(flow, "run-on-kfp", "--who", "x", "--run-name", "first") == said(
        "could not start a run of first: Invalid input error: too large (400)", "correct what the server names"
    )


def test_another_website(flow: Run, kfp: KfpServer) -> None:
    answering(kfp, 200, "<html>Welcome to nginx!</html>")
    assert refused(flow, "kfp", "list-runs") == said(
        f"could not sign in: what answers at {kfp.url} is no API of Kubeflow Pipelines", FOREIGN
    )
    answering(kfp, 404, "404 page not found")
    assert refused(flow, "kfp", "list-runs") == said(
        f"could not sign in: {kfp.url} has no such thing (404: 404 page not found)", FOREIGN
    )


def test_an_answer_without_an_id(flow: Run, kfp: KfpServer) -> None:
    answering(kfp, 200, {}, path="/runs", method="POST")
    assert refused(flow, "run-on-kfp", "--who", "x") == said(
        f"could not start a run: what answers at {kfp.url} is no API of Kubeflow Pipelines", FOREIGN
    )


@pytest.fixture
def kube_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of kubectl's contexts, which does not exist yet; its place is asked for once, when it is imported."""
    file = tmp_path / "kube-config"
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    return file


def test_a_kubectl_context_leads_to_the_server(flow: Run, kfp: KfpServer, kube_config: Path) -> None:
    """Through the proxy of the Kubernetes API."""
    contexts = [{"name": name, "context": {"cluster": name, "user": "u"}} for name in ("a", "b")]
    clusters = [
        {"name": "a", "cluster": {"server": "http://127.0.0.1:9"}},
        {"name": "b", "cluster": {"server": kfp.url}},
    ]
    users = [{"name": "u", "user": {"token": "kube"}}]
    kinds = {"apiVersion": "v1", "kind": "Config", "current-context": "a"}
    kube_config.write_text(json.dumps({**kinds, "clusters": clusters, "users": users, "contexts": contexts}))
    kfp.prefix, kfp.token = "/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy/", "kube"
    run = flow("run-on-kfp", "--who", "x", "--kube-context", "b", KF_PIPELINES_ENDPOINT="")
    assert run.code == 0, run.err
    assert len(kfp.runs) == 1


def test_no_server_is_named(flow: Run, kube_config: Path) -> None:
    assert refused(flow, "kfp", "list-runs", KF_PIPELINES_ENDPOINT="") == said(
        "no server of Kubeflow Pipelines is named, and there is no cluster to find it in "
        "(Invalid kube-config file. No configuration found)",
        "give --host or set KF_PIPELINES_ENDPOINT, such as http://localhost:8080 behind "
        "`kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`",
        "P552",
    )


def test_a_file_of_contexts_that_is_broken(flow: Run, kube_config: Path) -> None:
    kube_config.write_text("contexts: [")
    err = refused(flow, "kfp", "list-runs", KF_PIPELINES_ENDPOINT="")
    assert err.startswith("error[P552]: no server of Kubeflow Pipelines is named")


@pytest.mark.parametrize("option", ["--token-file", "--ca-file"])
def test_a_file_that_is_not_there(flow: Run, option: str) -> None:
    assert refused(flow, "kfp", "list-runs", option, "nowhere") == said(
        "nowhere can't be read: No such file or directory", "correct --token-file or --ca-file", "P552"
    )


def test_a_session_that_kfp_cannot_read(flow: Run, tmp_path: Path) -> None:
    (tmp_path / ".config/kfp").mkdir(parents=True)
    (tmp_path / ".config/kfp/context.json").write_text("{")
    assert refused(flow, "kfp", "list-runs").startswith("error[P552]: could not sign in: Expecting property name")


def test_without_kfp(flow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def lacking(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "kfp" or name.endswith("running.sdk"):
            raise ModuleNotFoundError("No module named 'kfp'", name="kfp")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", lacking)
    for command in (["run-on-kfp", "--who", "x"], ["kfp", "list-runs"]):
        assert refused(flow, *command) == said(
            "talking to Kubeflow Pipelines needs kfp, which is not installed",
            "run `python -m pip install 'penstock[kfp]'`",
            "P550",
        )


def test_a_certificate_that_is_not_trusted(flow: Run, tmp_path: Path) -> None:
    with untrusted(tmp_path) as url:
        err = refused(flow, "kfp", "list-runs", "--host", url)
    assert err.startswith(f"error[P551]: could not sign in: {url} can't be trusted (")
    assert err.endswith("  = help: give its authority with --ca-file\n")


def test_kfp_is_loaded_where_a_server_is_talked_to() -> None:
    """Its import takes a second, and who compiles or reads a help page need not have it."""
    modules = ("commands", "running.starting", "running.operations", "running.scheduling", "running.comparing")
    script = "".join(f"import penstock.backends.kubeflow.{module}\n" for module in modules)
    script += "import sys; print({name.partition('.')[0] for name in sys.modules} & {'kfp', 'kubernetes', 'google'})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
