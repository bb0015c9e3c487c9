"""What the container host asks of an engine, and what it makes of the answers; the engine is a stub."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_flows import load
from docker_stub import DockerStub, Ending
from rehearsals import compiled, rehearsed, with_attempts

from penstock.backends.job_hosts.container_engine import ContainerEngine
from penstock.backends.job_hosts.containers import ContainerHost
from penstock.backends.job_hosts.jobs import OUT_OF_MEMORY, Attempt, Outcome, Place, Resources
from penstock.backends.step_functions.rehearsal.engine import Engine

HOSTILE = "$(touch x) `id` \n 'q' \"d\" \\ 🌊 ; rm -rf /"
ATTEMPT = Attempt(
    name="job.1",
    command=["python", "-c", f"print({HOSTILE!r})"],
    environment={"GIVEN": HOSTILE, "EMPTY": ""},
    image="team/train:1",
)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, closed_clients: None) -> Iterator[DockerStub]:
    """The engine of a user who has configured proxies, for docker and for everything."""
    (tmp_path / "config.json").write_text('{"proxies": {"default": {"httpProxy": "http://proxy:1"}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the user's own")
    with DockerStub() as stub:
        yield stub


def run(
    engine: DockerStub,
    log: Path,
    attempt: Attempt = ATTEMPT,
    *,
    timeout: float | None = None,
    stop: threading.Event | None = None,
    places: list[Place] | None = None,
) -> Outcome:
    host = ContainerHost(engine.url, "r1", grace_seconds=2)
    announce = (places if places is not None else []).append
    return host.run(attempt, log, timeout=timeout, stop=stop or threading.Event(), started=announce)


def test_a_container_is_given_the_job_and_nothing_else(engine: DockerStub, tmp_path: Path) -> None:
    assert run(engine, tmp_path / "log") == Outcome(0)
    (created,) = engine.created
    asked = {name: value for name, value in created.body.items() if value not in (None, False, [], {})}
    assert asked == {
        "Image": "team/train:1",
        "Cmd": ["python", "-c", f"print({HOSTILE!r})"],
        "Env": [f"GIVEN={HOSTILE}", "EMPTY="],
        "Labels": {"penstock.rehearsal": "r1", "penstock.job": "job.1"},
        "HostConfig": {"NetworkMode": "host"},
        "AttachStdout": True,
        "AttachStderr": True,
    }


def test_limits_are_those_of_the_job(engine: DockerStub, tmp_path: Path) -> None:
    resources = Resources(memory=512, vcpus=0.5, gpus=2, shared_memory=256, swap=64, swappiness=30)
    run(engine, tmp_path / "log", replace(ATTEMPT, resources=resources, user="nobody"))
    (created,) = engine.created
    assert created.body["User"] == "nobody"
    host = created.body["HostConfig"]
    (request,) = host.pop("DeviceRequests")
    assert (request["Count"], request["Capabilities"]) == (2, [["gpu"]])
    assert host == {
        "NetworkMode": "host",
        "Memory": 512 * 2**20,
        "MemorySwap": (512 + 64) * 2**20,
        "MemorySwappiness": 30,
        "CpuShares": 512,
        "ShmSize": 256 * 2**20,
    }


def test_where_no_swap_is_asked_for_there_is_none(engine: DockerStub, tmp_path: Path) -> None:
    run(engine, tmp_path / "log", replace(ATTEMPT, resources=Resources(memory=512)))
    host = engine.created[0].body["HostConfig"]
    assert host["MemorySwap"] == host["Memory"]


def test_what_it_prints_is_in_the_log_and_the_container_is_gone(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(code=3, output=((1, b"out\n"), (2, b"err \xff\n"), (1, b"more")))
    places: list[Place] = []
    assert run(engine, tmp_path / "log", places=places) == Outcome(3)
    assert (tmp_path / "log").read_bytes() == b"out\nerr \xff\nmore"
    assert [str(place) for place in places] == [f"container {'0' * 12}"]
    assert engine.containers == {}


def test_a_container_over_its_memory_says_so_as_batch_does(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(code=137, oom=True)
    assert run(engine, tmp_path / "log") == Outcome(137, OUT_OF_MEMORY)


def test_a_job_that_survived_the_end_of_a_child_did_not_run_out_of_memory(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(code=0, oom=True)
    assert run(engine, tmp_path / "log") == Outcome(0)


def test_a_container_is_asked_to_stop_at_its_timeout(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(waits=True)
    assert run(engine, tmp_path / "log", timeout=0.1) == Outcome(143, timed_out=True)
    assert "POST /containers/" + "0" * 64 + "/stop" in engine.requests
    assert engine.containers == {}


def test_a_container_is_stopped_with_its_job(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(waits=True)
    stop = threading.Event()
    stop.set()
    assert run(engine, tmp_path / "log", stop=stop) == Outcome(143, stopped=True)


def test_a_command_that_the_image_does_not_have_is_told_in_the_log(engine: DockerStub, tmp_path: Path) -> None:
    said = 'exec: "python": executable file not found in $PATH'
    engine.ending = Ending(refused=(400, said))
    assert run(engine, tmp_path / "log") == Outcome(127, f"CannotStartContainerError: {said}")
    assert (tmp_path / "log").read_text() == f"cannot start the container: {said}\n"
    assert engine.containers == {}


def test_without_gpus_a_job_that_asks_for_one_is_not_tried_again(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(refused=(500, 'could not select device driver "" with capabilities: [[gpu]]'))
    outcome = run(engine, tmp_path / "log", replace(ATTEMPT, resources=Resources(gpus=1)))
    assert outcome == Outcome(None, "it asks for GPUs, and this container engine has none", hopeless=True)


@pytest.mark.slow
def test_a_job_that_this_machine_cannot_run_ends_the_rehearsal_with_its_reason(
    engine: DockerStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METAFLOW_BATCH_CONTAINER_IMAGE", "team/train:1")
    engine.ending = Ending(refused=(500, 'could not select device driver "" with capabilities: [[gpu]]'))
    with Engine(containers=ContainerEngine(engine.url)) as running:
        run = rehearsed(with_attempts(compiled(load("start_end").file), 3), running, tmp_path)
    name = f"{run.done.run}/start/t"
    assert str(run.done.failure) == (
        f"error[R180]: task {name} failed: it asks for GPUs, and this container engine has none\n"
        "  = help: nothing of it ran, so it has no output"
    )
    assert [line.partition("] ")[2] for line in run.lines if name in line] == [
        "Task failed (it asks for GPUs, and this container engine has none).\n"
    ]
    assert engine.containers == {}


def test_an_image_that_went_away_ends_the_job(engine: DockerStub, tmp_path: Path) -> None:
    engine.images.clear()
    outcome = run(engine, tmp_path / "log")
    assert outcome == Outcome(None, "CannotPullContainerError: No such image: team/train:1", hopeless=True)


# docker's client leaves a socket open that it could not connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_goes_away_ends_the_job(tmp_path: Path, closed_clients: None) -> None:
    stub = DockerStub()
    stub.ending = Ending(waits=True)
    host = ContainerHost(stub.url, "r1", grace_seconds=2)

    def leave(_: Place) -> None:
        stub.__exit__(None, None, None)

    outcome = host.run(ATTEMPT, tmp_path / "log", timeout=None, stop=threading.Event(), started=leave)
    assert (outcome.exit_code, outcome.hopeless) == (None, True)
    assert outcome.reason.startswith("the container engine failed: ")
    gc.collect()


def test_all_containers_of_a_rehearsal_are_removed_and_no_others(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(waits=True)
    outcomes: list[Outcome] = []
    running = threading.Event()
    hosts = [ContainerHost(engine.url, name, grace_seconds=2) for name in ("mine", "theirs")]

    def start(host: ContainerHost, stop: threading.Event) -> threading.Thread:
        def body() -> None:
            outcomes.append(
                host.run(ATTEMPT, tmp_path / "log", timeout=None, stop=stop, started=lambda _: running.set())
            )

        thread = threading.Thread(target=body)
        thread.start()
        assert running.wait(10)
        running.clear()
        return thread

    stops = [threading.Event(), threading.Event()]
    threads = [start(host, stop) for host, stop in zip(hosts, stops, strict=True)]
    hosts[0].kill_all()
    threads[0].join(10)
    assert [each.body["Labels"]["penstock.rehearsal"] for each in engine.containers.values()] == ["theirs"]
    stops[1].set()
    threads[1].join(10)
    assert engine.containers == {}
    assert outcomes[1] == Outcome(143, stopped=True)
