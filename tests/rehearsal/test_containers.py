"""Rehearsals in containers, on a real engine and with an image that holds Python and nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from command_line import Shell
from corpus_flows import CORPUS
from machine_rig import Rig
from rehearsals import compiled, rehearsed

from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.job_hosts.container_engine import ContainerEngine
from penstock.backends.job_hosts.jobs import OUT_OF_MEMORY
from penstock.backends.run_comparison import StoredRun, differences
from penstock.backends.step_functions.rehearsal.engine import QUEUE, Engine
from penstock.backends.step_functions.rehearsal.messages import JobStarted
from penstock.runtime_shim.parameters import parameters_of

pytestmark = pytest.mark.containers

HOSTILE = "$(touch /pwned) `touch /pwned` ; touch /pwned \n 'q' \"d\" \\ $HOME 🌊"
FLOWS = (
    "linear", "hostile_parameters", "hostile_defaults", "value_kinds", "artifact_sizes", "everything_nested",
    "failing_split", "switch_in_foreach", "loop_in_foreach", "crossing_branches", "decorated",
)  # fmt: skip
HEAD = (
    "import os, signal, subprocess, sys, time\nfrom penstock import FlowSpec, catch, resources, retry, step, timeout\n"
)
TAIL = "\n    @step\n    def end(self):\n        pass\n\nif __name__ == '__main__':\n    OneFlow()\n"


@pytest.fixture(scope="session")
def image() -> str:
    """The image that `make test-containers` has made."""
    name = os.environ.get("PENSTOCK_TEST_IMAGE")
    if not name:
        pytest.fail("these tests need a container engine and an image: `make test-containers`")
    return name


@pytest.fixture(scope="session")
def api() -> Iterator[Any]:
    client = docker.from_env().api
    yield client
    client.close()


@pytest.fixture(scope="session")
def containers(image: str) -> Iterator[Engine]:
    """The embedded AWS, with jobs in containers."""
    found = ContainerEngine.reach()
    with Engine(grace_seconds=2, containers=found) as running:
        yield running
    found.close()


@pytest.fixture(scope="session")
def rig(containers: Engine, image: str) -> Rig:
    return Rig(containers, image)


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch, image: str) -> None:
    monkeypatch.setenv("METAFLOW_BATCH_CONTAINER_IMAGE", image)
    monkeypatch.setenv("METAFLOW_USER", "conformance")


def one_flow(folder: Path, *lines: str) -> Path:
    """A flow of a step `start` with these lines (decorators included) and `end`."""
    file = folder / "one.py"
    file.write_text(HEAD + "\nclass OneFlow(FlowSpec):\n" + "".join(f"    {line}\n" for line in lines) + TAIL)
    return file


def left(api: Any) -> list[Any]:
    """The containers that a rehearsal has left, whoever's."""
    found: list[Any] = api.containers(all=True, filters={"label": "penstock.rehearsal"})
    return found


@pytest.mark.parametrize("name", FLOWS)
def test_a_run_in_containers_is_the_local_one(containers: Engine, name: str, tmp_path: Path) -> None:
    flow = next(each for each in CORPUS if each.name == name)
    case = FlowCase(flow.name, flow.file, flow.flow, flow.parameters, flow.fails_at)
    declared = parameters_of(case.load())
    given = {parameter: declared[parameter].stored(value) for parameter, value in case.parameters.items()}
    run = rehearsed(compiled(flow.file), containers, tmp_path / "rehearsed", given)
    assert run.done.status == ("FAILED" if flow.fails_at else "SUCCEEDED"), "".join(run.lines)
    local = run_locally(case, tmp_path / "local")
    assert differences(local, StoredRun(run.store.root, flow.flow, run.done.run), flow.fails_at) == []


