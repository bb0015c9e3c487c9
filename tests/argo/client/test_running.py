"""`argo-workflows trigger`, `list-runs`, `status`, `terminate`, `delete`: what is asked, and what the user is told."""

from __future__ import annotations

import json
from pathlib import Path

from argo_status import Scene, Task
from command_line import Outcome
from kubernetes_server import KubernetesServer

from .conftest import Run, kube_config


def started(done: Outcome) -> str:
    """The workflow's name."""
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if line.startswith("Run argo-")]
    return line.removeprefix("Run argo-").removesuffix(" started.")


def test_a_run_is_a_workflow_of_the_template(deployed: Run, cluster: KubernetesServer, tmp_path: Path) -> None:
    who = 'O\'Brien $(touch x) "q" ünïcode'
    done = deployed(
        *("trigger", "--who", who, "--times=3", "--rate", "0.5", "--loud", "yes", '--options={"a": [1, null]}'),
        *("--run-id-file", str(tmp_path / "id")),
    )
    name = started(done)
    assert done.out.splitlines()[1] == f"workflow {name} in the namespace default"
    assert (tmp_path / "id").read_text() == f"argo-{name}"
    body = cluster.live("workflows", name)
    assert body["metadata"]["labels"] == {"workflows.argoproj.io/workflow-template": "greetflow"}
    assert body["spec"]["workflowTemplateRef"] == {"name": "greetflow"}
    given = {each["name"]: each["value"] for each in body["spec"]["arguments"]["parameters"]}
    assert given["times"] == "3"
    assert given["rate"] == "0.5"
    assert given["loud"] == "true"
    assert json.loads(given["options"]) == {"a": [1, None]}
    assert given["who"].startswith("penstock-json:")  # Kubernetes would look for a variable in it
    assert json.loads(given["who"].removeprefix("penstock-json:")) == who
    assert not (tmp_path / "x").exists()


def test_no_run_is_started_whose_id_cannot_be_written(deployed: Run, cluster: KubernetesServer) -> None:
    done = deployed("trigger", "--who", "x", "--run-id-file", "no/id")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error[P509]: cannot write no/id: No such file or directory\n"
    assert cluster.told("POST", "workflows") == []


def test_only_what_is_given_is_sent(deployed: Run, cluster: KubernetesServer) -> None:
    """The template's own values are the defaults of the version that is deployed."""
    name = started(deployed("trigger", "--who", "Ada"))
    assert cluster.live("workflows", name)["spec"]["arguments"] == {"parameters": [{"name": "who", "value": "Ada"}]}


def test_one_of_several_controllers_takes_the_run(deployed: Run, cluster: KubernetesServer) -> None:
    """It must have its label from the beginning."""
    instance = {"workflows.argoproj.io/controller-instanceid": "team"}
    stored = cluster.objects["default", "workflowtemplates", "greetflow"]
    stored.owned.merge({"metadata": {"labels": instance}}, "penstock")
    name = started(deployed("trigger", "--who", "x"))
    assert cluster.live("workflows", name)["metadata"]["labels"] == {
        "workflows.argoproj.io/workflow-template": "greetflow",
        **instance,
    }


def test_argo_s_pages_are_named_where_they_are(deployed: Run) -> None:
    done = deployed("trigger", "--who", "x", METAFLOW_ARGO_WORKFLOWS_UI_URL="https://argo.example.com/")
    assert done.out.splitlines()[1] == f"https://argo.example.com/workflows/default/{started(done)}"


def test_a_name_that_is_taken_is_not_used_again(deployed: Run, cluster: KubernetesServer) -> None:
    body = {"kind": "Status", "reason": "AlreadyExists", "message": "exists", "code": 409}
    refusals = iter([409])

    def answer(asked: object) -> tuple[int, str, bytes] | None:
        status = next(refusals, None) if getattr(asked, "method", "") == "POST" else None
        return (status, "application/json", json.dumps(body).encode()) if status else None

    cluster.answer = answer
    name = started(deployed("trigger", "--who", "x"))
    names = [asked.body["metadata"]["name"] for asked in cluster.told("POST")]
    assert names[1:] == [name]
    assert names[0] != name


def test_a_missing_parameter_is_told_before_anything_is_asked(flow: Run, cluster: KubernetesServer) -> None:
    done = flow("trigger", "--times", "many")
    assert done.code == 2
    assert "parameter `who` is required: give --who STR" in done.err
    assert "parameter `times` must be an integer, not 'many'" in done.err
    assert cluster.asked == []


