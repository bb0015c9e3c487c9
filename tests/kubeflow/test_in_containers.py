"""Pipelines in containers, on a real engine and with an image that holds Python and nothing else."""

from __future__ import annotations

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

from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.run_comparison import StoredRun, differences

pytestmark = pytest.mark.containers
FLOWS = ("hostile_parameters", "everything_nested", "failing_split", "switch_shared_tail", "empty_inner_foreach")
BIG = """
from penstock import FlowSpec, resources, step

class BigFlow(FlowSpec):
    @resources(memory=128)
    @step
    def start(self):
        self.big = bytes(range(256)) * 4_000_000
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    BigFlow()
"""
LONG = BIG.replace("self.big = bytes(range(256)) * 4_000_000", "import time; time.sleep(600)")


@pytest.fixture(scope="module")
def image() -> str:
    """The image that `make test-containers` has made."""
    name = os.environ.get("PENSTOCK_TEST_IMAGE")
    if not name:
        pytest.fail("these tests need a container engine and an image: `make test-containers`")
    return name


@pytest.fixture(scope="module")
def api() -> Iterator[Any]:
    client = docker.from_env().api
    yield client
    client.close()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "work").mkdir()
    with Shell(tmp_path / "work") as shell:
        yield shell


def configured(image: str) -> dict[str, str]:
    return {"METAFLOW_KUBERNETES_CONTAINER_IMAGE": image, "METAFLOW_USER": "conformance"}


def left(api: Any) -> list[str]:
    """The containers that a rehearsal has left, whoever's."""
    return [str(each["Id"]) for each in api.containers(all=True, filters={"label": "penstock.rehearsal"})]


@pytest.mark.parametrize(("name", "engine"), [*((name, "own") for name in FLOWS), ("everything_nested", "kfp-local")])
def test_a_run_in_containers_is_the_local_one(
    name: str, engine: str, image: str, shell: Shell, api: Any, tmp_path: Path
) -> None:
    flow = next(each for each in CORPUS if each.name == name)
    case = FlowCase(flow.name, flow.file, flow.flow, flow.parameters, flow.fails_at)
    (shell.folder / flow.file.name).write_bytes(flow.file.read_bytes())
    options = [*case.arguments, "--containers", f"--engine={engine}"]
    done = shell.run(flow.file.name, "kfp", "rehearse", *options, timeout=600, **configured(image))
    assert done.code == (1 if flow.fails_at else 0), done.out + done.err
    local = run_locally(case, tmp_path / "local")
    rehearsed = StoredRun(shell.store.root, flow.flow, shell.latest(flow.flow))
    assert differences(local, rehearsed, flow.fails_at) == []
    assert left(api) == []


def test_a_step_over_its_memory_is_told_with_what_to_do(image: str, shell: Shell) -> None:
    (shell.folder / "big.py").write_text(BIG)
    done = shell.run("big.py", "kfp", "rehearse", "--containers", **configured(image))
    assert done.code == 1
    assert re.search(r"error\[R180\]: task kfp-\S+/start/t failed: exit code 137, OutOfMemoryError", done.err)
    assert "give the step more memory, with @resources(memory=...)" in done.err


def test_a_flow_from_a_url_needs_an_image_with_penstock(image: str, shell: Shell) -> None:
    (shell.folder / "big.py").write_text(BIG)
    options = ["--containers", "--code-url=s3://team-code/big.py"]
    done = shell.run("big.py", "kfp", "rehearse", *options, **configured(image))
    assert done.code == 1
    assert re.search(r"failed: exit code 202\n", done.err)
    told = (
        rf"    \| error\[R199\]: the image {image} with its Python 3\.\d+ has no Penstock that fetches flows: No module"
    )
    assert re.search(told, done.err), done.err


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_however_the_rehearsal_ends(end: signal.Signals, image: str, shell: Shell, api: Any) -> None:
    (shell.folder / "long.py").write_text(LONG)
    job = shell.start("long.py", "kfp", "rehearse", "--containers", **configured(image))
    assert job.stdout is not None
    while not re.search(r"/start/t \(container \w+\)", job.stdout.readline()):
        assert job.poll() is None
    job.send_signal(end)
    _, errors = job.communicate(timeout=60)
    assert "Traceback" not in errors
    over = time.monotonic() + 20
    while left(api) and time.monotonic() < over:
        time.sleep(0.05)
    assert left(api) == []
