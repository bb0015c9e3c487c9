"""The executors of a compiled pipeline: their containers, and what the platform document says of their pods."""

from __future__ import annotations

from dataclasses import replace

from penstock.backends.job_hosts.jobs import Resources
from penstock.backends.kubeflow.rehearsal.document import Executor
from penstock.backends.rehearsal.fields import Fields

_MIB = 2**20
_OF_THE_CLUSTER = (
    "secretAsVolume", "secretAsEnv", "pvcMount", "nodeSelector", "podMetadata", "imagePullSecret", "imagePullPolicy",
    "configMapAsVolume", "configMapAsEnv", "fieldPathAsEnv", "tolerations", "genericEphemeralVolume", "nodeAffinity",
    "podAffinity", "enabledSharedMemory", "emptyDirMounts", "securityContext",
)  # fmt: skip
"""What a pod of KubernetesExecutorConfig has from its cluster, and a process of this machine has not."""


def read_executors(deployment: Fields, platform: Fields | None) -> dict[str, Executor]:
    """The executors by label.

    Raises BadDocument.
    """
    found = {label: _executor(label, fields) for label, fields in deployment.messages("executors")}
    deployment.done()
    if platform is None:
        return found
    platforms = platform.message("platforms")
    kubernetes = platforms.message("kubernetes")
    pods = kubernetes.message("deploymentSpec")
    for label, fields in pods.messages("executors"):
        if label not in found:
            raise fields.refuse("the pipeline has no such executor")
        fields.ignore(*_OF_THE_CLUSTER)
        deadline = fields.number("activeDeadlineSeconds")
        fields.done()
        found[label] = replace(found[label], deadline=float(deadline) or None)
    for each in (pods, kubernetes, platforms, platform):
        each.done()
    return found


def _executor(label: str, fields: Fields) -> Executor:
    container = fields.message("container")
    environment = {}
    for variable in container.list("env"):
        name = variable.text("name")
        if not name or name in environment:
            raise variable.refuse(f"the variable {name!r} cannot be set" if not name else f"{name} is set twice")
        environment[name] = variable.text("value", "")
        variable.done()
    command = container.texts("command")
    if not command:
        raise container.refuse("without a command the launcher has nothing to start")
    found = Executor(
        label,
        image=container.text("image"),
        command=(*command, *container.texts("args")),
        environment=environment,
        resources=_resources(container.message("resources")),
    )
    container.done()
    fields.done()
    return found


def _resources(fields: Fields) -> Resources:
    cpu, memory = fields.quantity("resourceCpuLimit"), fields.quantity("resourceMemoryLimit")
    fields.quantity("resourceCpuRequest")
    fields.quantity("resourceMemoryRequest")
    accelerator = fields.message("accelerator")
    accelerator.text("resourceType", "")
    gpus = accelerator.quantity("resourceCount")
    accelerator.done()
    fields.done()
    return Resources(
        memory=None if memory is None else max(1, int(memory / _MIB)), vcpus=cpu, gpus=0 if gpus is None else int(gpus)
    )
