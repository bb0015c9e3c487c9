"""`kfp rehearse --containers` on an engine that runs nothing: what pods are given, and what becomes of their ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Shell
from docker_stub import DockerStub, Ending
from ir_documents import UUID, component, constant, output, parsed, pipeline, task

from penstock.backends.job_hosts.jobs import OUT_OF_MEMORY
from penstock.backends.kubeflow.rehearsal.interpreter import Interpreter, Phase, RunEnded
from penstock.backends.kubeflow.rehearsal.pods import Pods
from penstock.backends.rehearsal.pods import PodEnded, PodEvent, PodStarted, Surroundings
from penstock.backends.rehearsal.running import job_host


@pytest.fixture
def engine() -> Iterator[DockerStub]:
    with DockerStub() as stub:
        yield stub


def run(engine: DockerStub, folder: Path, document: dict[str, Any], events: list[PodEvent] | None = None) -> RunEnded:
    listener = (events if events is not None else []).append
    around = Surroundings(folder, "/never/used", {"OF": "all"}, 1, 1.0, listener, engine.url, "r1")
    pods = Pods(job_host(around), around)
    return Interpreter(parsed(document), pods, UUID).run({})


def opener_and_reader(retries: int = 0) -> dict[str, Any]:
    """A task that puts out a number, and one that is given it."""
    container = {
        "image": "team/train:1",
        "command": ["python", "-c", "…"],
        "args": ["{{$}}"],
        "env": [{"name": "X", "value": "$(touch x)"}],
        "resources": {"resourceCpuLimit": "2", "resourceMemoryLimit": "512Mi"},
    }
    components = {
        "gives": component({"n": "NUMBER_INTEGER"}, {"n": "NUMBER_INTEGER"}),
        "takes": component({"n": "NUMBER_INTEGER"}),
    }
    tasks = {
        "a": task(
            "gives", inputs={"n": constant(1)}, **({"retryPolicy": {"maxRetryCount": retries}} if retries else {})
        ),
        "b": task("takes", inputs={"n": output("a", "n")}),
    }
    return pipeline(tasks, components, executors={"exec": {"container": container}})


def test_a_pod_gets_its_image_its_limits_and_a_folder_of_its_own(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(files={"/n": b"7"})
    events: list[PodEvent] = []
    assert run(engine, tmp_path, opener_and_reader(), events).phase is Phase.SUCCEEDED
    first, second = (each.body for each in engine.created)
    assert (first["Image"], first["Env"]) == ("team/train:1", ["OF=all", "X=$(touch x)"])
    limits = {"Memory": 512 * 2**20, "MemorySwap": 512 * 2**20, "CpuShares": 2048, "NetworkMode": "host"}
    assert {name: first["HostConfig"][name] for name in limits} == limits
    told = json.loads(first["Cmd"][-1])
    assert told == {
        "inputs": {"parameterValues": {"n": 1}},
        "outputs": {
            "outputFile": "/tmp/penstock-left/executor_output.json",
            "parameters": {"n": {"outputFile": "/tmp/penstock-left/n"}},
        },
    }
    assert json.loads(second["Cmd"][-1])["inputs"] == {"parameterValues": {"n": 7}}
    assert [str(each.place) for each in events if isinstance(each, PodStarted)] == [
        f"container {container.id[:12]}" for container in engine.created
    ]
    assert engine.containers == {}


def test_an_output_that_a_container_does_not_leave_fails_its_task(engine: DockerStub, tmp_path: Path) -> None:
    assert run(engine, tmp_path, opener_and_reader()).failures == (("a", "it wrote no file for its output `n`"),)


def test_what_this_machine_cannot_run_is_not_tried_again(engine: DockerStub, tmp_path: Path) -> None:
    engine.images.clear()
    events: list[PodEvent] = []
    ended = run(engine, tmp_path, opener_and_reader(retries=2), events)
    assert ended.failures == (("a", "CannotPullContainerError: No such image: team/train:1"),)
    assert [each.retried for each in events if isinstance(each, PodEnded)] == [False]


def test_memory_that_ran_out_is_told(engine: DockerStub, tmp_path: Path) -> None:
    engine.ending = Ending(code=137, oom=True)
    assert run(engine, tmp_path, opener_and_reader()).failures == (("a", f"exit code 137, {OUT_OF_MEMORY}"),)


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
@pytest.mark.parametrize("chosen", ["own", "kfp-local"])
def test_the_command_runs_pods_on_the_engine(chosen: str, engine: DockerStub, tmp_path: Path) -> None:
    engine.images.add("team/plain:2")
    engine.ending = Ending(code=137, oom=chosen == "own", output=((2, b"Killed\n"),))
    (tmp_path / "flow.py").write_text(FLOW)
    with Shell(tmp_path) as shell:
        configured = {"DOCKER_HOST": engine.url, "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "team/plain:2"}
        done = shell.run("flow.py", "kfp", "rehearse", "--containers", f"--engine={chosen}", **configured)
    assert done.code == 1
    assert re.search(r"\[kfp-[0-9a-f-]+/start/t \(container 000000000000\)\] Task is starting\.", done.out)
    assert re.search(r"error\[R180\]: task kfp-[0-9a-f-]+/start/t failed: exit code 137.*\n    \| Killed\n", done.err)
    assert ("give the step more memory, with @resources(memory=...)" in done.err) is (chosen == "own")
    (created,) = engine.created
    assert created.body["Image"] == "team/train:1"
    assert {"AWS_EC2_METADATA_DISABLED=true", "PENSTOCK_TARGET=kfp"} <= set(created.body["Env"])
    assert engine.containers == {}


@pytest.mark.slow
def test_an_image_that_cannot_be_had_is_told_before_anything_runs(engine: DockerStub, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    with Shell(tmp_path) as shell:
        done = shell.run("flow.py", "kfp", "rehearse", "--containers", "--image=team/none:2", DOCKER_HOST=engine.url)
    assert (done.code, done.out) == (1, "Pulling the image team/none:2, which is not on this machine.\n")
    assert done.err.startswith("error[P543]: the image team/none:2 of step `end` is not on this machine")
    assert engine.created == []
