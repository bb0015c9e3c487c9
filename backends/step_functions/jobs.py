"""What the decorators of a step mean for its job on AWS Batch.

What a job is (image, resources, roles) stands in a job definition, one for all steps of a shape; how often it is tried
and when it is ended, in its state.  The variables of @environment travel in the plan, inside the code package: the
overrides of a job stay small, whatever a flow sets, and no value passes a shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.compiler.capabilities import further_places
from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.runtime_shim.decorators import DECORATORS
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_USER_FAILED
from penstock.runtime_shim.plan import PlannedStep
from penstock.runtime_shim.policy import policy_of

if TYPE_CHECKING:
    from penstock.backends.step_functions.settings import StepFunctionsSettings
    from penstock.compiler.program import Program
    from penstock.compiler.steps import Step

_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+\Z")
_BACKSTOP = 120
"""Seconds after which Batch ends what the shim should have ended, design §5."""
_LEAST_TIMEOUT = 60
"""Seconds: Batch takes no less."""


class Shape(NamedTuple):
    """What job definitions differ in.  ``memory``, ``shared_memory`` and ``max_swap`` are in MiB, None where nothing is
    said.
    """

    image: str
    cpu: float
    memory: int
    gpu: int
    job_role: str
    execution_role: str
    shared_memory: int | None = None
    max_swap: int | None = None
    swappiness: int | None = None


class Job(NamedTuple):
    """``attempts`` in all, ``retries`` of them with the user's code after the first; ``timeout`` of each in seconds."""

    shape: Shape
    queue: str
    attempts: int = 1
    retries: int = 0
    platform_only: bool = False
    timeout: int | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The arguments of SubmitJob that say how often the job is tried and when it is ended."""
        said: dict[str, Any] = {}
        if self.attempts > 1:
            final = [EXIT_DO_NOT_RETRY, *([EXIT_USER_FAILED] if self.platform_only else [])]
            conditions = [{"OnExitCode": str(code), "Action": "EXIT"} for code in final]
            said["RetryStrategy"] = {"Attempts": self.attempts, "EvaluateOnExit": conditions}
        if self.timeout is not None:
            said["Timeout"] = {"AttemptDurationSeconds": max(_LEAST_TIMEOUT, self.timeout + _BACKSTOP)}
        return said


def job_of(step: Step, settings: StepFunctionsSettings) -> Job:
    """The job of a step: @batch counts before @resources, both before the settings."""
    if not step.decorators:
        return Job(plain_shape(settings), settings.job_queue)
    given = {decorator.name: DECORATORS[decorator.name].complete(decorator.attributes) for decorator in step.decorators}
    policy = policy_of(PlannedStep(step.name, "", decorators=tuple(_noted(given))))
    batch, resources = given.get("batch", {}), given.get("resources", {})
    asked = {**resources, **{name: value for name, value in batch.items() if value is not None}}
    return Job(
        shape=_shape(asked, settings),
        queue=settings.job_queue if settings.one_queue else str(asked.get("queue") or settings.job_queue),
        attempts=policy.tries,
        retries=policy.retries,
        platform_only=policy.platform_only,
        timeout=policy.timeout,
    )


def is_role(text: str) -> bool:
    """Whether it can be the ARN of a role."""
    return _ROLE.match(text) is not None


def plain_shape(settings: StepFunctionsSettings) -> Shape:
    """What a step gets that asks for nothing."""
    return _shape({}, settings)


def job_problems(program: Program) -> Iterator[Diagnostic]:
    """What is wrong with the decorators of jobs: P310, a warning, where Batch does not do what they ask for; P531."""
    pausing = []
    for step in program.graph.steps.values():
        for decorator in step.decorators:
            label = Label(decorator.span or step.span)
            if decorator.name == "retry" and float(str(decorator.attributes.get("minutes_between_retries") or 0)):
                pausing.append(label.span)
            for name in ("iam_role", "execution_role") if decorator.name == "batch" else ():
                role = decorator.attributes.get(name)
                if role is not None and not is_role(str(role)):
                    message = f"`{name}` is {role!r}, which is not a role's ARN"
                    yield Diagnostic("P531", message, label, help="it looks like arn:aws:iam::123456789012:role/name")
    if pausing:
        yield Diagnostic(
            "P310",
            "AWS Batch tries again at once: `minutes_between_retries` has no effect there",
            Label(pausing[0]),
            further_places(pausing),
            help="set it to 0 to do without this warning",
            severity=Severity.WARNING,
        )


def _noted(given: Mapping[str, Mapping[str, object]]) -> Iterator[dict[str, Any]]:
    return ({"name": name, "attributes": attributes} for name, attributes in given.items())


def _shape(asked: Mapping[str, Any], settings: StepFunctionsSettings) -> Shape:
    return Shape(
        image=settings.qualified(asked["image"]) if asked.get("image") else settings.image,
        cpu=float(asked.get("cpu") or settings.vcpus),
        memory=int(asked.get("memory") or settings.memory),
        gpu=int(asked.get("gpu") or 0),
        job_role=asked.get("iam_role") or settings.job_role,
        execution_role=asked.get("execution_role") or settings.execution_role,
        shared_memory=asked.get("shared_memory"),
        max_swap=asked.get("max_swap"),
        swappiness=asked.get("swappiness"),
    )
