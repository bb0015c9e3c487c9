"""`run-on-kfp --wait`: progress, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from json_wire import Asked
from kfp_server import KfpServer, Scene

from penstock.backends.kubeflow.running.server import SeenRun
from penstock.runtime_shim.datastore.opening import open_datastore
from penstock.runtime_shim.datastore.protocol import Datastore

from .conftest import Run

RUNNING, DONE, FAILED = "RUNNING", "SUCCEEDED", "FAILED"
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", re.MULTILINE)


def wait(flow: Run, *arguments: str, **variables: str) -> tuple[int, list[str], str]:
    """Exit code, the lines after the run's start, and stderr; ``RUN`` stands for the run's id."""
    done = flow("run-on-kfp", "--who", "x", "--wait", *arguments, **variables)
    uuid = done.out.partition("Run kfp-")[2].partition(" ")[0]
    assert uuid, done
    out, err = (_STAMP.sub("", text).replace(uuid, "RUN") for text in (done.out, done.err))
    return done.code, out.splitlines()[3:], err


def test_a_run_that_succeeds(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    drivers = {"root": RUNNING, "root-driver": DONE, "start-driver": DONE}
    begun = {**drivers, "start": DONE, "foreach-start": RUNNING, "iteration-item(0)": RUNNING, "body": RUNNING}
    kfp.script = [
        Scene(RUNNING, {**drivers, "start": RUNNING}),
        Scene(RUNNING, {**begun, "body#2": "PENDING"}),
        Scene(RUNNING, {**begun, "body": DONE, "body#2": DONE, "join": RUNNING}),
        Scene(DONE, {**begun, "body": DONE, "body#2": DONE, "join": DONE, "end": DONE}),
    ]
    code, lines, err = wait(flow)
    assert (code, err) == (0, "")
    assert lines[:-1] == [
        "[kfp-RUN/start] Task is running.",
        "[kfp-RUN/start] Task finished successfully (2.0 s).",
        "[kfp-RUN/body] Task is running.",
        "[kfp-RUN/body] Task finished successfully (2.0 s).",
        "[kfp-RUN/body] Task is running.",
        "[kfp-RUN/body] Task finished successfully (2.0 s).",
        "[kfp-RUN/join] Task is running.",
        "[kfp-RUN/join] Task finished successfully (2.0 s).",
        "[kfp-RUN/end] Task is running.",
        "[kfp-RUN/end] Task finished successfully (2.0 s).",
    ]
    assert lines[-1] == "Done: 5 tasks in 1m00s."


def test_many_tasks_are_counted(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    bodies = [f"body#{number}" for number in range(40)]
    kfp.script = [
        Scene(RUNNING, dict.fromkeys(bodies[:30], RUNNING)),
        Scene(RUNNING, {**dict.fromkeys(bodies, RUNNING), bodies[0]: FAILED}),
        *[Scene(RUNNING, {**dict.fromkeys(bodies, RUNNING), bodies[1]: DONE})] * 40,
        Scene(DONE, dict.fromkeys(bodies, DONE)),
    ]
    code, lines, _ = wait(flow)
    assert code == 0
    told = [line for line in lines if "running" in line]
    assert told[0] == "[kfp-RUN/body] 0 of 30 done, 30 running."
    assert told[-1] == "[kfp-RUN/body] 40 of 40 done, 0 running."
    assert "[kfp-RUN/body] Task failed." in lines
    assert len(told) < 6


def test_a_failed_step_is_told_with_its_last_line(
    flow: Run, kfp: KfpServer, quick: list[float], store: Callable[[], Datastore]
) -> None:
    kfp.script = [Scene(RUNNING, {"start": DONE, "body": RUNNING}), Scene(FAILED, {"start": DONE, "body": FAILED})]
    written: list[str] = []

    def fail(asked: Asked) -> None:
        """When the run is looked at, one of its tasks has written a log."""
        task = f"GreetFlow/kfp-{asked.path.rpartition('/')[2]}/body/t.1"
        store().put(f"{task}/0.attempt.json", b"{}")
        store().put(f"{task}/0.task_stderr.log", b"Traceback\n  ValueError: no rows.\n\n")
        written.append(task)

    kfp.answer = lambda asked: fail(asked) if "/runs/" in asked.path and not written else None
    code, lines, err = wait(flow)
    assert lines[-1] == "[kfp-RUN/body] Task failed."
    assert (code, err) == (
        1,
        (
            "error[R185]: step `body` failed: task kfp-RUN/body/t.1: ValueError: no rows\n"
            "  = help: `python flow.py --datastore=s3 logs kfp-RUN/body/t.1` shows its log\n"
        ),
    )


@pytest.fixture
def store(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[[], Datastore]:
    """Opens the datastore of the run's tasks."""
    from penstock.runtime_shim.configuration import Configuration

    root = environment["METAFLOW_DATASTORE_SYSROOT_S3"]
    return lambda: open_datastore("s3", root, Configuration.load(environment))


