"""`argo-workflows create`: what is uploaded and applied, what stays, and what is never touched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from kubernetes_server import KubernetesServer

from penstock.backends.argo import lowering
from penstock.backends.argo.names import FLOW_ANNOTATION, PART_LABEL
from penstock.backends.argo.running.deploying import in_order

from .conftest import Run

KINDS = {"apiVersion": "argoproj.io/v1alpha1"}


@pytest.fixture
def edit(tmp_path: Path, flow: Run) -> Any:
    """Changes the flow's file."""

    def replace(before: str, after: str) -> None:
        text = (tmp_path / "flow.py").read_text()
        assert before in text
        (tmp_path / "flow.py").write_text(text.replace(before, after))

    return replace


def happened(flow: Run, *arguments: str) -> list[str]:
    """What `create` says of each thing, without the place of the code package."""
    done = flow("create", *arguments)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("code package   s3://penstock-tests/metaflow/GreetFlow/data/")
    return [f"code package {lines[0].split()[-1]}", *lines[1:]]


def test_code_goes_up_and_the_template_is_applied_once(flow: Run, cluster: KubernetesServer) -> None:
    assert happened(flow) == ["code package uploaded", "template       greetflow  created"]
    template = cluster.live("workflowtemplates", "greetflow")
    assert template["kind"] == "WorkflowTemplate"
    (applied,) = cluster.told("PATCH")
    assert applied.headers["content-type"] == "application/apply-patch+yaml"
    assert applied.query == {"fieldManager": "penstock", "fieldValidation": "Strict"}
    version = cluster.objects["default", "workflowtemplates", "greetflow"].version
    assert happened(flow) == ["code package unchanged", "template       greetflow  unchanged"]
    assert cluster.objects["default", "workflowtemplates", "greetflow"].version == version


def test_what_changed_is_told(flow: Run, cluster: KubernetesServer, edit: Any) -> None:
    happened(flow)
    told = happened(flow, "--image", "python:3.13")
    assert told[:2] == ["code package unchanged", "template       greetflow  updated"]
    assert [line for line in told if ": image python:3." in line and line.endswith("→ python:3.13")]
    edit("print(self.who)", "print(self.who.upper())")
    told = happened(flow, "--image", "python:3.13")
    assert told[:2] == ["code package uploaded", "template       greetflow  updated"]
    assert told[2:] == [line for line in told if line.startswith("  ~ code package: sha1 ")]


def test_what_others_add_stays(flow: Run, cluster: KubernetesServer) -> None:
    """Server-side apply takes away what we said before and say no more, and nothing else."""
    happened(flow, "--annotation", "team=growth")
    stored = cluster.objects["default", "workflowtemplates", "greetflow"]
    stored.owned.merge({"metadata": {"labels": {"argocd.argoproj.io/instance": "flows"}}}, "argocd")
    assert stored.owned.live["metadata"]["annotations"]["team"] == "growth"
    happened(flow)
    assert "team" not in stored.owned.live["metadata"]["annotations"]
    assert stored.owned.live["metadata"]["labels"]["argocd.argoproj.io/instance"] == "flows"


def test_what_others_have_changed_is_not_overwritten(flow: Run, cluster: KubernetesServer) -> None:
    happened(flow)
    stored = cluster.objects["default", "workflowtemplates", "greetflow"]
    stored.owned.merge({"spec": {"entrypoint": "other"}}, "kubectl-edit")
    done = flow("create")
    assert (done.code, done.err) == (
        1,
        (
            "error[P567]: could not apply the workflow template greetflow: spec.entrypoint was set to something else "
            'by "kubectl-edit"\n'
            "  = help: take it over with --force-conflicts, or undo that change\n"
        ),
    )
    assert stored.owned.live["spec"]["entrypoint"] == "other"
    assert happened(flow, "--force-conflicts")[1] == "template       greetflow  updated"
    assert stored.owned.live["spec"]["entrypoint"] != "other"
    assert happened(flow)[1] == "template       greetflow  unchanged"


