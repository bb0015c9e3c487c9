"""`argo-workflows rehearse --containers`: what pods are given, on an engine that runs nothing; and on a real one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Shell
from corpus_flows import CORPUS
from docker_stub import DockerStub, Ending
from workflow_manifests import NAME, Document, dag, leaf, manifest, output, stream, task

from penstock.backends.argo.rehearsal.dependencies import Phase
from penstock.backends.argo.rehearsal.interpreter import Interpreter, RunEnded
from penstock.backends.argo.rehearsal.pods import Pods
from penstock.backends.argo.rehearsal.reading import read_manifests
from penstock.backends.conformance import FlowCase, run_locally
from penstock.backends.job_hosts.jobs import OUT_OF_MEMORY
from penstock.backends.rehearsal.pods import PodEnded, PodEvent, Surroundings
from penstock.backends.rehearsal.running import job_host
from penstock.backends.run_comparison import StoredRun, differences


@pytest.fixture
def engine() -> Iterator[DockerStub]:
    with DockerStub() as stub:
        yield stub


def run(engine: DockerStub, folder: Path, document: Document, events: list[PodEvent] | None = None) -> RunEnded:
    listener = (events if events is not None else []).append
    around = Surroundings(folder, "/never/used", {"OF": "all"}, 1, 1.0, listener, engine.url, "r1")
    host = job_host(around)
    pods = lambda word: Pods(host, around, lambda environment, place: place, word)  # noqa: E731
    return Interpreter(read_manifests(stream(document)), "by-hand", pods, NAME).run({})


def opener_and_reader(**more: object) -> Document:
    """A task that puts out a number, and one that is given it."""
    container = {
        "image": "team/train:1",
        "command": ["python", "-c", "…"],
        "args": ["{{outputs.parameters.n.path}}"],
        "env": [{"name": "X", "value": "$(touch x)"}, {"name": "OUT", "value": "/tmp/out"}],
        "resources": {"limits": {"cpu": "2", "memory": "512Mi"}},
    }
    gives = leaf("gives", outputs=["n"], container=container, **more)
    takes = leaf("takes", inputs={"n": None}, container={"image": "team/train:1", "args": ["{{inputs.parameters.n}}"]})
    tasks = [task("a", template="gives"), task("b", "a", template="takes", arguments={"n": output("a", "n")})]
    return manifest(dag("main", *tasks), gives, takes)


def test_a_pod_has_its_image_its_limits_and_files_where_the_manifest_says(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(files={"/n": b"7\n"})
    assert run(engine, tmp_path, opener_and_reader()).phase is Phase.SUCCEEDED
    first, second = (each.body for each in engine.created)
    assert (first["Image"], first["Env"]) == ("team/train:1", ["OF=all", "X=$(touch x)", "OUT=/tmp/out"])
    assert first["Cmd"] == ["python", "-c", "…", "/tmp/out/n"]
    limits = {"Memory": 512 * 2**20, "MemorySwap": 512 * 2**20, "CpuShares": 2048, "NetworkMode": "host"}
    assert {name: first["HostConfig"][name] for name in limits} == limits
    assert second["Cmd"] == ["true", "7"]
    assert engine.containers == {}


def test_what_this_machine_cannot_run_is_not_tried_again(engine: DockerStub, tmp_path: Path) -> None:
    engine.images.clear()
    events: list[PodEvent] = []
    ended = run(engine, tmp_path, opener_and_reader(retryStrategy={"limit": "2", "retryPolicy": "Always"}), events)
    assert ended.phase is Phase.ERROR
    assert ended.failures == ((f"{NAME}.a", "CannotPullContainerError: No such image: team/train:1"),)
    assert [each.retried for each in events if isinstance(each, PodEnded)] == [False]


def test_memory_that_ran_out_is_told(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(code=137, oom=True)
    assert run(engine, tmp_path, opener_and_reader()).failures == ((f"{NAME}.a", f"exit code 137, {OUT_OF_MEMORY}"),)


FLOW = """
from penstock import FlowSpec, kubernetes, step

class OneFlow(FlowSpec):
    @kubernetes(image="team/train:1")
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    OneFlow()
"""


@pytest.mark.slow
def test_the_command_runs_pods_on_the_engine(engine: DockerStub, tmp_path: Path) -> None:
    engine.images.add("team/plain:2")
    engine.ending = Ending(code=137, oom=True, output=((2, b"Killed\n"),))
    (tmp_path / "flow.py").write_text(FLOW)
    with Shell(tmp_path) as shell:
        configured = {"DOCKER_HOST": engine.url, "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "team/plain:2"}
        done = shell.run("flow.py", "argo-workflows", "rehearse", "--containers", **configured)
    assert done.code == 1
    name = r"argo-oneflow-[a-z0-9]{8}/start/t"
    assert re.search(rf"\[{name} \(container 000000000000\)\] Task is starting\.", done.out)
    assert re.search(rf"error\[R180\]: task {name} failed: exit code 137.*\n    \| Killed\n", done.err)
    assert "give the step more memory, with @resources(memory=...)" in done.err
    (created,) = engine.created
    assert created.body["Image"] == "team/train:1"
    assert {"AWS_EC2_METADATA_DISABLED=true", "PENSTOCK_TARGET=argo-workflows"} <= set(created.body["Env"])
    assert engine.containers == {}


@pytest.mark.containers
@pytest.mark.parametrize("name", ["loop_in_foreach", "hostile_parameters", "switch_shared_tail"])
def test_a_run_in_containers_is_the_local_one(name: str, tmp_path: Path) -> None:
    image = os.environ.get("PENSTOCK_TEST_IMAGE")
    if not image:
        pytest.fail("these tests need a container engine and an image: `make test-containers`")
    flow = next(each for each in CORPUS if each.name == name)
    case = FlowCase(flow.name, flow.file, flow.flow, flow.parameters, flow.fails_at)
    (tmp_path / flow.file.name).write_bytes(flow.file.read_bytes())
    configured = {"METAFLOW_KUBERNETES_CONTAINER_IMAGE": image, "METAFLOW_USER": "conformance"}
    with Shell(tmp_path) as shell:
        options = [*case.arguments, "--containers"]
        done = shell.run(flow.file.name, "argo-workflows", "rehearse", *options, timeout=600, **configured)
        assert done.code == 0, done.out + done.err
        rehearsed = StoredRun(shell.store.root, flow.flow, shell.latest(flow.flow))
    assert differences(run_locally(case, tmp_path / "local"), rehearsed) == []
