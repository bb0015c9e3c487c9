"""The launcher's part: each container as an attempt on a job host, again where its policy says so, its outputs read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.backends.job_hosts.jobs import Attempt, JobHost, Outcome, Place
from penstock.backends.kubeflow.rehearsal.fields import BadDocument
from penstock.backends.kubeflow.rehearsal.interpreter import Container, ContainerEnded
from penstock.backends.kubeflow.rehearsal.placeholders import command_line, executor_input
from penstock.backends.kubeflow.rehearsal.values import from_text

RETRY_INDEX = "KFP_RETRY_INDEX"
"""Environment variable with the number of the attempt, from 0; only where there is a retry policy."""


@dataclass(frozen=True, slots=True)
class PodStarted:
    """Attempt ``attempt`` (from 0) of a container runs."""

    container: Container
    attempt: int
    place: Place
    log: Path


@dataclass(frozen=True, slots=True)
class PodEnded:
    """That attempt is over; ``failure`` is a sentence where it failed, ``retried`` whether another one follows."""

    container: Container
    attempt: int
    failure: str
    retried: bool
    seconds: float
    log: Path


PodEvent = PodStarted | PodEnded


class Pods:
    """A :class:`~.interpreter.Launcher` on a job host.

    ``directory`` takes logs and output files, ``environment`` is what every container gets besides its own.
    ``listener`` hears of every attempt, from several threads; ``at_once`` containers run side by side.
    """

    def __init__(
        self,
        host: JobHost,
        directory: Path,
        environment: Mapping[str, str],
        at_once: int,
        listener: Callable[[PodEvent], None],
    ) -> None:
        self._host = host
        self._directory = directory
        self._environment = environment
        self._listener = listener
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="pod")
        self._count = 0

    def launch(self, container: Container, ended: Callable[[ContainerEnded], None]) -> None:
        """Queue a container; ``ended`` is called when its last attempt is over."""
        self._count += 1
        name = f"pod-{self._count}"
        self._threads.submit(self._run, name, container, ended)

    def stop(self) -> None:
        """End everything that runs; returns when it is gone."""
        self._stop.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _run(self, name: str, container: Container, ended: Callable[[ContainerEnded], None]) -> None:
        try:
            result = self._attempts(name, container)
        except BadDocument as failure:
            result = ContainerEnded(failure=failure.message)
        except Exception as error:  # the run must end, whatever went wrong here
            result = ContainerEnded(failure=f"the rehearsal could not run it: {type(error).__name__}: {error}")
        ended(result)

    def _attempts(self, name: str, container: Container) -> ContainerEnded:
        retry = container.retry
        attempt = 0
        while True:
            more = retry is not None and attempt < retry.count
            result = self._attempt(f"{name}-{attempt}", container, attempt, more)
            if not result.failure or not more or self._stop.is_set() or retry is None:
                return result
            attempt += 1
            self._stop.wait(retry.seconds(attempt))

    def _attempt(self, name: str, container: Container, number: int, more: bool) -> ContainerEnded:
        files = self._directory / name
        files.mkdir(parents=True)
        outputs = {key: str(files / key) for key in container.outputs}
        message = executor_input(container.inputs, outputs, str(files / "executor_output.json"))
        executor = container.executor
        attempt = Attempt(
            name=name,
            command=command_line(executor.command, message),
            environment=self._variables(container, number),
            image=executor.image,
            resources=executor.resources,
        )
        log = self._directory / f"{name}.log"
        begin = time.monotonic()
        outcome = self._host.run(
            attempt,
            log,
            timeout=executor.deadline,
            stop=self._stop,
            started=lambda place: self._listener(PodStarted(container, number, place, log)),
        )
        result = _result(outcome, container, outputs)
        retried = bool(result.failure) and more and not self._stop.is_set()
        self._listener(PodEnded(container, number, result.failure, retried, time.monotonic() - begin, log))
        return result

    def _variables(self, container: Container, attempt: int) -> dict[str, str]:
        index = {} if container.retry is None else {RETRY_INDEX: str(attempt)}
        return {**self._environment, **container.executor.environment, **index}


def _result(outcome: Outcome, container: Container, files: Mapping[str, str]) -> ContainerEnded:
    if outcome.stopped:
        return ContainerEnded(failure="it was ended with the run")
    if outcome.timed_out:
        return ContainerEnded(failure=f"the pod was active longer than {container.executor.deadline:g} seconds")
    if outcome.exit_code != 0:
        return ContainerEnded(failure=outcome.reason or f"exit code {outcome.exit_code}")
    values: dict[str, Any] = {}
    for name, kind in container.outputs.items():
        try:
            values[name] = from_text(Path(files[name]).read_text(encoding="utf-8"), kind)
        except OSError:  # noqa: PERF203 - each output is a file of its own
            return ContainerEnded(failure=f"it wrote no file for its output `{name}`")
        except ValueError as error:
            return ContainerEnded(failure=f"its output `{name}`: {error}")
    return ContainerEnded(values)