@pytest.mark.parametrize(
    ("annotated", "whose"),
    [(True, "belongs to the flow ScoreFlow, not to GreetFlow"), (False, "was not made by Penstock")],
)
@pytest.mark.parametrize("command", [["create"], ["trigger", "--who", "x"], ["list-runs"], ["delete"], ["diff"]])
def test_a_template_of_somebody_else_is_left_alone(
    flow: Run, cluster: KubernetesServer, annotated: bool, whose: str, command: list[str]
) -> None:
    metadata = {"name": "greetflow", **({"annotations": {FLOW_ANNOTATION: "ScoreFlow"}} if annotated else {})}
    cluster.put({**KINDS, "kind": "WorkflowTemplate", "metadata": metadata, "spec": {}})
    done = flow(*command)
    assert (done.code, done.out, done.err) == (
        1,
        "",
        (
            f"error[P564]: the workflow template greetflow exists and {whose}: it is left alone\n"
            "  = help: choose another name with --name, or another --namespace\n"
        ),
    )
    assert {asked.method for asked in cluster.asked} == {"GET"}


# Schedules


SCHEDULED = ("class GreetFlow(FlowSpec):", '@schedule(cron="0 6 * * ? *")\nclass GreetFlow(FlowSpec):')


def test_a_schedule_comes_after_the_template_and_goes_before_it(
    flow: Run, cluster: KubernetesServer, edit: Any
) -> None:
    edit("import FlowSpec", "import schedule, FlowSpec")
    edit("required=True", 'default="Ada"')
    edit(*SCHEDULED)
    assert happened(flow)[1:] == ["template       greetflow  created", "schedule       greetflow  created"]
    spec = cluster.live("cronworkflows", "greetflow")["spec"]
    assert (spec["schedules"], spec["workflowSpec"]["workflowTemplateRef"]) == (["0 6 * * *"], {"name": "greetflow"})
    edit('"0 6 * * ? *"', '"0 7 * * ? *"')
    told = happened(flow)
    assert "schedule       greetflow  updated" in told
    assert [line for line in told if "schedules[0] 0 6 * * * → 0 7 * * *" in line]
    edit('@schedule(cron="0 7 * * ? *")\n', "")
    assert happened(flow)[1:3] == ["schedule       greetflow  deleted", "template       greetflow  updated"]
    assert ("default", "cronworkflows", "greetflow") not in cluster.objects
    edit(*SCHEDULED)
    happened(flow)
    done = flow("delete")
    assert done.out == "schedule       greetflow  deleted\ntemplate       greetflow  deleted\n"
    assert not cluster.objects


def test_a_suspended_schedule_stays_suspended(flow: Run, cluster: KubernetesServer, edit: Any) -> None:
    edit("import FlowSpec", "import schedule, FlowSpec")
    edit("required=True", 'default="Ada"')
    edit(*SCHEDULED)
    happened(flow)
    cluster.objects["default", "cronworkflows", "greetflow"].owned.merge({"spec": {"suspend": True}}, "argo")
    assert happened(flow, "--image", "python:3.13")[1] == "template       greetflow  updated"
    assert cluster.live("cronworkflows", "greetflow")["spec"]["suspend"] is True
    assert flow("diff", "--image", "python:3.13").code == 0


def test_a_schedule_of_somebody_else_is_left_alone(flow: Run, cluster: KubernetesServer, edit: Any) -> None:
    cluster.put({**KINDS, "kind": "CronWorkflow", "metadata": {"name": "greetflow"}, "spec": {}})
    happened(flow)  # without a schedule it is none of our business
    assert flow("delete").out == "template       greetflow  deleted\n"
    assert ("default", "cronworkflows", "greetflow") in cluster.objects
    edit("import FlowSpec", "import schedule, FlowSpec")
    edit("required=True", 'default="Ada"')
    edit(*SCHEDULED)
    cluster.asked.clear()
    done = flow("create")
    assert done.err.splitlines()[0] == (
        "error[P564]: the cron workflow greetflow exists and was not made by Penstock: it is left alone"
    )
    assert {asked.method for asked in cluster.asked} == {"GET"}


