"""`argo-workflows trigger --wait`: progress, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from argo_status import Scene, Task
from json_wire import Asked
from kubernetes_server import KubernetesServer

from penstock.backends.argo.running import runs
from penstock.runtime_shim.configuration import Configuration
from penstock.runtime_shim.datastore.opening import open_datastore
from penstock.runtime_shim.datastore.protocol import Datastore

from .conftest import Run, kube_config

_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", re.MULTILINE)
RUNNING, DONE, FAILED = Task("Running"), Task("Succeeded"), Task("Failed", message="main: Error (exit code 1)")


def wait(flow: Run, *arguments: str, **variables: str) -> tuple[int, list[str], str]:
    """Exit code, the lines after the run's start, and stderr; ``RUN`` stands for the run's id without its prefix."""
    done = flow("trigger", "--who", "x", "--wait", *arguments, **variables)
    name = done.out.partition("Run argo-")[2].partition(" ")[0]
    assert name, done
    out, err = (_STAMP.sub("", text).replace(name, "RUN") for text in (done.out, done.err))
    return done.code, out.splitlines()[2:], err


def test_a_run_that_succeeds(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    begun = {"start": DONE, "body": Task("Running", "/0"), "body#2": Task("Pending", "/1")}
    ended = {"start": DONE, "body": Task("Succeeded", "/0"), "body#2": Task("Succeeded", "/1")}
    cluster.script = [
        Scene("Running", {"start": Task("Pending")}),
        Scene("Running", {"start": RUNNING}),
        Scene("Running", begun),
        Scene("Running", {**ended, "join": RUNNING}),
        Scene("Succeeded", {**ended, "join": DONE, "end": DONE}),
    ]
    code, lines, err = wait(deployed)
    assert (code, err) == (0, "")
    assert lines == [
        "[argo-RUN/start/t] Task is running.",
        "[argo-RUN/start/t] Task finished successfully (2.0 s).",
        "[argo-RUN/body/t.0] Task is running.",
        "[argo-RUN/body/t.0] Task finished successfully (2.0 s).",
        "[argo-RUN/body/t.1] Task is running.",
        "[argo-RUN/body/t.1] Task finished successfully (2.0 s).",
        "[argo-RUN/join/t] Task is running.",
        "[argo-RUN/join/t] Task finished successfully (2.0 s).",
        "[argo-RUN/end/t] Task is running.",
        "[argo-RUN/end/t] Task finished successfully (2.0 s).",
        "Done: 5 tasks in 1m00s.",
    ]


@pytest.mark.parametrize("stored", ["", "compressed"])
def test_tries_are_told(deployed: Run, cluster: KubernetesServer, quick: list[float], stored: str) -> None:
    """A task with a retry strategy is one task, whatever the number of its pods."""
    cluster.script = [
        Scene("Running", {"start": Task("Running", tries=0)}, stored=stored),
        Scene("Running", {"start": Task("Pending", tries=1)}, stored=stored),
        Scene("Running", {"start": Task("Running", tries=2)}, stored=stored),
        Scene("Succeeded", {"start": Task("Succeeded", tries=2)}, stored=stored),
    ]
    assert wait(deployed) == (
        0,
        [
            "[argo-RUN/start/t] Task is running.",
            "[argo-RUN/start/t] Try 1 failed, and is made again.",
            "[argo-RUN/start/t] Try 2 failed, and is made again.",
            "[argo-RUN/start/t] Task finished successfully (2.0 s).",
            "Done: 1 tasks in 1m00s.",
        ],
        "",
    )


def test_many_tasks_are_counted(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    def bodies(number: int, task: Task) -> dict[str, Task]:
        return {f"body#{index}": task._replace(path=f"/{index}") for index in range(number)}

    cluster.script = [
        Scene("Running", bodies(30, RUNNING)),
        *[Scene("Running", {**bodies(40, RUNNING), "body#0": Task("Failed", "/0")})] * 40,
        Scene("Succeeded", bodies(40, DONE)),
    ]
    code, lines, _ = wait(deployed)
    assert code == 0
    told = [line for line in lines if "running" in line]
    assert told[0] == "[argo-RUN/body] 0 of 30 done, 30 running."
    assert told[-1] == "[argo-RUN/body] 40 of 40 done, 0 running."
    assert "[argo-RUN/body/t.0] Task failed." in lines
    assert len(told) < 7


@pytest.fixture
def store(environment: dict[str, str]) -> Callable[[], Datastore]:
    """Opens the datastore of the run's tasks."""
    root = environment["METAFLOW_DATASTORE_SYSROOT_S3"]
    return lambda: open_datastore("s3", root, Configuration.load(environment))


