"""A second opinion: the SDK's own ``kfp.local`` runs the pipeline, its containers as processes of this machine.

What kfp.local 2.17 gets wrong is worked around here, in a copy of the document, and each of these names it:
:func:`_iterate_over_output`, :func:`_one_at_a_time`, :func:`_without_retries`, :func:`_without_missing_inputs`,
:func:`_with_run_uuid`.  It ignores the platform document, and checks neither names nor what a loop is called.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import logging
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from penstock.backends.job_hosts.jobs import Attempt
from penstock.backends.job_hosts.processes import ProcessHost
from penstock.backends.kubeflow.rehearsal.document import Executor
from penstock.backends.kubeflow.rehearsal.fields import BadDocument
from penstock.backends.kubeflow.rehearsal.interpreter import Container, Phase, RunEnded
from penstock.backends.kubeflow.rehearsal.pods import PodEnded, PodStarted
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.backends.kubeflow.rehearsal.rehearsing import Surroundings

_OUTPUT = "Output"
_ONE_RUN = threading.Lock()
"""kfp.local is configured for a whole process."""


def run_with_kfp_local(
    document: bytes, parameters: Mapping[str, Any], run_uuid: str, surroundings: Surroundings
) -> RunEnded:
    """Run the pipeline by ``kfp.local``: a :class:`~.rehearsing.PipelineEngine`.

    Raises Refused where the extra is not installed, BadDocument where the document is none.
    """
    try:
        from google.protobuf import json_format
        from kfp import local
        from kfp.local import pipeline_orchestrator
        from kfp.pipeline_spec import pipeline_spec_pb2
    except ImportError:
        message = "kfp.local is part of kfp, which is not installed"
        raise Refused([Diagnostic("P550", message, help="run `python -m pip install 'penstock[kfp]'`")]) from None
    plain = _adapted(next(yaml.safe_load_all(document)), parameters, run_uuid)
    try:
        spec = json_format.ParseDict(plain.document, pipeline_spec_pb2.PipelineSpec())
    except json_format.ParseError as error:
        raise BadDocument(f"the protobufs of kfp do not take it: {error}") from None
    pods = _Pods(surroundings, plain.iterated)
    given = {name: value for name, value in parameters.items() if value is not None}
    with _ONE_RUN, _silence(), pods.in_place_of_subprocesses():
        # The runner is a name only: what it would start is started by `pods`.
        local.init(
            local.SubprocessRunner(use_venv=False),
            pipeline_root=str(surroundings.directory / "outputs"),
            workspace_root=str(surroundings.directory / "workspace"),
        )
        try:
            pipeline_orchestrator.run_local_pipeline(spec, given)
        except RuntimeError as error:
            return RunEnded(Phase.FAILED, tuple(pods.failures) or (("root", str(error)),))
        finally:
            pods.stop.set()
    return RunEnded(Phase.SUCCEEDED)


class _Adapted:
    """A document that kfp.local runs as the backend runs the original; ``iterated`` is the name of the output that
    loops run over, which has another one here.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = copy.deepcopy(document)
        self.iterated = ""

    def dags(self) -> Iterator[dict[str, Any]]:
        """The tasks of each DAG."""
        for component in (self.document["root"], *self.document.get("components", {}).values()):
            if "dag" in component:
                yield component["dag"]["tasks"]

    def inputs(self, task: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """What a task's inputs are bound to."""
        found: dict[str, dict[str, Any]] = task.get("inputs", {}).get("parameters", {})
        return found


def _adapted(document: dict[str, Any], parameters: Mapping[str, Any], run_uuid: str) -> _Adapted:
    adapted = _Adapted(document)
    _with_run_uuid(adapted, run_uuid)
    _without_missing_inputs(adapted, parameters)
    _without_retries(adapted)
    _one_at_a_time(adapted)
    _iterate_over_output(adapted)
    return adapted


def _with_run_uuid(adapted: _Adapted, run_uuid: str) -> None:
    """kfp.local gives a run eight digits instead of a UUID, and replaces the placeholder wherever it stands, where the
    backend does it in constants only: here only those are replaced, and a mistake stays one.
    """
    for tasks in adapted.dags():
        for task in tasks.values():
            for source in adapted.inputs(task).values():
                if source.get("runtimeValue") == {"constant": "{{$.pipeline_job_uuid}}"}:
                    source["runtimeValue"] = {"constant": run_uuid}


def _without_missing_inputs(adapted: _Adapted, parameters: Mapping[str, Any]) -> None:
    """kfp.local fails where an optional input has no default and nobody gave it; to the backend it is missing."""
    root = adapted.document["root"]
    definitions = root.get("inputDefinitions", {}).get("parameters", {})
    missing = {
        name
        for name, definition in definitions.items()
        if "defaultValue" not in definition and parameters.get(name) is None
    }
    for task in root["dag"]["tasks"].values():
        inputs = adapted.inputs(task)
        for name in [name for name, source in inputs.items() if source.get("componentInputParameter") in missing]:
            del inputs[name]
    for name in missing:
        del definitions[name]


def _without_retries(adapted: _Adapted) -> None:
    """kfp.local retries inside of loops too, and tells no container which attempt it is."""
    for tasks in adapted.dags():
        for task in tasks.values():
            task.pop("retryPolicy", None)


def _one_at_a_time(adapted: _Adapted) -> None:
    """kfp.local lets all tasks of one component write the same output files, so that iterations which run side by side
    read each other's.
    """
    for tasks in adapted.dags():
        for task in tasks.values():
            if "parameterIterator" in task:
                task["iteratorPolicy"] = {"parallelismLimit": 1}


def _iterate_over_output(adapted: _Adapted) -> None:
    """kfp.local finds the items of a loop only where they are an output named ``Output``, and the input that holds them
    is called after its producer as the SDK does it.
    """
    names = set()
    for tasks in adapted.dags():
        for task in tasks.values():
            items = task.get("parameterIterator", {}).get("items", {})
            source = adapted.inputs(task).get(items.get("inputParameter", ""), {}).get("taskOutputParameter")
            if source is not None:
                names.add(source["outputParameterKey"])
                items["inputParameter"] = f"pipelinechannel--{source['producerTask']}-{_OUTPUT}-loop-item"
    if len(names) > 1:
        raise BadDocument(f"loops run over outputs of {len(names)} names, of which kfp.local knows one only")
    for name in names:
        adapted.iterated = name
        _rename_output(adapted, name)


def _rename_output(adapted: _Adapted, name: str) -> None:
    for component in adapted.document["components"].values():
        outputs = component.get("outputDefinitions", {}).get("parameters", {})
        if name in outputs:
            outputs[_OUTPUT] = outputs.pop(name)
    for tasks in adapted.dags():
        for task in tasks.values():
            for source in adapted.inputs(task).values():
                output = source.get("taskOutputParameter")
                if output is not None and output["outputParameterKey"] == name:
                    output["outputParameterKey"] = _OUTPUT


class _Pods:
    """Runs what kfp.local would start, as the interpreter's containers run; ``failures`` are those of its tasks."""

    def __init__(self, surroundings: Surroundings, iterated: str) -> None:
        self._surroundings = surroundings
        self._iterated = iterated
        self._host = ProcessHost(surroundings.directory / "work", surroundings.path, surroundings.grace_seconds)
        self._numbers = itertools.count(1)
        self.stop = threading.Event()
        self.failures: list[tuple[str, str]] = []

    @contextlib.contextmanager
    def in_place_of_subprocesses(self) -> Iterator[None]:
        """kfp.local's handler refuses containers that are not its own Python components: ours takes its place."""
        from kfp.local import subprocess_task_handler

        theirs = subprocess_task_handler.SubprocessTaskHandler
        subprocess_task_handler.SubprocessTaskHandler = self._handler()
        try:
            yield
        finally:
            subprocess_task_handler.SubprocessTaskHandler = theirs

    def _handler(self) -> type:
        from kfp.local import status

        run = self._run

        class Handler:
            def __init__(
                self, image: str, full_command: list[str], pipeline_root: str, runner: object, env_vars: dict[str, str]
            ) -> None:
                self._container = (image, full_command, env_vars)

            def run(self) -> status.Status:
                return status.Status.FAILURE if run(*self._container) else status.Status.SUCCESS

        return Handler

    def _run(self, image: str, command: list[str], variables: Mapping[str, str]) -> str:
        """Run one container; why it failed, empty where it did not."""
        surroundings = self._surroundings
        name = f"pod-{next(self._numbers)}"
        command, inputs = self._told(command)
        container = Container(name, Executor("", image, tuple(command), variables), inputs, {}, None)
        log = surroundings.directory / f"{name}.log"
        begin = time.monotonic()
        outcome = self._host.run(
            Attempt(name=name, command=command, environment={**surroundings.environment, **variables}),
            log,
            timeout=None,
            stop=self.stop,
            started=lambda place: surroundings.listener(PodStarted(container, 0, place, log)),
        )
        failure = "" if outcome.exit_code == 0 else outcome.reason or f"exit code {outcome.exit_code}"
        if failure:
            self.failures.append((name, failure))
        surroundings.listener(PodEnded(container, 0, failure, False, time.monotonic() - begin, log))
        return failure

    def _told(self, command: list[str]) -> tuple[list[str], dict[str, Any]]:
        """The command with the iterated output under its own name, and the inputs, from the executor input in it."""
        found: dict[str, Any] = {}
        told = []
        for argument in command:
            message = _executor_input(argument)
            if message is not None:
                found = message.get("inputs", {}).get("parameterValues", {})
                outputs = message.get("outputs", {}).get("parameters", {})
                if self._iterated and _OUTPUT in outputs:
                    outputs[self._iterated] = outputs.pop(_OUTPUT)
                for output in outputs.values():
                    Path(output["outputFile"]).parent.mkdir(parents=True, exist_ok=True)
                argument = json.dumps(message)
            told.append(argument)
        return told, found


def _executor_input(argument: str) -> dict[str, Any] | None:
    if not argument.startswith("{"):
        return None
    try:
        message = json.loads(argument)
    except ValueError:
        return None
    return message if "inputs" in message and "outputs" in message else None


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without kfp.local's own log, and its warnings of what it ignores: the rehearsal tells what runs."""
    from kfp.local import logging_utils

    before, line = logging.root.manager.disable, logging_utils.print_horizontal_line
    logging.disable(logging.CRITICAL)
    logging_utils.print_horizontal_line = lambda: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        logging_utils.print_horizontal_line = line
