"""Pods of workflows as processes: their command lines and variables, outputs, tries and ends."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from workflow_manifests import NAME, Document, dag, leaf, manifest, output, stream, task

from penstock.backends.argo.rehearsal.checks import check
from penstock.backends.argo.rehearsal.dependencies import Phase
from penstock.backends.argo.rehearsal.interpreter import Interpreter, RunEnded
from penstock.backends.argo.rehearsal.pods import Pods, kubernetes_text
from penstock.backends.argo.rehearsal.reading import read_manifests
from penstock.backends.job_hosts.processes import interpreter_folder
from penstock.backends.rehearsal.pods import PodEnded, PodEvent, Surroundings
from penstock.backends.rehearsal.running import job_host


class Machine:
    """Runs workflows whose containers are Python scripts; ``events`` are what their pods went through."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = f"{interpreter_folder(directory, sys.executable)}:/usr/bin:/bin"
        self.events: list[PodEvent] = []

    def run(self, *documents: Document, **given: str) -> RunEnded:
        surroundings = Surroundings(self._directory, self._path, {"OF": "all"}, 2, 1.0, self.events.append)
        templates = read_manifests(stream(*documents))
        check(templates, "by-hand")
        host = job_host(surroundings)
        pods = lambda word: Pods(host, surroundings, lambda environment, place: place, word)  # noqa: E731
        return Interpreter(templates, "by-hand", pods, NAME).run(given)

    def logs(self) -> list[str]:
        return [event.log.read_text() for event in self.events if isinstance(event, PodEnded)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def scripted(script: str, *arguments: str, env: Any = (), outputs: Any = (), **more: Any) -> Document:
    """A workflow that is one pod, which runs a script."""
    variables = [{"name": name, "value": value} for name, value in dict(env).items()]
    container = {"command": ["python", "-c", script], "args": list(arguments), "env": variables}
    return manifest(leaf("main", container=container, outputs=outputs, **more), **more.pop("spec", {}))


TELL = "import json, os, sys; print(json.dumps([sys.argv[1:], {n: v for n, v in os.environ.items() if n < 'L'}]))"


def test_arguments_and_variables_are_no_shell_s_but_kubernetes_own(machine: Machine) -> None:
    hostile = "$(touch x) `y` 'é' \"q\" \\ \n ${HOME} $HOME"
    env = {"A": hostile, "B": "<$(A)> $(NOT) $$(A) $$", "C": "$(D)", "D": "d"}
    assert machine.run(scripted(TELL, "$(B)", hostile, "$$", env=env)).phase is Phase.SUCCEEDED
    arguments, variables = json.loads(machine.logs()[0])
    second = f"<{hostile}> $(NOT) $(A) $"
    assert arguments == [second, hostile, "$"]
    assert {name: variables[name] for name in "ABCD"} == {"A": hostile, "B": second, "C": "$(D)", "D": "d"}


@pytest.mark.parametrize(
    ("text", "result"),
    [("$(A)$(B)", "1$(B)"), ("$$(A)", "$(A)"), ("$$$(A)", "$1"), ("$(A", "$(A"), ("$x $", "$x $"), ("$()", "$()")],
)
def test_references_to_variables_are_replaced_as_the_kubelet_does(text: str, result: str) -> None:
    assert kubernetes_text(text, {"A": "1"}) == result


def test_a_variable_that_the_cluster_has_is_missing_here(machine: Machine) -> None:
    document = scripted("import os; print('S' in os.environ, os.environ['OF'])")
    secret = {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    document["spec"]["templates"][0]["container"]["env"] = [secret]
    assert machine.run(document).phase is Phase.SUCCEEDED
    assert machine.logs() == ["False all\n"]


WRITES = "import sys; [open(path, 'w').write(text) for path, text in zip(sys.argv[1::2], sys.argv[2::2])]"


def passing(text: str, folder: str = "/tmp/out") -> Document:
    """A workflow in which a pod writes a file, and another one shows what it was given of it."""
    writes = leaf("writes", outputs={"o": "none"}, container={"command": ["python", "-c", WRITES, f"{folder}/o", text]})
    shows = leaf(
        "shows",
        inputs={"x": None},
        container={"command": ["python", "-c", "import sys; print(repr(sys.argv[1]))", "{{inputs.parameters.x}}"]},
    )
    tasks = [
        task("a", template="writes"),
        task("b", "a.Succeeded", template="shows", arguments={"x": output("a", "o")}),
    ]
    return manifest(dag("main", *tasks), writes, shows)


@pytest.mark.parametrize(("text", "seen"), [("x", "x"), ("two\n\n", "two\n"), ("", ""), ("é 🌊 \"'\\", "é 🌊 \"'\\")])
def test_a_file_is_an_output_without_the_end_of_its_last_line(text: str, seen: str, machine: Machine) -> None:
    assert machine.run(passing(text)).phase is Phase.SUCCEEDED
    assert machine.logs()[1] == f"{seen!r}\n"


def test_pods_that_write_the_same_path_have_files_of_their_own(machine: Machine) -> None:
    script = "import os, sys, time; path = os.environ['FOLDER'] + '/o'; open(path, 'w').write(sys.argv[1])"
    script += "; time.sleep(0.3); print(open(path).read())"
    container = {
        "command": ["python", "-c", script, "{{inputs.parameters.x}}"],
        "env": [{"name": "FOLDER", "value": "/tmp/out"}],
    }
    template = leaf("leaf", inputs={"x": None}, outputs=["o"], container=container)
    document = manifest(dag("main", task("each", withItems=["1", "2"], arguments={"x": "{{item}}"})), template)
    assert machine.run(document).phase is Phase.SUCCEEDED
    assert sorted(machine.logs()) == ["1\n", "2\n"]


def test_an_output_without_file_is_its_default_or_an_error(machine: Machine) -> None:
    assert machine.run(passing("x", folder=".")).phase is Phase.SUCCEEDED
    assert machine.logs()[1] == "'none'\n"
    ended = machine.run(scripted("pass", outputs=["o"]))
    assert (ended.phase, ended.failures) == (
        Phase.ERROR,
        ((NAME, "it wrote no file /tmp/out/o for its output `o`"),),
    )


@pytest.mark.parametrize(
    ("script", "message"),
    [("raise SystemExit(7)", "exit code 7"), ("import os; os.kill(os.getpid(), 9)", "exit code 137")],
)
def test_a_pod_that_fails_says_how(script: str, message: str, machine: Machine) -> None:
    ended = machine.run(scripted(script))
    assert (ended.phase, ended.failures) == (Phase.FAILED, ((NAME, message),))


def test_a_container_needs_a_command_that_exists(machine: Machine) -> None:
    document = scripted("")
    document["spec"]["templates"][0]["container"]["command"] = ["no-such-command"]
    assert "CannotStartContainerError" in machine.run(document).failures[0][1]
    del document["spec"]["templates"][0]["container"]["command"]
    assert machine.run(document).failures == ((NAME, "the container has no command"),)


FAILS_AT_FIRST = "import sys; print(sys.argv[1:]); sys.exit(0 if sys.argv[1] == '2' else 3)"


def retried(script: str, *arguments: str, **strategy: Any) -> Document:
    return scripted(script, *arguments, retryStrategy={"limit": "3", "retryPolicy": "Always", **strategy})


def test_a_retry_strategy_starts_pods_again_and_numbers_them(machine: Machine) -> None:
    assert machine.run(retried(FAILS_AT_FIRST, "{{retries}}", "{{lastRetry.exitCode}}")).phase is Phase.SUCCEEDED
    assert machine.logs() == ["['0', '0']\n", "['1', '3']\n", "['2', '3']\n"]
    ends = [event for event in machine.events if isinstance(event, PodEnded)]
    assert [(end.attempt, end.retried) for end in ends] == [(0, True), (1, True), (2, False)]


@pytest.mark.parametrize(
    ("strategy", "tries"),
    [
        ({"limit": "1"}, 2),
        ({"limit": 0}, 1),
        ({"limit": "2", "retryPolicy": "OnFailure"}, 3),
        ({"limit": "2", "retryPolicy": "OnError"}, 1),
        ({"limit": "2", "retryPolicy": "OnTransientError"}, 1),
        ({"expression": "lastRetry.exitCode != '5'"}, 1),
        ({"expression": "asInt(lastRetry.exitCode) == 5 && asInt(retries) < 1"}, 2),
        ({"expression": "lastRetry.status == 'Failed' && lastRetry.message == 'exit code 5'", "limit": 1}, 2),
        ({"backoff": {"duration": "50ms", "factor": "2", "maxDuration": "1ms"}}, 1),
    ],
)
def test_a_retry_strategy_says_how_often_and_after_what(strategy: dict[str, Any], tries: int, machine: Machine) -> None:
    ended = machine.run(retried("raise SystemExit(5)", **strategy))
    assert (ended.phase, len(machine.logs())) == (Phase.FAILED, tries)
    assert ended.failures == ((NAME, "exit code 5"),)


def test_an_expression_of_a_strategy_without_value_ends_the_pod(machine: Machine) -> None:
    ended = machine.run(retried("raise SystemExit(5)", expression="other == 1"))
    assert (ended.phase, ended.failures) == (Phase.ERROR, ((NAME, "retryStrategy.expression: there is no `other`"),))


def test_waits_between_tries_grow_by_their_factor(machine: Machine) -> None:
    backoff = {"duration": "100ms", "factor": "3"}
    begin = time.monotonic()
    machine.run(retried("raise SystemExit(5)", limit="2", backoff=backoff))
    assert time.monotonic() - begin >= 0.4


def test_a_pod_that_is_active_too_long_is_ended_each_time(machine: Machine) -> None:
    document = scripted("import time; time.sleep(60)", retryStrategy={"limit": "1"}, activeDeadlineSeconds="1")
    ended = machine.run(document)
    assert ended.failures == ((NAME, "the pod was active on its node longer than 1 seconds"),)
    assert len(machine.logs()) == 2


def test_a_workflow_that_is_active_too_long_is_ended_and_its_handler_hears_of_it(machine: Machine) -> None:
    sleeps = leaf("sleeps", container={"command": ["python", "-c", "import time; time.sleep(60)"]})
    tells = leaf("tells", container={"command": ["python", "-c", "print('{{workflow.status}}')"]})
    tasks = [task("a", template="sleeps"), task("b", "a", template="sleeps")]
    document = manifest(dag("main", *tasks), sleeps, tells, activeDeadlineSeconds=1, onExit="tells")
    ended = machine.run(document)
    assert ended.phase is Phase.FAILED
    assert ended.failures == ((NAME, "the workflow was active longer than 1 seconds"),)
    assert machine.logs() == ["", "Failed\n"]


def test_what_runs_is_ended_when_the_rehearsal_is_left(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = leaf("sleeps", container={"command": ["python", "-c", "import time; time.sleep(60)"]})
    document = manifest(dag("main", task("a", template="sleeps"), task("b")), sleeps, leaf("leaf"))
    started = threading.Event()

    def interrupted(self: Interpreter, *_: object) -> None:
        started.wait(10)
        raise KeyboardInterrupt

    class Telling(list[PodEvent]):
        def append(self, event: PodEvent) -> None:
            super().append(event)
            if "a" in getattr(event, "name", ""):
                started.set()

    monkeypatch.setattr(Interpreter, "_item_over", interrupted)
    monkeypatch.setattr(machine, "events", Telling())
    with pytest.raises(KeyboardInterrupt):
        machine.run(document)
    ends = [event for event in machine.events if isinstance(event, PodEnded) and event.name.endswith(".a")]
    assert [end.failure for end in ends] == ["it was ended with the run"]
