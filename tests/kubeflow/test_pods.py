"""Containers of pipelines as processes: their command lines, outputs, retries and ends."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ir_documents import UUID, component, constant, outer, parsed, pipeline, task

from penstock.backends.job_hosts.processes import interpreter_folder
from penstock.backends.kubeflow.rehearsal.interpreter import Interpreter, Phase, RunEnded
from penstock.backends.kubeflow.rehearsal.placeholders import command_line, executor_input
from penstock.backends.kubeflow.rehearsal.pods import Pods
from penstock.backends.rehearsal.fields import BadDocument
from penstock.backends.rehearsal.pods import PodEnded, PodEvent, Surroundings
from penstock.backends.rehearsal.running import job_host

Run = Callable[..., RunEnded]


class Machine:
    """Runs pipelines whose containers are Python scripts; ``events`` are what their pods went through."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = f"{interpreter_folder(directory, sys.executable)}:/usr/bin:/bin"
        self._count = 0
        self.events: list[PodEvent] = []

    def run(self, document: dict[str, Any], platform: dict[str, Any] | None = None, **given: Any) -> RunEnded:
        self._count += 1
        folder = self._directory / str(self._count)
        folder.mkdir()
        surroundings = Surroundings(folder, self._path, {"OF": "all"}, 2, 1.0, self.events.append)
        pods = Pods(job_host(surroundings), surroundings)
        return Interpreter(parsed(document, platform), pods, UUID).run(given)

    def logs(self) -> list[str]:
        return [event.log.read_text() for event in self.events if isinstance(event, PodEnded)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def scripted(
    script: str, tasks: dict[str, Any] | None = None, *, env: dict[str, str] | None = None, **leaf: Any
) -> dict[str, Any]:
    """A pipeline whose executor runs a script, which gets the executor input as its argument."""
    container = {
        "image": "python:3",
        "command": ["python", "-c", script],
        "args": ["{{$}}"],
        "env": [{"name": name, "value": value} for name, value in (env or {}).items()],
    }
    components = {"leaf": component(**leaf), "plain": component(executor="true")}
    executors = {"exec": {"container": container}, "true": {"container": {"image": "x", "command": ["true"]}}}
    return pipeline(tasks or {"a": task("leaf")}, components, executors=executors)


WRITES = """
import json, sys
told = json.loads(sys.argv[1])
for name, output in told["outputs"]["parameters"].items():
    open(output["outputFile"], "w").write(GIVEN[name])
"""


def test_a_container_gets_its_inputs_as_one_argument_that_no_shell_reads(machine: Machine) -> None:
    script = """
import json, os, sys
print(json.dumps([json.loads(sys.argv[1])["inputs"], os.environ["X"], os.environ["OF"]]))
"""
    value = "$(touch x) `y` 'é' \"q\" \\ \n"
    tasks = {"a": task("leaf", inputs={"x": constant(value), "n": constant(3)})}
    inputs = {"x": "STRING", "n": "NUMBER_INTEGER"}
    document = scripted(script, tasks, env={"X": "$HOME"}, inputs=inputs)
    assert machine.run(document).phase is Phase.SUCCEEDED
    assert json.loads(machine.logs()[0]) == [{"parameterValues": {"x": value, "n": 3}}, "$HOME", "all"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("STRING", " as it is\n", " as it is\n"),
        ("LIST", '["/0", "/1"]', ["/0", "/1"]),
        ("STRUCT", '{"a": 1}', {"a": 1}),
        ("NUMBER_INTEGER", "12", 12),
        ("NUMBER_DOUBLE", "1.5", 1.5),
        ("BOOLEAN", "true", True),
    ],
)
def test_outputs_are_read_by_their_type(kind: str, text: str, value: Any, machine: Machine) -> None:
    document = scripted(f"GIVEN = {{'o': {text!r}}}{WRITES}", outputs={"o": kind})
    source = {"taskOutputParameter": {"producerTask": "a", "outputParameterKey": "o"}}
    document["root"]["dag"]["tasks"]["b"] = task("shows", inputs={"o": source})
    document["components"]["shows"] = component({"o": kind}, executor="shows")
    show = {"image": "x", "command": ["python", "-c", "import sys; print(sys.argv[1])", "{{$}}"]}
    document["deploymentSpec"]["executors"]["shows"] = {"container": show}
    assert machine.run(document).phase is Phase.SUCCEEDED
    assert json.loads(machine.logs()[1])["inputs"]["parameterValues"] == {"o": value}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("pass", "it wrote no file for its output `o`"),
        ("GIVEN = {'o': 'x'}" + WRITES, "its output `o`: x is no LIST"),
        ("GIVEN = {'o': '{}'}" + WRITES, "its output `o`: {} is no LIST"),
        ("raise SystemExit(7)", "exit code 7"),
    ],
)
def test_a_container_that_fails_or_leaves_no_output_says_so(script: str, message: str, machine: Machine) -> None:
    ended = machine.run(scripted(script, outputs={"o": "LIST"}))
    assert (ended.phase, ended.failures) == (Phase.FAILED, (("a", message),))