def test_a_failed_step_without_logs(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.script = [Scene(FAILED, {"start": FAILED}, "pod deleted\nmore")]
    assert wait(flow)[::2] == (
        1,
        (
            "error[R185]: step `start` of run kfp-RUN failed: pod deleted\n"
            "  = help: `python flow.py --datastore=s3 logs kfp-RUN/start` shows logs\n"
        ),
    )


def test_a_run_that_fails_before_a_step(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.script = [Scene(FAILED, {"root-driver": FAILED})]
    assert wait(flow)[::2] == (
        1,
        (
            "error[R185]: run kfp-RUN failed in `root-driver`, a pod of Kubeflow's own, before a step did\n"
            "  = help: `kubectl get pods -n kubeflow -l pipeline/runid=RUN` shows its pods\n"
        ),
    )


def test_a_run_that_is_ended(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.script = [Scene(RUNNING, {"start": RUNNING}), Scene("CANCELING"), Scene("CANCELED", {"start": "CANCELED"})]
    assert wait(flow) == (
        1,
        ["[kfp-RUN/start] Task is running.", "[kfp-RUN/start] Task was ended."],
        (
            "error[R185]: run kfp-RUN was ended before its time\n"
            "  = help: `python flow.py --datastore=s3 logs kfp-RUN/start` shows logs\n"
        ),
    )


def test_waiting_has_an_end(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.script = [Scene(RUNNING)]
    assert wait(flow, "--timeout", "90")[::2] == (
        1,
        (
            "error[R186]: run kfp-RUN is not over after 1m30s: it goes on\n"
            "  = help: `python flow.py kfp terminate kfp-RUN` ends it\n"
        ),
    )
    assert sum(quick) == pytest.approx(90)
    assert (min(quick), max(quick)) == (pytest.approx(1, abs=1), pytest.approx(4.5, abs=1))


def test_a_step_without_a_pod_is_told_once(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.script = [*[Scene(RUNNING, {"start": "PENDING"})] * 200, Scene(DONE, {"start": DONE})]
    told = [line for line in wait(flow, "--namespace", "ada")[1] if "Waits" in line]
    assert len(told) == 1
    assert re.fullmatch(
        r"\[kfp-RUN/start\] Waits for its pod, for 2m0\ds so far: "
        r"`kubectl get pods -n ada -l pipeline/runid=RUN` says why\.",
        told[0],
    )


def test_a_server_that_is_away_for_a_while(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.script = [Scene(RUNNING, {"start": RUNNING}), Scene(DONE, {"start": DONE})]
    away = iter([False, True, True, True, False])

    def answer(asked: Asked) -> tuple[int, str, bytes] | None:
        return (503, "text/plain", b"") if "/runs/" in asked.path and next(away, False) else None

    kfp.answer = answer
    code, lines, err = wait(flow)
    assert (code, err) == (0, "")
    (told,) = [line for line in lines if "No answer" in line]
    assert told == (
        "No answer, asking again, the run goes on: could not ask how the run kfp-RUN is doing: "
        "the server failed (503: Service Unavailable)."
    )


def test_a_server_that_stays_away(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.answer = lambda asked: (502, "text/plain", b"") if "/runs/" in asked.path else None
    code, _, err = wait(flow)
    assert code == 1
    assert err.startswith(
        "error[P551]: could not ask how the run kfp-RUN is doing: the server failed (502: Bad Gateway)\n"
    )
    assert 600 < sum(quick) < 620


def test_a_token_that_expires_is_read_again(
    flow: Run, kfp: KfpServer, quick: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signing in anew gives another one: of a proxy, or of kubectl."""
    from penstock.backends.kubeflow.running import connection

    tokens = iter(["first", "second"])
    real = connection._arguments
    monkeypatch.setattr(
        connection, "_arguments", lambda *arguments: {**real(*arguments), "existing_token": next(tokens)}
    )
    kfp.token = "first"
    kfp.script = [Scene(RUNNING), Scene(RUNNING), Scene(DONE)]

    def expire(asked: Asked) -> None:
        if len(kfp.told("GET", "/runs/")) == 2:
            kfp.token = "second"

    kfp.answer = expire
    assert wait(flow)[0] == 0
    kfp.answer, kfp.token = (lambda asked: None), "third"


def test_one_who_stays_signed_out_is_told(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.token = "first"
    kfp.script = [Scene(RUNNING)]

    def expire(asked: Asked) -> None:
        if len(kfp.told("GET", "/runs/")) == 2:
            kfp.token = "second"

    kfp.answer = expire
    code, _, err = wait(flow, "--token", "first")
    assert code == 1
    assert err.startswith(f"error[P551]: could not sign in: {kfp.url} doesn't know who you are (401")


def test_ctrl_c_leaves_the_run_alone(
    flow: Run, kfp: KfpServer, quick: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    kfp.script = [Scene(RUNNING)]

    def interrupt(*_: object) -> SeenRun:
        raise KeyboardInterrupt

    monkeypatch.setattr("penstock.backends.kubeflow.running.server.Server.look", interrupt)
    assert wait(flow)[::2] == (
        1,
        "Stopped watching: run kfp-RUN goes on. This ends it:\n  python flow.py kfp terminate kfp-RUN\n",
    )
    assert kfp.told("POST", "/runs/") == []


def test_the_quiet_say_what_failed_only(flow: Run, kfp: KfpServer, quick: list[float]) -> None:
    kfp.script = [Scene(RUNNING, {"start": RUNNING}), Scene(FAILED, {"start": FAILED})]
    done = flow("--quiet", "run-on-kfp", "--who", "x", "--wait")
    assert done.code == 1
    assert "is running" not in done.out
    assert "Task failed." in done.out
    assert json.loads(json.dumps(kfp.told("GET", "/runs/")[0].query)) == {}
