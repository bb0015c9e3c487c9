"""What the decorators of a step mean for its pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from penstock.backends.kubeflow.settings import KubeflowSettings
    from penstock.compiler.steps import Step


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
    """The pod of a step."""
    return Pod(plain_shape(settings))


def plain_shape(settings: KubeflowSettings) -> Shape:
    """What a step gets that asks for nothing."""
    return Shape(settings.image, settings.cpu, settings.memory)
