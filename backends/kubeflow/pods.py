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
from penstock.runtime_shim.decorators import DECORATORS
from penstock.runtime_shim.plan import PlannedStep
from penstock.runtime_shim.policy import Policy, policy_of

if TYPE_CHECKING:
    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.compiler.steps import Step

_BACKSTOP = 120
"""Seconds after which Kubernetes ends what the container should have ended, design §5."""
_VENDORS: Mapping[str, str] = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu"}


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
    if not step.decorators:
        return Pod(plain_shape(settings))
    given = {decorator.name: DECORATORS[decorator.name].complete(decorator.attributes) for decorator in step.decorators}
    planned = PlannedStep(
        step.name, "", decorators=tuple({"name": name, "attributes": values} for name, values in given.items())
    )
    policy = policy_of(planned)
    kubernetes, resources = given.get("kubernetes", {}), given.get("resources", {})
    asked = {**resources, **{name: value for name, value in kubernetes.items() if value is not None}}
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
    return int((policy.retries + 1) * policy.timeout + policy.retries * policy.wait) + _BACKSTOP


def _shape(asked: Mapping[str, Any], settings: KubeflowSettings, deadline: int | None) -> Shape:
    gpu = int(asked.get("gpu") or 0)
    vendor = asked.get("gpu_vendor") or settings.gpu_vendor
    cpu = asked.get("cpu")
    return Shape(
        image=settings.qualified(asked["image"]) if asked.get("image") else settings.image,
        cpu=f"{float(cpu):g}" if cpu else settings.cpu,
        memory=int(asked.get("memory") or settings.memory),
        gpu=gpu,
        gpu_resource=(_VENDORS.get(vendor) or f"{vendor}.com/gpu") if gpu else "",
        platform=json.dumps(executor_entry(asked, settings, deadline), sort_keys=True),
    )
