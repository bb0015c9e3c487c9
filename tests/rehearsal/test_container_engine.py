"""Finding the engine of this machine, its images, and one sentence for each way in which that fails."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Shell
from corpus_flows import load
from docker_stub import DockerStub

from penstock.backends.job_hosts import container_engine
from penstock.backends.job_hosts.container_engine import ContainerEngine
from penstock.compiler.diagnostics import Refused

PODMAN = "Podman: `systemctl --user start podman.socket`, DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock"

GONE = (
    "the image team/gone:3 of steps `fit`, `score` is not on this machine, and cannot be pulled: "
    "pull access denied for team/gone"
)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, closed_clients: None) -> Iterator[DockerStub]:
    with DockerStub() as stub:
        monkeypatch.setenv("DOCKER_HOST", stub.url)
        yield stub


def refusal(call: Callable[[], object]) -> tuple[str, str, str]:
    """Code, message and help of the one problem that ``call`` is refused for."""
    with pytest.raises(Refused) as refused:
        call()
    (problem,) = refused.value.diagnostics
    return problem.code, problem.message, problem.help


def test_the_engine_of_docker_host_is_found(engine: DockerStub) -> None:
    found = ContainerEngine.reach()
    assert (found.url, found.warnings) == (engine.url, ())


def test_the_engine_of_dockers_context_is_found(
    engine: DockerStub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    from docker.context.config import get_context_id

    folder = tmp_path / "contexts" / "meta" / get_context_id("mine")
    folder.mkdir(parents=True)
    (tmp_path / "config.json").write_text('{"currentContext": "mine"}')
    endpoint = {"docker": {"Host": engine.url, "SkipTLSVerify": False}}
    (folder / "meta.json").write_text(json.dumps({"Name": "mine", "Metadata": {}, "Endpoints": endpoint}))
    assert ContainerEngine.reach().url == engine.url


def test_without_the_package_there_is_one_sentence_with_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_engine.importlib.util, "find_spec", lambda name: None)
    message = "a rehearsal in containers needs the package `docker`, which is not installed"
    assert refusal(ContainerEngine.reach) == ("P540", message, "pip install 'penstock[rehearse]'")


def test_no_socket_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    monkeypatch.setenv("DOCKER_HOST", url)
    assert refusal(ContainerEngine.reach) == (
        "P542",
        f"no container engine answers at {url}: there is no such socket",
        f"start Docker, or say in DOCKER_HOST where it is; {PODMAN}",
    )


def test_a_socket_that_nobody_listens_on_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/dead.sock")
    code, message, _ = refusal(ContainerEngine.reach)
    assert (code, message) == (
        "P542",
        f"no container engine answers at unix://{tmp_path}/dead.sock: nothing answers there",
    )


def test_no_permission_is_told_with_the_group(monkeypatch: pytest.MonkeyPatch, engine: DockerStub) -> None:
    def denied(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", denied)  # root may do anything: a mode would not stop it
    assert refusal(ContainerEngine.reach) == (
        "P542",
        f"no container engine answers at {engine.url}: permission denied",
        f"become a member of the group `docker`, and log in again; {PODMAN}",
    )


def test_something_else_on_the_socket_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import threading

    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "other.sock"))
        other.listen()

        def close_at_once() -> None:
            with contextlib.suppress(OSError):
                while True:
                    other.accept()[0].close()

        thread = threading.Thread(target=close_at_once)
        thread.start()
        url = f"unix://{tmp_path}/other.sock"
        monkeypatch.setenv("DOCKER_HOST", url)
        code, message, _ = refusal(ContainerEngine.reach)
        other.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert code == "P542"
    assert message.startswith(f"no container engine answers at {url}: ")


@pytest.mark.parametrize("url", ["tcp://build.example:2375", "ssh://ann@build.example"])
def test_an_engine_of_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", url)
    message = f"the container engine at {url} is on another machine: its jobs cannot reach this rehearsal"
    assert refusal(ContainerEngine.reach) == ("P544", message, "use an engine of this machine")


def test_dockers_rootless_daemon_is_refused_and_podman_is_not(engine: DockerStub) -> None:
    engine.info["SecurityOptions"] = ["name=seccomp,profile=builtin", "name=rootless"]
    assert refusal(ContainerEngine.reach) == (
        "P544",
        f"Docker at {engine.url} runs rootless, in a network of its own: its jobs cannot reach this rehearsal",
        f"use Docker's ordinary daemon, or Podman. {PODMAN}",
    )
    engine.components = [{"Name": "Podman Engine"}]
    assert ContainerEngine.reach().url == engine.url


def test_an_engine_that_cannot_limit_memory_is_told(engine: DockerStub) -> None:
    engine.info["MemoryLimit"] = False
    (warning,) = ContainerEngine.reach().warnings
    assert warning == f"the engine at {engine.url} cannot limit memory: jobs may use more than they ask for"


def test_images_that_are_there_are_not_pulled(engine: DockerStub) -> None:
    lines: list[str] = []
    ContainerEngine.reach().demand_images({"team/train:1": ["fit"]}, lines.append)
    assert lines == []
    assert not [each for each in engine.requests if each.startswith("POST")]


@pytest.mark.parametrize("name", ["team/other:2", "registry.example:5000/team/other"])
def test_an_image_that_is_missing_is_pulled(engine: DockerStub, name: str) -> None:
    engine.registry = {"team/other:2": [{"status": "Done"}], f"{name}:latest": [{"status": "Done"}]}
    lines: list[str] = []
    ContainerEngine.reach().demand_images({name: ["fit"]}, lines.append)
    assert lines == [f"Pulling the image {name}, which is not on this machine.\n"]
    assert "POST /images/create" in engine.requests


def test_images_that_cannot_be_had_are_told_all_at_once_with_their_steps(engine: DockerStub) -> None:
    engine.registry = {"team/torn:1": [{"status": "Pulling"}, {"error": "unexpected EOF"}]}
    wanted = {"team/torn:1": ["start"], "team/gone:3": ["fit", "score"]}
    with pytest.raises(Refused) as refused:
        ContainerEngine.reach().demand_images(wanted, lambda _: None)
    assert [(problem.code, problem.message, problem.help) for problem in refused.value.diagnostics] == [
        (
            "P543",
            GONE,
            "docker pull team/gone:3, or build it; or rehearse without --containers",
        ),
        (
            "P543",
            "the image team/torn:1 of step `start` is not on this machine, and cannot be pulled: unexpected EOF",
            "docker pull team/torn:1, or build it; or rehearse without --containers",
        ),
    ]


@pytest.mark.slow
def test_the_command_never_falls_back_to_processes(tmp_path: Path) -> None:
    flow = load("start_end")
    shell = Shell(tmp_path)
    url = f"unix://{tmp_path}/none.sock"
    done = shell.run(str(flow.file), "step-functions", "rehearse", "--containers", DOCKER_HOST=url)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"error[P542]: no container engine answers at {url}: there is no such socket\n"
        f"  = help: start Docker, or say in DOCKER_HOST where it is; {PODMAN}\n"
    )
    assert not os.path.exists(tmp_path / ".metaflow")