def test_a_failed_step_is_told_with_its_last_line(
    deployed: Run, cluster: KubernetesServer, quick: list[float], store: Callable[[], Datastore]
) -> None:
    """Of the very task that failed, though another has written a log too."""
    failed = Task("Failed", "/1", "main: Error (exit code 1)")
    cluster.script = [
        Scene("Running", {"start": DONE}),
        Scene("Failed", {"start": DONE, "body": failed}, "child failed"),
    ]
    written: list[str] = []

    def fail(asked: Asked) -> None:
        """When the run is looked at, its tasks have written logs."""
        for split in range(2):
            task = f"GreetFlow/argo-{asked.path.rpartition('/')[2]}/body/t.{split}"
            store().put(f"{task}/0.attempt.json", b"{}")
            store().put(f"{task}/0.task_stderr.log", f"Traceback\n  ValueError: no rows in {split}.\n\n".encode())
            written.append(task)

    cluster.answer = lambda asked: fail(asked) if "/workflows/" in asked.path and not written else None
    code, lines, err = wait(deployed)
    assert lines[-1] == "[argo-RUN/body/t.1] Task failed: main: Error (exit code 1)."
    assert (code, err) == (
        1,
        (
            "error[R185]: step `body` failed: task argo-RUN/body/t.1: ValueError: no rows in 1\n"
            "  = help: `python flow.py --datastore=s3 logs argo-RUN/body/t.1` shows its log\n"
        ),
    )


