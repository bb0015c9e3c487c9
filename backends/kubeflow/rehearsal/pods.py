"""The launcher's part: each container as an attempt on a job host, again where its policy says so, its outputs read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.backends.job_hosts.jobs import Attempt, Outcome
from penstock.backends.kubeflow.rehearsal.interpreter import Container, ContainerEnded
from penstock.backends.kubeflow.rehearsal.placeholders import command_line, executor_input
from penstock.backends.kubeflow.rehearsal.values import from_text
from penstock.backends.rehearsal import pods
from penstock.runtime_shim.failures import InvalidName
from penstock.runtime_shim.paths import Path as TaskPath

RETRY_INDEX = "KFP_RETRY_INDEX"
"""Environment variable with the number of the attempt, from 0; only where there is a retry policy."""


def pod_name(container: Container) -> str:
    """``run/step/task`` of a container, from the inputs of its task; its place in the pipeline without them."""
    inputs = container.inputs
    try:
        return f"kfp-{inputs['run']}/{inputs['step']}/{TaskPath.parse(inputs['path']).task_id}"
    except (KeyError, InvalidName):
        return container.place


class Pods(pods.Pods[Container, ContainerEnded]):
    """A :class:`~.interpreter.Launcher` on a job host."""

    def attempts(self, name: str, pod: Container) -> ContainerEnded:
        """Run a container, again and again where its policy says so."""
        retry = pod.retry
        attempt = 0
        while True:
            more = retry is not None and attempt < retry.count
            result = self._attempt(f"{name}-{attempt}", pod, attempt, more)
            if not result.failure or result.hopeless or not more or self.stopping.is_set() or retry is None:
                return result
            attempt += 1
            self.stopping.wait(retry.seconds(attempt))

    def refused(self, sentence: str) -> ContainerEnded:
        """The end of a container that cannot be run."""
        return ContainerEnded(failure=sentence)

    def _attempt(self, name: str, container: Container, number: int, more: bool) -> ContainerEnded:
        files = self.surroundings.directory / name
        files.mkdir(parents=True)
        outputs = {key: files / key for key in container.outputs}
        inside = {key: self.host.inside(file) for key, file in outputs.items()}
        message = executor_input(container.inputs, inside, self.host.inside(files / "executor_output.json"))
        executor = container.executor
        attempt = Attempt(
            name=name,
            command=command_line(executor.command, message),
            environment=self._variables(container, number),
            image=executor.image,
            resources=executor.resources,
            leaves={inside[key]: file for key, file in outputs.items()},
        )

        def result(outcome: Outcome) -> tuple[ContainerEnded, str, bool]:
            ended = _result(outcome, container, outputs)
            return ended, ended.failure, bool(ended.failure) and more and not ended.hopeless

        return self.attempt(attempt, number, pod_name(container), executor.deadline, result)

    def _variables(self, container: Container, attempt: int) -> dict[str, str]:
        index = {} if container.retry is None else {RETRY_INDEX: str(attempt)}
        return {**self.surroundings.environment, **container.executor.environment, **index}


def _result(outcome: Outcome, container: Container, files: Mapping[str, Path]) -> ContainerEnded:
    if outcome.stopped:
        return ContainerEnded(failure=pods.ENDED_WITH_RUN)
    if outcome.timed_out:
        return ContainerEnded(failure=f"the pod was active longer than {container.executor.deadline:g} seconds")
    if outcome.exit_code is None:
        return ContainerEnded(failure=outcome.reason, hopeless=outcome.hopeless)
    if outcome.exit_code != 0:
        reason = f", {outcome.reason}" if outcome.reason else ""
        return ContainerEnded(failure=f"exit code {outcome.exit_code}{reason}", hopeless=outcome.hopeless)
    values: dict[str, Any] = {}
    for name, kind in container.outputs.items():
        try:
            values[name] = from_text(files[name].read_text(encoding="utf-8"), kind)
        except OSError:  # noqa: PERF203 - each output is a file of its own
            return ContainerEnded(failure=f"it wrote no file for its output `{name}`")
        except ValueError as error:
            return ContainerEnded(failure=f"its output `{name}`: {error}")
    return ContainerEnded(values)
