"""What a pod is: a container's command line with the variables of Kubernetes, tried as its retry strategy says."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from penstock.backends.argo.rehearsal.dependencies import Phase
from penstock.backends.argo.rehearsal.document import Container, Output, RetryStrategy, Template
from penstock.backends.argo.rehearsal.expressions import truth
from penstock.backends.argo.rehearsal.interpreter import Pod, PodEnd
from penstock.backends.argo.rehearsal.operations import BadExpression
from penstock.backends.argo.rehearsal.substitution import Unresolvable, nested, replaced
from penstock.backends.argo.rehearsal.templates import read_template
from penstock.backends.job_hosts.jobs import Attempt, JobHost, Outcome
from penstock.backends.rehearsal import pods
from penstock.backends.rehearsal.pods import Surroundings

Naming = Callable[[Mapping[str, str], str], str]
"""How a pod is called in what people read, by its environment and its place."""
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_RETRIED: Mapping[str, tuple[Phase, ...]] = {
    "Always": (Phase.FAILED, Phase.ERROR),
    "OnFailure": (Phase.FAILED,),
    "OnError": (Phase.ERROR,),
    "OnTransientError": (),
}
"""What each policy tries again; of errors, none here passes by itself."""
_NO_CODE = "-1"
"""What Argo says of a pod that ended without an exit code."""


class Pods(pods.Pods[Pod, PodEnd]):
    """A :class:`~.interpreter.Launcher` on a job host."""

    def __init__(self, host: JobHost, surroundings: Surroundings, naming: Naming, prefix: str = "pod") -> None:
        super().__init__(host, surroundings, prefix)
        self._naming = naming

    def refused(self, sentence: str) -> PodEnd:
        """The end of a pod that cannot be made."""
        return PodEnd(Phase.ERROR, message=sentence)

    def attempts(self, name: str, pod: Pod) -> PodEnd:
        """Run a pod, again and again where its strategy says so (``processNodeRetries``)."""
        if pod.template.retry is None:
            return self._attempt(name, pod, pod.template, None)
        tries = _Tries(pod.template.retry)
        while True:
            tries.begin()
            values = {**pod.values, "pod.name": f"{pod.place}({tries.number})", **tries.values(first_code="0")}
            template = read_template(replaced(pod.template.raw, values), "")
            end = self._attempt(f"{name}-{tries.number}", pod, template, tries)
            if not tries.again or self.stopping.is_set():
                return end
            self.stopping.wait(tries.wait)
            tries.number += 1

    def _attempt(self, name: str, pod: Pod, template: Template, tries: _Tries | None) -> PodEnd:
        container = template.container
        if container is None:
            raise AssertionError(f"{template.name} is no container")
        variables = environment_of(container)
        files = {each.path: self.surroundings.directory / "files" / name / each.name for each in template.outputs}
        inside = {path: self._inside(path, file) for path, file in files.items()}
        attempt = Attempt(
            name=name,
            command=[_located(part, inside) for part in command_of(container, variables)],
            environment={
                **self.surroundings.environment,
                **{name: _located(value, inside) for name, value in variables.items()},
            },
            image=container.image,
            resources=container.resources,
            leaves={inside[path]: file for path, file in files.items()},
        )
        for file in files.values():
            file.parent.mkdir(parents=True, exist_ok=True)

        def result(outcome: Outcome) -> tuple[PodEnd, str, bool]:
            end = _result(outcome, template, files)
            code = _NO_CODE if outcome.exit_code is None else str(outcome.exit_code)
            return end, end.message, tries is not None and tries.ended(end, code)

        number = 0 if tries is None else tries.number
        return self.attempt(attempt, number, self._naming(variables, pod.place), template.deadline, result)

    def _inside(self, path: str, file: Path) -> str:
        """How a pod calls a file of its own that is to be at ``file``: processes have one file system for all."""
        return path if self.surroundings.containers else self.host.inside(file)


class _Tries:
    """The tries of one pod: ``number`` is the present one's, from 0; ``again`` says whether another follows it."""

    def __init__(self, strategy: RetryStrategy) -> None:
        self._strategy = strategy
        self._first = self._began = time.monotonic()
        self._last: PodEnd | None = None
        self._code = _NO_CODE
        self._seconds = 0.0
        self.number = 0
        self.again = False

    @property
    def wait(self) -> float:
        """The seconds before the next one."""
        backoff = self._strategy.backoff
        return 0.0 if backoff is None else backoff.seconds(self.number)

    def begin(self) -> None:
        """A try begins."""
        self._began = time.monotonic()
        self.again = False

    def ended(self, end: PodEnd, code: str) -> bool:
        """Note how a try ended; whether another follows.

        Raises Unresolvable where the strategy's expression has no value.
        """
        self._last, self._code, self._seconds = end, code, time.monotonic() - self._began
        self.again = end.phase.unsuccessful and not end.hopeless and self._in_bounds() and self._wanted(end)
        return self.again

    def values(self, first_code: str = _NO_CODE) -> dict[str, str | None]:
        """What tags and expressions say of the tries; before the first one, the last exit code is ``first_code``."""
        last = self._last
        return {
            "retries": str(self.number),
            "lastRetry.exitCode": first_code if last is None else self._code,
            "lastRetry.status": "" if last is None else last.phase.value,
            "lastRetry.duration": str(self._seconds),
            "lastRetry.message": "" if last is None else last.message,
        }

    def _in_bounds(self) -> bool:
        limit, backoff = self._strategy.limit, self._strategy.backoff
        if limit is not None and self.number >= limit:
            return False
        if backoff is None or backoff.longest is None:
            return True
        return time.monotonic() - self._first + self.wait <= backoff.longest

    def _wanted(self, end: PodEnd) -> bool:
        if end.phase not in _RETRIED[self._strategy.policy]:
            return False
        try:
            return not self._strategy.expression or truth(self._strategy.expression, nested(self.values()))
        except BadExpression as error:
            raise Unresolvable(f"retryStrategy.expression: {error}") from None


