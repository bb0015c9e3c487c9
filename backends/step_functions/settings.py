"""What a state machine depends on besides the flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penstock.backends.protocol import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFunctionsSettings(Settings):
    """``job_queue`` is a queue's name or ARN, ``job_role`` the ARN of the role that containers have, ``sfn_role`` the
    ARN of the role that the state machine has.  ``vcpus`` and ``memory`` (MiB) are what a step gets that asks for
    nothing else; ``execution_role`` is the ARN of the role that starts containers (for Fargate), empty for none.
    ``registry`` stands before the name of an image that names none.  With ``one_queue`` the queues that steps name are
    left out: of a rehearsal, which has one.  With ``distributed_map`` every outermost foreach is a Distributed Map.
    ``events_role`` is the ARN of the role with which a schedule starts the machine; only a flow with a schedule needs
    it.  ``aws_tags`` are tags in the sense of AWS.  ``log_level`` is what of an execution's history goes to the log
    group with the ARN ``log_group``: ``ALL``, ``ERROR``, ``FATAL`` or ``OFF``.
    """

    job_queue: str
    job_role: str
    sfn_role: str
    vcpus: int = 1
    memory: int = 4096
    execution_role: str = ""
    registry: str = ""
    one_queue: bool = False
    distributed_map: bool = False
    events_role: str = ""
    aws_tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    log_level: str = "OFF"
    log_group: str = ""

    def qualified(self, image: str) -> str:
        """The image with the registry that it comes from."""
        return f"{self.registry.rstrip('/')}/{image}" if self.registry and not _has_registry(image) else image

    @property
    def bucket(self) -> str:
        """The bucket of the datastore's root."""
        return _split_root(self.datastore_root)[0]

    @property
    def key_prefix(self) -> str:
        """What stands before every key, with its ``/``; empty where the root is the bucket itself."""
        prefix = _split_root(self.datastore_root)[1]
        return f"{prefix}/" if prefix else ""


def _has_registry(image: str) -> bool:
    """Whether the first part of an image's name is a host: it holds a dot or a port, or is `localhost`."""
    host, slash, _ = image.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")


def _split_root(root: str) -> tuple[str, str]:
    if not root.startswith("s3://"):
        raise ValueError(f"not an S3 root: {root!r}")
    bucket, _, prefix = root[5:].partition("/")
    return bucket, prefix.strip("/")