def test_a_job_sees_its_image_and_what_it_was_given(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    script = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.listdir('/')]))"
    state = {"Environment": [{"Name": "MINE", "Value": HOSTILE}]}
    rig.run_job(rig.command(["python", "-c", script, HOSTILE]), {"JobName": "seen", "ContainerOverrides": state})
    (ended,) = rig.attempts("seen")
    arguments, seen, root = json.loads(rig.log(ended))
    assert arguments == [HOSTILE]
    assert (seen["MINE"], seen["FROM"]) == (HOSTILE, "definition")
    assert "pwned" not in root
    of_the_image = {"PATH", "HOME", "LANG", "HOSTNAME", "LC_CTYPE"}
    given = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED"}
    given |= {"MANAGED_BY_AWS", "MINE", "FROM"}
    assert {name for name in seen if not name.startswith("AWS_BATCH_")} <= of_the_image | given
    assert seen["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert seen["AWS_BATCH_JQ_NAME"] == QUEUE


def test_user_shared_memory_and_processors_are_those_of_the_definition(rig: Rig) -> None:
    script = (
        "import os, pathlib; shm = os.statvfs('/dev/shm'); print(os.getuid(), shm.f_frsize * shm.f_blocks)\n"
        "for name in ('cpu/cpu.shares', 'cpu.weight'):\n"
        "    file = pathlib.Path('/sys/fs/cgroup', name)\n"
        "    if file.exists(): print(file.read_text().strip())"
    )
    properties = {
        "user": "nobody",
        "linuxParameters": {"sharedMemorySize": 8},
        "resourceRequirements": [{"type": "VCPU", "value": "16"}, {"type": "MEMORY", "value": "128"}],
    }
    rig.run_job(rig.command(["python", "-c", script], properties), {"JobName": "properties"})
    (ended,) = rig.attempts("properties")
    uid, shared, *shares = rig.log(ended).split()
    assert (uid, shared) == ("65534", str(8 * 2**20))
    assert shares in (["16384"], ["624"], [])  # cgroup 1; cgroup 2 counts otherwise; not shown everywhere


def test_the_image_has_no_boto3_and_needs_none(rig: Rig) -> None:
    rig.run_job(rig.job_definition("import boto3"), {"JobName": "boto3"})
    (ended,) = rig.attempts("boto3")
    assert "No module named 'boto3'" in rig.log(ended)


def test_a_step_over_its_memory_is_told_with_what_to_do(containers: Engine, tmp_path: Path) -> None:
    lines = ("@resources(memory=128)", "@step", "def start(self):", "    self.big = bytes(range(256)) * 4_000_000")
    run = rehearsed(compiled(one_flow(tmp_path, *lines, "    self.next(self.end)")), containers, tmp_path)
    assert run.done.failure is not None
    task = f"{run.done.run}/start/t"
    assert run.done.failure.message.splitlines()[0] == f"task {task} failed: exit code 137, {OUT_OF_MEMORY}"
    assert run.done.failure.help == (
        f"give the step more memory, with @resources(memory=...); its whole output: python flow.py logs {task}"
    )


def test_a_container_that_is_killed_is_started_again(containers: Engine, api: Any, tmp_path: Path) -> None:
    def kill(event: object) -> None:
        if isinstance(event, JobStarted) and event.attempt == 1 and event.environment["PENSTOCK_STEP"] == "start":
            api.kill(event.container)

    lines = ("@retry(times=1)", "@step", "def start(self):", "    self.tries = os.environ['AWS_BATCH_JOB_ATTEMPT']")
    stop = containers.listen(kill)
    run = rehearsed(compiled(one_flow(tmp_path, *lines, "    self.next(self.end)")), containers, tmp_path)
    stop()
    assert run.done.status == "SUCCEEDED", "".join(run.lines)
    assert sum("Task failed (exit code 137): it is tried again." in line for line in run.lines) == 1
    assert run.task("start").load("tries") == "2"


def test_a_step_that_kills_itself_is_tried_again(containers: Engine, tmp_path: Path) -> None:
    lines = (
        "@retry(times=1)", "@step", "def start(self):", "    self.tries = os.environ['AWS_BATCH_JOB_ATTEMPT']",
        "    if self.tries == '1': os.kill(os.getpid(), signal.SIGKILL)", "    self.next(self.end)",
    )  # fmt: skip
    run = rehearsed(compiled(one_flow(tmp_path, *lines)), containers, tmp_path)
    assert run.done.status == "SUCCEEDED", "".join(run.lines)
    assert run.task("start").load("tries") == "2"


def test_a_timeout_ends_a_child_that_survives_sigterm(containers: Engine, api: Any, tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    lines = (
        "@catch(var='late', print_exception=False)", "@timeout(seconds=2)", "@step", "def start(self):",
        f"    subprocess.Popen([sys.executable, '-c', {stubborn!r}])", "    time.sleep(600)", "    self.next(self.end)",
    )  # fmt: skip
    file = one_flow(tmp_path, *lines)
    run = rehearsed(compiled(file), containers, tmp_path / "rehearsed")
    assert run.done.status == "SUCCEEDED", "".join(run.lines)
    assert run.done.seconds < 100
    local = run_locally(FlowCase("one", file, "OneFlow"), tmp_path / "local")
    assert differences(local, StoredRun(run.store.root, "OneFlow", run.done.run)) == []


def test_batchs_own_timeout_kills_what_ignores_sigterm(rig: Rig, api: Any) -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    definition = rig.job_definition(script, timeout={"attemptDurationSeconds": 1})
    rig.run_job(definition, {"JobName": "overdue", "RetryStrategy": {"Attempts": 3}})
    (attempt,) = rig.attempts("overdue")
    assert (attempt.exit_code, attempt.reason) == (137, "Job attempt duration exceeded timeout")


def test_a_command_that_the_image_lacks_is_told(rig: Rig) -> None:
    rig.run_job(rig.command(["no-such-program"]), {"JobName": "lacking"})
    (attempt,) = rig.attempts("lacking")
    assert attempt.exit_code == 127
    assert attempt.reason.startswith("CannotStartContainerError: ")
    assert "no-such-program" in rig.log(attempt)


def test_gpus_that_are_not_there_are_one_sentence(rig: Rig) -> None:
    if os.path.exists("/dev/nvidiactl"):
        pytest.fail("this machine has GPUs: the sentence cannot be seen here")
    asked = [{"type": kind, "value": value} for kind, value in (("VCPU", "1"), ("MEMORY", "128"), ("GPU", "1"))]
    definition = rig.command(["python", "-c", "pass"], {"resourceRequirements": asked})
    rig.run_job(definition, {"JobName": "gpu", "RetryStrategy": {"Attempts": 3}})
    (attempt,) = rig.attempts("gpu")
    assert (attempt.exit_code, attempt.reason) == (None, "it asks for GPUs, and this container engine has none")


def test_an_image_that_cannot_be_had_is_told_before_anything_runs(tmp_path: Path, api: Any) -> None:
    file = one_flow(tmp_path, "@step", "def start(self):", "    self.next(self.end)")
    missing = {"METAFLOW_BATCH_CONTAINER_IMAGE": "127.0.0.1:9/team/none:1"}
    done = Shell(tmp_path).run(file.name, "step-functions", "rehearse", "--containers", **missing)
    assert done.code == 1
    assert done.out == "Pulling the image 127.0.0.1:9/team/none:1, which is not on this machine.\n"
    assert re.fullmatch(
        r"error\[P543\]: the image 127\.0\.0\.1:9/team/none:1 of steps `start`, `end` is not on this machine, "
        r"and cannot be pulled: .*refused\n  = help: docker pull 127\.0\.0\.1:9/team/none:1, or build it; "
        r"or rehearse without --containers\n",
        done.err,
    )


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_however_the_rehearsal_ends(end: signal.Signals, tmp_path: Path, api: Any, image: str) -> None:
    ignore = "    signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    file = one_flow(tmp_path, "@step", "def start(self):", ignore, "    self.next(self.end)")
    with Shell(tmp_path) as shell:
        configured = {"METAFLOW_BATCH_CONTAINER_IMAGE": image}
        job = shell.start(file.name, "step-functions", "rehearse", "--containers", **configured)
        assert job.stdout is not None
        job.stdout.readline()
        found = re.search(r"\(container (\w+)\)", job.stdout.readline())
        assert found is not None
        container = found.group(1)
        assert [each for each in left(api) if each["Id"].startswith(container)]
        job.send_signal(end)
        _, errors = job.communicate(timeout=60)
    assert "Traceback" not in errors
    assert gone(api, container)


def test_nothing_is_left_when_the_engines_process_is_killed(image: str, api: Any) -> None:
    found = ContainerEngine.reach()
    with Engine(containers=found) as engine:
        rig = Rig(engine, image)
        state = rig.task(rig.job_definition("import time; time.sleep(600)"), {"JobName": "orphan"}, End=True)
        rig.start({"StartAt": "job", "States": {"job": state}})
        container = rig.started("orphan").container
        process = engine._process
        assert process is not None
        process.kill()
        process.wait()
    found.close()
    assert gone(api, container)


def gone(api: Any, container: str, seconds: float = 20) -> bool:
    """Whether the container is removed in time."""
    end = time.monotonic() + seconds
    while any(each["Id"].startswith(container) for each in left(api)):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_no_test_has_left_a_container(rig: Rig, api: Any) -> None:
    assert left(api) == []