def test_a_command_that_does_not_exist_fails_its_task(machine: Machine) -> None:
    document = scripted("")
    document["deploymentSpec"]["executors"]["exec"]["container"]["command"] = ["no-such-command"]
    ended = machine.run(document)
    assert ended.phase is Phase.FAILED
    assert "CannotStartContainerError" in ended.failures[0][1]


def test_a_retry_policy_starts_pods_again_and_numbers_them(machine: Machine, tmp_path: Path) -> None:
    script = "import os, sys; n = os.environ['KFP_RETRY_INDEX']; print(n); sys.exit(n != '2')"
    document = scripted(script, {"a": task("leaf", retryPolicy={"maxRetryCount": 3})})
    assert machine.run(document).phase is Phase.SUCCEEDED
    assert machine.logs() == ["0\n", "1\n", "2\n"]
    ends = [event for event in machine.events if isinstance(event, PodEnded)]
    assert [end.retried for end in ends] == [True, True, False]


def test_without_a_retry_policy_a_pod_has_no_number(machine: Machine) -> None:
    assert machine.run(scripted("import os; print('KFP_RETRY_INDEX' in os.environ)")).phase is Phase.SUCCEEDED
    assert machine.logs() == ["False\n"]


def test_a_pod_that_is_active_too_long_is_ended(machine: Machine) -> None:
    platform = {
        "platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec": {"activeDeadlineSeconds": "1"}}}}}
    }
    ended = machine.run(scripted("import time; time.sleep(60)"), platform)
    assert ended.failures == (("a", "the pod was active longer than 1 seconds"),)


def test_what_runs_is_ended_when_the_rehearsal_is_left(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    document = scripted("import time; time.sleep(60)", {"a": task("leaf"), "b": task("plain")})
    started = threading.Event()

    def interrupted(self: Interpreter, *_: object) -> None:
        started.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(Interpreter, "_container_ended", interrupted)
    monkeypatch.setattr(machine, "events", _Telling(started))
    with pytest.raises(KeyboardInterrupt):
        machine.run(document)


class _Telling(list[PodEvent]):
    """Events, one of which is waited for."""

    def __init__(self, heard: threading.Event) -> None:
        super().__init__()
        self._heard = heard

    def append(self, event: PodEvent) -> None:
        super().append(event)
        self._heard.set()


def told(**inputs: Any) -> dict[str, Any]:
    return executor_input(inputs, {"o": "/out/o"}, "/out/file")


def test_placeholders_of_a_command_are_replaced() -> None:
    command = ["{{$.inputs.parameters['x']}}-{{$.inputs.parameters['n']}}", "{{$.outputs.parameters['o'].output_file}}"]
    assert command_line(command, told(x="a", n=[1, 2])) == ["a-[1,2]", "/out/o"]
    (whole,) = command_line(["{{$}}"], told(x="a"))
    assert json.loads(whole) == {
        "inputs": {"parameterValues": {"x": "a"}},
        "outputs": {"outputFile": "/out/file", "parameters": {"o": {"outputFile": "/out/o"}}},
    }


@pytest.mark.parametrize("argument", ["{{$.pipeline_job_uuid}}", "{{$.inputs.parameters['y']}}", "{{$.other}}"])
def test_a_placeholder_that_the_launcher_does_not_know_is_refused(argument: str) -> None:
    with pytest.raises(BadDocument, match="knows no placeholder"):
        command_line([argument], told(x="a"))


def test_a_value_that_holds_a_placeholder_is_refused(machine: Machine) -> None:
    document = scripted("", {"a": task("leaf", inputs={"x": outer("x")})}, inputs={"x": "STRING"})
    document["root"]["inputDefinitions"] = {"parameters": {"x": {"parameterType": "STRING"}}}
    ended = machine.run(document, x="a {{$.inputs.parameters['x']}}")
    assert ended.failures == (("a", "the value of `x` holds `{{$`, which the launcher may replace"),)
