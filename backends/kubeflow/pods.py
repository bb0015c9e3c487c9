"""What the decorators of a step mean for its pod.

Image, resources and what only Kubernetes knows stand in an executor, one for all steps of a shape.  How often a step is
tried, what is caught and what its environment holds is the container's business: it works inside loops and on every
version of the backend, and no value passes a document that people read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.kubeflow.platforms import executor_entry
from penstock.backends.kubernetes.pods import BACKSTOP, asked_of, needs_of, placement_of

if TYPE_CHECKING:
    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.compiler.steps import Step
    from penstock.runtime_shim.policy import Policy


class Shape(NamedTuple):
    """What executors differ in: the image, CPUs, MiB of memory, GPUs by the name of their resource, and the executor's
    entry in the platform document, as JSON text.
    """

    image: str
    cpu: str = ""
    memory: int = 0
    gpu: int = 0
    gpu_resource: str = ""
    platform: str = "{}"


class Pod(NamedTuple):
    """``retries`` is how often a pod that was lost is started again."""

    shape: Shape
    retries: int = 0


def pod_of(step: Step, settings: KubeflowSettings) -> Pod:
    """The pod of a step: @kubernetes counts before @resources, both before the settings."""
    asked, policy = asked_of(step)
    return Pod(_shape(asked, settings, deadline_of(policy)), policy.tries - 1)


def plain_shape(settings: KubeflowSettings) -> Shape:
    """What a step gets that asks for nothing."""
    return _shape({}, settings, None)


def deadline_of(policy: Policy) -> int | None:
    """Seconds after which a pod is ended: all tries with the user's code, the waits between them, and a while more;
    None without @timeout.
    """
    if policy.timeout is None:
        return None
    return int((policy.retries + 1) * policy.timeout + policy.retries * policy.wait) + BACKSTOP


def _shape(asked: Mapping[str, Any], settings: KubeflowSettings, deadline: int | None) -> Shape:
    entry = executor_entry(placement_of(asked, settings), deadline)
    return Shape(*needs_of(asked, settings), platform=json.dumps(entry, sort_keys=True))