def test_parameters_that_the_deployed_flow_has_not(deployed: Run, cluster: KubernetesServer) -> None:
    """Argo would drop them without a word."""
    spec = cluster.live("workflowtemplates", "greetflow")["spec"]
    spec["arguments"]["parameters"] = [{"name": "who"}, {"name": "whom"}]
    done = deployed("trigger", "--who", "x", "--times", "2")
    assert (done.code, done.err) == (
        1,
        (
            "error[P565]: the deployed flow has no parameter `times`\n"
            "  = help: deploy the flow as it is now: argo-workflows create\n\n"
            "error[P565]: the deployed flow wants the parameter `whom`, which this one has not, or with a default\n"
            "  = help: deploy the flow as it is now: argo-workflows create\n"
        ),
    )
    assert cluster.told("POST") == []


def test_values_that_no_pod_takes(deployed: Run, cluster: KubernetesServer) -> None:
    done = deployed("trigger", "--who", "w" * 120_000)
    assert (done.code, done.err) == (
        1,
        (
            "error[P565]: the parameters have 120,030 bytes, a pod takes 100,000\n"
            "  = help: store a large value, and pass its key\n"
        ),
    )
    assert cluster.told("POST") == []
    assert deployed("trigger", "--who", "w" * 90_000).code == 0


def test_a_flow_that_is_not_deployed(flow: Run, cluster: KubernetesServer) -> None:
    for command in (["trigger", "--who", "x"], ["list-runs"], ["delete"]):
        done = flow(*command)
        assert (done.code, done.err) == (
            1,
            (
                f"error[P563]: there is no workflow template greetflow in the namespace default at {cluster.url}\n"
                "  = help: deploy the flow first: argo-workflows create\n"
            ),
        )


def test_a_name_that_no_template_can_have(flow: Run, cluster: KubernetesServer) -> None:
    """Before anything is asked, by every command."""
    for command in (["create"], ["trigger", "--who", "x"], ["list-runs"], ["status", "x"], ["delete"], ["diff"]):
        done = flow(*command, "--name", "Nightly_Run")
        assert (done.code, done.err) == (
            1,
            (
                "error[P532]: a workflow template can't have the name 'Nightly_Run'\n"
                "  = help: use at most 63 small letters, digits and `-`, a letter first\n"
            ),
        )
    assert cluster.asked == []


def test_the_namespace_is_said_or_configured_or_the_context_s(
    flow: Run, cluster: KubernetesServer, environment: dict[str, str]
) -> None:
    kube_config(Path(environment["KUBECONFIG"]), "http://127.0.0.1:9", cluster.url, namespace="own")
    cluster.namespaces |= {"own", "configured", "said"}
    configured = {"METAFLOW_KUBERNETES_NAMESPACE": "configured"}
    for namespace, options, variables in (
        ("own", [], {}),
        ("configured", [], configured),
        ("said", ["--namespace", "said"], configured),
    ):
        done = flow("create", "--kube-context", "c1", *options, **variables)
        assert done.code == 0, done.err
        assert (namespace, "workflowtemplates", "greetflow") in cluster.objects
        name = started(flow("trigger", "--who", "x", "--kube-context", "c1", *options, **variables))
        assert (namespace, "workflows", name) in cluster.objects


def test_every_request_is_signed(deployed: Run, cluster: KubernetesServer) -> None:
    started(deployed("trigger", "--who", "x", "--wait"))
    assert {asked.headers["authorization"] for asked in cluster.asked} == {"Bearer t0ken"}


# Listing


def test_runs_are_listed_newest_first(deployed: Run, cluster: KubernetesServer) -> None:
    names = []
    for scene in (Scene("Succeeded"), Scene("Failed"), Scene("Error"), Scene("Running"), Scene("")):
        cluster.script = [scene]
        names.append(started(deployed("trigger", "--who", "x")))
    deployed("list-runs")  # the controller has looked at them
    lines = [line.split() for line in deployed("list-runs").out.splitlines()]
    assert lines[0] == ["RUN", "STATUS", "STARTED", "DURATION"]
    assert [(line[0], line[1]) for line in lines[1:]] == [
        (f"argo-{name}", status)
        for name, status in zip(reversed(names), ("pending", "running", "error", "failed", "succeeded"), strict=True)
    ]
    assert lines[-1][2] == "2026-03-01"

    def listed(*options: str) -> list[str]:
        return [line.split()[0][5:] for line in deployed("list-runs", *options).out.splitlines()[1:]]

    assert listed("--failed") == [names[2], names[1]]
    assert listed("--running", "--succeeded") == [names[4], names[3], names[0]]
    assert listed("--max", "2") == [names[4], names[3]]


def test_only_listed_runs_are_read_whole(deployed: Run, cluster: KubernetesServer) -> None:
    for _ in range(6):
        deployed("trigger", "--who", "x")
    cluster.asked.clear()
    assert len(deployed("list-runs", "--max", "2").out.splitlines()) == 3
    lists = [asked for asked in cluster.told("GET", "workflows") if asked.path.endswith("/workflows")]
    assert all("as=PartialObjectMetadataList" in asked.headers["accept"] for asked in lists)
    assert len(cluster.told("GET", "workflows/")) == 2