def environment_of(container: Container) -> dict[str, str]:
    """The variables of a container, each with what it takes from those before it; without what the cluster has."""
    found: dict[str, str] = {}
    for variable in container.environment:
        if variable.value is not None:
            found[variable.name] = kubernetes_text(variable.value, found)
    return found


def command_of(container: Container, variables: Mapping[str, str]) -> list[str]:
    """The command line.

    Raises Unresolvable where there is none: Argo asks the image's registry then, which a rehearsal has not.
    """
    if not container.command:
        raise Unresolvable("the container has no command")
    return [kubernetes_text(part, variables) for part in (*container.command, *container.arguments)]


def kubernetes_text(text: str, variables: Mapping[str, str]) -> str:
    """A text as the kubelet passes it: ``$(NAME)`` is the variable where there is one, ``$$`` is ``$``."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return "$" if name is None else variables.get(name, match[0])

    return _REFERENCE.sub(value, text)


def _located(text: str, inside: Mapping[str, str]) -> str:
    """A text in which the files of outputs, and their folders, are called as they are where the pod runs."""
    for path, file in inside.items():
        if text == str(PurePosixPath(path).parent):
            return str(PurePosixPath(file).parent)
        text = text.replace(path, file)
    return text


def _result(outcome: Outcome, template: Template, files: Mapping[str, Path]) -> PodEnd:
    try:
        outputs = _outputs(template.outputs, files)
    except Unresolvable as failure:
        if outcome.exit_code == 0:
            return PodEnd(Phase.ERROR, message=failure.message)
        outputs = {}
    if outcome.stopped:
        return PodEnd(Phase.FAILED, message=pods.ENDED_WITH_RUN)
    if outcome.timed_out:
        message = f"the pod was active on its node longer than {template.deadline:g} seconds"
        return PodEnd(Phase.FAILED, outputs, message)
    if outcome.exit_code is None:
        return PodEnd(Phase.ERROR if outcome.hopeless else Phase.FAILED, outputs, outcome.reason, outcome.hopeless)
    if outcome.exit_code != 0:
        reason = f", {outcome.reason}" if outcome.reason else ""
        return PodEnd(Phase.FAILED, outputs, f"exit code {outcome.exit_code}{reason}", outcome.hopeless)
    return PodEnd(Phase.SUCCEEDED, outputs)


def _outputs(declared: Sequence[Output], files: Mapping[str, Path]) -> dict[str, str]:
    """What a pod put out.

    Raises Unresolvable where an output has neither file nor default.
    """
    return {output.name: _output(output, files[output.path]) for output in declared}


def _output(output: Output, file: Path) -> str:
    """An output as Argo saves it: without the end of its last line."""
    try:
        return file.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError):
        if output.default is None:
            raise Unresolvable(f"it wrote no file {output.path} for its output `{output.name}`") from None
        return output.default
