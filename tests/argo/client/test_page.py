"""What docs/backends/argo.md tells a platform engineer to type works, with the roles that it shows, as it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from argo_status import Scene
from flow_process import run_command
from greeting import BUCKET
from kubernetes_server import KubernetesServer

from .conftest import kube_config

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "backends" / "argo.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ROLE_OF = {
    **dict.fromkeys(("create", "diff", "delete"), "penstock-deploy"),
    **dict.fromkeys(("trigger", "list-runs", "status", "terminate"), "penstock-run"),
}
SHA, RUN = re.compile(r"\b[0-9a-f]{2}/[0-9a-f]{40}\b"), re.compile(r"\btrainflow-[a-z0-9]{8}\b")


def blocks(language: str) -> list[str]:
    return [text for name, text in FENCE.findall(PAGE) if name == language]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command that the page shows, and the lines that it shows below it; those of its overview last."""
    overview, *others = blocks("console")
    for block in (*others, overview):
        for part in block.split("$ ")[1:]:
            command, *shown = part.splitlines()
            yield command, shown


def rights(role: str) -> set[str]:
    """What a role of the page allows, as verbs with resources."""
    documents = [each for block in blocks("yaml") if "kind: Role" in block for each in yaml.safe_load_all(block)]
    (found,) = [each for each in documents if each["kind"] == "Role" and each["metadata"]["name"] == role]
    assert all(rule["apiGroups"] == ["argoproj.io"] for rule in found["rules"])
    return {f"{verb} {plural}" for rule in found["rules"] for plural in rule["resources"] for verb in rule["verbs"]}


def comparable(line: str) -> str:
    """Without what differs from one machine or run to the next."""
    line = SHA.sub("SHA", RUN.sub("RUN", line))
    return re.sub(r"python:3\.\d+", "python:3.N", line.replace("acme-flows", BUCKET))


@pytest.mark.slow
def test_the_commands_of_the_page_work(cluster: KubernetesServer, environment: dict[str, str], tmp_path: Path) -> None:
    """In their order, in one folder, each with the rights of its role, which all are needed."""
    (source,) = [block for block in blocks("python") if "TrainFlow" in block]
    (tmp_path / "train.py").write_text(source)
    kube_config(Path(environment["KUBECONFIG"]), cluster.url, namespace="flows")
    cluster.namespaces.add("flows")
    used: dict[str, set[str]] = {}
    shown_somewhere = False
    for command, shown in commands():
        given = command.replace('"$(cat run-id)"', (tmp_path / "run-id").read_text() if "run-id)" in command else "")
        python, script, *arguments = shlex.split(given)
        assert (python, script) == ("python", "train.py")
        after = arguments[arguments.index("argo-workflows") + 1] if "argo-workflows" in arguments else ""
        role = ROLE_OF.get(after, "")
        cluster.allowed, cluster.used = rights(role) if role else set(), used.setdefault(role, set())
        cluster.script = [Scene("Running"), *([Scene("Succeeded")] if "--wait" in arguments else [])]
        done = run_command(tmp_path / "train.py", *arguments, environment=environment)
        assert done.code == 0, f"{command}\n{done.out}{done.err}"
        if shown:
            shown_somewhere = True
            assert [comparable(line) for line in done.out.splitlines()] == [comparable(line) for line in shown]
    assert shown_somewhere
    assert used == {
        "": set(),  # compiles only, or runs here
        "penstock-deploy": rights("penstock-deploy") - {"list workflows"},  # where parts of a large flow are removed
        "penstock-run": rights("penstock-run"),
    }


def test_pods_may_report_to_argo() -> None:
    assert rights("penstock-pods") == {"create workflowtaskresults", "patch workflowtaskresults"}


def test_the_page_names_every_command_of_the_group() -> None:
    from penstock.backends.argo.commands import argo_workflows

    shown = {word for command, _ in commands() for word in shlex.split(command)}
    assert set(argo_workflows.list_commands(None)) <= shown  # type: ignore[arg-type]  # it does without a context


def test_the_keys_of_the_page_are_known() -> None:
    from penstock.runtime_shim.configuration import KEYS

    named = set(re.findall(r"\bMETAFLOW_[A-Z0-9_]+\b", PAGE))
    assert named <= set(KEYS), named - set(KEYS)