def test_a_failed_step_without_logs(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    tasks = {"start": Task("Failed", message="OOMKilled (exit code 137)", tries=2)}
    cluster.script = [Scene("Failed", tasks, "child 'x' failed")]
    assert wait(deployed)[::2] == (
        1,
        (
            "error[R185]: step `start` failed: task argo-RUN/start/t: OOMKilled (exit code 137)\n"
            "  = help: `python flow.py --datastore=s3 logs argo-RUN/start/t` shows its log\n"
        ),
    )


def test_a_run_that_fails_without_a_task(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    cluster.script = [Scene("Error", {}, "templates.leaf: failed to resolve {{workflow.parameters.x}}\nmore")]
    assert wait(deployed)[::2] == (
        1,
        (
            "error[R185]: run argo-RUN failed: templates.leaf: failed to resolve {{workflow.parameters.x}}\n"
            "  = help: `kubectl get pods -n default -l workflows.argoproj.io/workflow=RUN` shows its pods\n"
        ),
    )


def test_a_run_that_takes_longer_than_it_may(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    tasks = {"start": Task("Failed", message="Pod was active on the node longer than the specified deadline")}
    cluster.script = [Scene("Failed", tasks, "Max duration limit exceeded")]
    assert wait(deployed)[::2] == (
        1,
        (
            "error[R185]: run argo-RUN took longer than it may, and was ended\n"
            "  = help: give it more time with `create --workflow-timeout`, or find out what took so long\n"
        ),
    )


def test_a_run_that_is_ended(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    cluster.script = [Scene("Running", {"start": RUNNING, "body": Task("Pending", "/0")})]
    killed = Task("Failed", message="main: Error (exit code 143)")
    ended = Task("Failed", "/0", "workflow shutdown with strategy:  Terminate")

    def end(asked: Asked) -> None:
        if len(cluster.told("GET", "workflows/")) == 3:
            (stored,) = [each for (_, plural, _), each in cluster.objects.items() if plural == "workflows"]
            stored.owned.merge({"spec": {"shutdown": "Terminate"}}, "argo")
            stored.ended = stored.began
            stored.scenes[:] = [Scene("Failed", {"start": killed, "body": ended}, "Stopped with strategy 'Terminate'")]

    cluster.answer = end
    assert wait(deployed) == (
        1,
        [
            "[argo-RUN/start/t] Task is running.",
            "[argo-RUN/start/t] Task was ended.",
            "[argo-RUN/body/t.0] Task was ended.",
        ],
        (
            "error[R185]: run argo-RUN was ended before its time\n"
            "  = help: `python flow.py --datastore=s3 logs argo-RUN/start` shows logs\n"
        ),
    )


def test_tasks_that_a_database_has(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    """Argo can keep the nodes of large workflows elsewhere: their number is known."""
    cluster.script = [Scene("Succeeded", {"start": DONE, "body": DONE}, stored="offloaded")]
    assert wait(deployed) == (0, ["Done: 2 tasks in 1m00s."], "")


def test_waiting_has_an_end(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    cluster.script = [Scene("Running")]
    assert wait(deployed, "--timeout", "90")[::2] == (
        1,
        (
            "error[R186]: run argo-RUN is not over after 1m30s: it goes on\n"
            "  = help: `python flow.py argo-workflows terminate argo-RUN` ends it\n"
        ),
    )
    assert sum(quick) == pytest.approx(90)
    assert deployed("trigger", "--who", "x", "--wait-timeout", "9").err.splitlines()[-1] == (
        "Error: the time limit is one of the waiting: give --wait too"
    )


def test_a_pod_that_finds_no_node_is_told_with_the_reason(
    deployed: Run, cluster: KubernetesServer, quick: list[float]
) -> None:
    waiting = Task("Pending", message="Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.")
    cluster.script = [*[Scene("Running", {"start": waiting})] * 200, Scene("Succeeded", {"start": DONE})]
    told = [line for line in wait(deployed)[1] if "Waits" in line]
    assert len(told) == 1
    assert re.fullmatch(
        r"\[argo-RUN/start\] Waits for its pod, for 2m0\ds so far: Unschedulable: 0/3 nodes are available: 3 "
        r"Insufficient cpu; `kubectl get pods -n default -l workflows.argoproj.io/workflow=RUN` says more\.",
        told[0],
    )


def test_a_server_that_is_away_for_a_while(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    cluster.script = [Scene("Running", {"start": RUNNING}), Scene("Succeeded", {"start": DONE})]
    away = iter([False, True, True, True, False])

    def answer(asked: Asked) -> tuple[int, str, bytes] | None:
        return (503, "text/plain", b"") if "/workflows/" in asked.path and next(away, False) else None

    cluster.answer = answer
    code, lines, err = wait(deployed)
    assert (code, err) == (0, "")
    (told,) = [line for line in lines if "No answer" in line]
    assert told == (
        "No answer, asking again, the run goes on: could not look for the run RUN: the server failed (503)."
    )


def test_a_server_that_stays_away(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    cluster.answer = lambda asked: (502, "text/plain", b"") if "/workflows/" in asked.path else None
    code, _, err = wait(deployed)
    assert code == 1
    assert err.startswith("error[P561]: could not look for the run RUN: the server failed (502)\n")
    assert 600 < sum(quick) < 620


def test_a_token_that_expires_is_read_again(
    deployed: Run, cluster: KubernetesServer, quick: list[float], environment: dict[str, str]
) -> None:
    """From kubectl's configuration, which whoever signs in writes anew."""
    cluster.token = "t0ken"
    cluster.script = [Scene("Running"), Scene("Running"), Scene("Succeeded")]

    def expire(asked: Asked) -> None:
        if len(cluster.told("GET", "workflows/")) == 2 and cluster.token == "t0ken":
            cluster.token = "second"
            kube_config(Path(environment["KUBECONFIG"]), cluster.url, token="second")

    cluster.answer = expire
    assert wait(deployed)[0] == 0


def test_a_run_that_somebody_deletes(deployed: Run, cluster: KubernetesServer, quick: list[float]) -> None:
    cluster.script = [Scene("Running")]

    def remove(asked: Asked) -> None:
        if len(cluster.told("GET", "workflows/")) == 3:
            for key in [key for key in cluster.objects if key[1] == "workflows"]:
                del cluster.objects[key]

    cluster.answer = remove
    code, _, err = wait(deployed)
    assert (code, err.splitlines()[0]) == (
        1,
        f"error[P563]: there is no run argo-RUN in the namespace default at {cluster.url}, or no longer",
    )


def test_ctrl_c_leaves_the_run_alone(
    deployed: Run, cluster: KubernetesServer, quick: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.script = [Scene("Running")]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "look", interrupt)
    before = len(cluster.told("PATCH"))
    assert wait(deployed, "--namespace", "default")[::2] == (
        1,
        (
            "Stopped watching: run argo-RUN goes on. This ends it:\n"
            "  python flow.py argo-workflows terminate argo-RUN --namespace default\n"
        ),
    )
    assert len(cluster.told("PATCH")) == before