def test_all_pages_are_read_and_other_templates_left_out(deployed: Run, cluster: KubernetesServer) -> None:
    mine = {"workflows.argoproj.io/workflow-template": "greetflow"}
    for number in range(700):
        labels, template = (mine, "greetflow") if number % 2 else ({}, "other")
        spec = {"workflowTemplateRef": {"name": template}}
        kinds = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
        cluster.put({**kinds, "metadata": {"name": f"w-{number}", "labels": labels}, "spec": spec})
    scheduled = {"workflows.argoproj.io/cron-workflow": "greetflow"}
    spec = {"workflowTemplateRef": {"name": "greetflow"}}
    cluster.put({**kinds, "metadata": {"name": "greetflow-1772366400", "labels": scheduled}, "spec": spec})
    lines = deployed("list-runs", "--max", "600").out.splitlines()
    assert len(lines) == 1 + 351
    assert lines[1].startswith("argo-greetflow-1772366400")


def test_there_are_no_runs(deployed: Run) -> None:
    assert deployed("list-runs").out == "greetflow has no runs in the cluster.\n"
    assert deployed("list-runs", "--failed").out == "greetflow has no such runs.\n"


# Status


def test_a_status_is_told_step_by_step(deployed: Run, cluster: KubernetesServer) -> None:
    failed = Task("Failed", "/1", "main: Error (exit code 1)")
    tasks = {"start": Task("Succeeded"), "body": Task("Running", "/0"), "body#1": failed}
    cluster.script = [Scene("Running", tasks)]
    name = started(deployed("trigger", "--who", "x"))
    first, *lines = deployed("status", f"argo-{name}").out.splitlines()
    assert first.startswith(f"Run argo-{name}: running, started 2026-03-01 12:02:00, after ")
    assert lines == [
        "  start  1 succeeded",
        "  body   1 running, 1 failed",
        f"argo-{name}/body/t.1: main: Error (exit code 1)",
    ]
    document = json.loads(deployed("status", name, "--format", "json").out)
    assert document["status"] == "running"
    assert document["steps"] == {"start": {"succeeded": 1}, "body": {"running": 1, "failed": 1}}
    assert document["pods"] == {"over": 2, "known": 3}


def test_the_status_of_a_run_that_failed(deployed: Run, cluster: KubernetesServer) -> None:
    cluster.script = [Scene("Failed", {"start": Task("Failed")}, "child failed", stored="offloaded")]
    name = started(deployed("trigger", "--who", "x"))
    assert deployed("status", name).out.splitlines() == [
        f"Run argo-{name}: failed, started 2026-03-01 12:02:00, after 1m00s.",
        "Argo says: child failed",
        "This cluster keeps tasks in a database: 1 of 1 pods are over.",
    ]


def test_a_run_of_another_template(deployed: Run, cluster: KubernetesServer) -> None:
    kinds = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
    cluster.put({**kinds, "metadata": {"name": "a"}, "spec": {"workflowTemplateRef": {"name": "other"}}})
    cluster.put({**kinds, "metadata": {"name": "b"}, "spec": {"entrypoint": "main"}})
    for command in ("status", "terminate"):
        for name, where in (
            ("a", "of greetflow: it is one of the workflow template other"),
            ("b", "of greetflow: it is one of no workflow template"),
            ("c/../b", f"in the namespace default at {cluster.url}, or no longer"),
        ):
            done = deployed(command, f"argo-{name}")
            assert (done.code, done.err) == (
                1,
                (
                    f"error[P563]: there is no run argo-{name} {where}\n"
                    "  = help: `argo-workflows list-runs` shows those of the flow\n"
                ),
            )
    assert "shutdown" not in cluster.live("workflows", "a")["spec"]


# Ending


def test_a_run_is_terminated_once(deployed: Run, cluster: KubernetesServer) -> None:
    cluster.script = [Scene("Running")]
    name = started(deployed("trigger", "--who", "x"))
    assert deployed("terminate", f"argo-{name}").out == f"Run argo-{name} is terminated.\n"
    assert cluster.live("workflows", name)["spec"]["shutdown"] == "Terminate"
    (asked,) = cluster.told("PATCH", "workflows/")
    assert asked.headers["content-type"] == "application/merge-patch+json"
    assert "terminating" in deployed("status", name).out
    deployed("status", name)
    assert deployed("terminate", name).out == f"Run argo-{name} had ended before.\n"
    assert "terminated" in deployed("list-runs", "--failed").out


def test_what_is_deployed_is_deleted(deployed: Run, cluster: KubernetesServer) -> None:
    cluster.script = [Scene("Running")]
    name = started(deployed("trigger", "--who", "x"))
    done = deployed("delete")
    assert (done.code, done.out) == (0, "template       greetflow  deleted\n")
    assert list(cluster.objects) == [("default", "workflows", name)]
