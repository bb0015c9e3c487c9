"""A second opinion: the SDK's own ``kfp.local`` runs the pipeline, its containers as processes of this machine.

What kfp.local 2.17 gets wrong is worked around in a copy of the document, by :mod:`.adapting`.  It ignores the platform
document, and checks neither names nor what a loop is called.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from penstock.backends.job_hosts.jobs import Attempt
from penstock.backends.kubeflow.rehearsal.adapting import OUTPUT, adapted_for_kfp_local
from penstock.backends.kubeflow.rehearsal.document import Executor
from penstock.backends.kubeflow.rehearsal.interpreter import Container, Phase, RunEnded
from penstock.backends.kubeflow.rehearsal.pods import pod_name
from penstock.backends.rehearsal.fields import BadDocument
from penstock.backends.rehearsal.pods import PodEnded, PodStarted, Surroundings
from penstock.backends.rehearsal.running import job_host
from penstock.compiler.diagnostics import Diagnostic, Refused

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
    plain = adapted_for_kfp_local(next(yaml.safe_load_all(document)), parameters, run_uuid)
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


class _Pods:
    """Runs what kfp.local would start, as the interpreter's containers run; ``failures`` are those of its tasks."""

    def __init__(self, surroundings: Surroundings, iterated: str) -> None:
        self._surroundings = surroundings
        self._iterated = iterated
        self._host = job_host(surroundings)
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
        command, inputs, leaves = self._told(command)
        container = Container(name, Executor("", image, tuple(command), variables), inputs, {}, None)
        log = surroundings.directory / f"{name}.log"
        begin = time.monotonic()
        outcome = self._host.run(
            Attempt(
                name=name,
                command=command,
                environment={**surroundings.environment, **variables},
                image=image,
                leaves=leaves,
            ),
            log,
            timeout=None,
            stop=self.stop,
            started=lambda place: surroundings.listener(PodStarted(pod_name(container), 0, place, log)),
        )
        failure = "" if outcome.exit_code == 0 else outcome.reason or f"exit code {outcome.exit_code}"
        if failure:
            self.failures.append((name, failure))
        surroundings.listener(PodEnded(pod_name(container), 0, failure, False, time.monotonic() - begin, log))
        return failure

    def _told(self, command: list[str]) -> tuple[list[str], dict[str, Any], dict[str, Path]]:
        """The command with the iterated output under its own name, and, from the executor input in it, the inputs and
        the output files.
        """
        found: dict[str, Any] = {}
        leaves: dict[str, Path] = {}
        told = []
        for argument in command:
            message = _executor_input(argument)
            if message is not None:
                found = message.get("inputs", {}).get("parameterValues", {})
                outputs = message.get("outputs", {}).get("parameters", {})
                if self._iterated and OUTPUT in outputs:
                    outputs[self._iterated] = outputs.pop(OUTPUT)
                for output in outputs.values():
                    file = Path(output["outputFile"])
                    file.parent.mkdir(parents=True, exist_ok=True)
                    output["outputFile"] = self._host.inside(file)
                    leaves[output["outputFile"]] = file
                argument = json.dumps(message)
            told.append(argument)
        return told, found, leaves


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