# Parts of a large flow


@pytest.fixture
def old_part(cluster: KubernetesServer) -> str:
    """A part of an earlier version, which the one that is deployed next has not."""
    metadata = {"name": "greetflow-part-1", "labels": {PART_LABEL: "greetflow"}}
    cluster.put({**KINDS, "kind": "WorkflowTemplate", "metadata": metadata, "spec": {"templates": []}})
    return "greetflow-part-1"


def test_parts_of_earlier_versions_go(flow: Run, cluster: KubernetesServer, old_part: str) -> None:
    assert happened(flow)[1:] == ["template       greetflow  created", f"template       {old_part}  deleted"]
    assert ("default", "workflowtemplates", old_part) not in cluster.objects


def test_parts_stay_while_runs_need_them(flow: Run, cluster: KubernetesServer, old_part: str) -> None:
    labels = {"workflows.argoproj.io/workflow-template": "greetflow"}
    spec = {"workflowTemplateRef": {"name": "greetflow"}}
    cluster.put({**KINDS, "kind": "Workflow", "metadata": {"name": "w", "labels": labels}, "spec": spec})
    told = f"template       {old_part}  kept: runs that go on may need it"
    assert happened(flow)[1:] == ["template       greetflow  created", told]
    labels["workflows.argoproj.io/completed"] = "true"
    cluster.put({**KINDS, "kind": "Workflow", "metadata": {"name": "w", "labels": labels}, "spec": spec})
    assert happened(flow)[2:] == [f"template       {old_part}  deleted"]


def test_a_flow_that_is_split_is_deployed_version_by_version(
    flow: Run, cluster: KubernetesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lowering, "SPLIT_ABOVE", 1000)
    first, main = happened(flow)[1:]
    assert re.fullmatch(r"template       greetflow-[0-9a-f]+-2  created", first)
    assert main == "template       greetflow  created"
    assert flow("diff").code == 0
    second, _, *changes, gone = happened(flow, "--image", "python:3.13")[1:]
    assert re.fullmatch(r"template       greetflow-[0-9a-f]+-2  created", second)
    assert gone == first.replace("created", "deleted")
    assert [each for each in changes if each.endswith("→ python:3.13")]
    assert flow("diff", "--image", "python:3.13").code == 0
    labels = {"workflows.argoproj.io/workflow-template": "greetflow"}
    spec = {"workflowTemplateRef": {"name": "greetflow"}}
    cluster.put({**KINDS, "kind": "Workflow", "metadata": {"name": "w", "labels": labels}, "spec": spec})
    (tmp_path / "flow.py").write_text((tmp_path / "flow.py").read_text() + "# changed\n")
    assert happened(flow)[-1] == second.replace("created", "kept: runs that go on may need it")
    done = flow("diff")
    assert (done.code, done.out) == (0, "greetflow in the namespace default is what compiles now.\n")
    del cluster.objects["default", "workflows", "w"]
    assert flow("delete").code == 0
    assert not cluster.objects


def test_parts_are_applied_before_what_refers_to_them() -> None:
    kinds = [("CronWorkflow", {}), ("WorkflowTemplate", {"entrypoint": "main"}), ("WorkflowTemplate", {})]
    ordered = in_order({"kind": kind, "spec": spec} for kind, spec in kinds)
    assert [(each["kind"], each["spec"]) for each in ordered] == kinds[::-1]


def test_all_parts_are_deleted(flow: Run, cluster: KubernetesServer) -> None:
    happened(flow)
    metadata = {"name": "greetflow-part-1", "labels": {PART_LABEL: "greetflow"}}
    cluster.put({**KINDS, "kind": "WorkflowTemplate", "metadata": metadata, "spec": {"templates": []}})
    assert flow("delete").out == "template       greetflow  deleted\ntemplate       greetflow-part-1  deleted\n"
    assert not cluster.objects
