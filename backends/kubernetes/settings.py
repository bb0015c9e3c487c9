"""What compiled documents depend on besides the flow, where tasks are pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penstock.backends.protocol import Settings

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings(Settings):
    """``description`` is what the flow's docstring says.  ``registry`` stands before the name of an image that names
    none.

    The others are what a step gets that does not say otherwise, in Kubernetes' words: ``cpu`` (CPUs) and ``memory``
    (MiB) are empty and 0 for none; ``secrets`` by name, with the names of variables by key, or a folder, or None for
    variables named as their keys; ``volume_claims`` maps a claim to the folder it is mounted at; ``tolerations`` are
    objects like those of @kubernetes, as JSON texts.
    """

    description: str = ""
    registry: str = ""
    cpu: str = ""
    memory: int = 0
    gpu_vendor: str = "nvidia"
    image_pull_policy: str = ""
    image_pull_secrets: tuple[str, ...] = ()
    service_account: str = ""
    secrets: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    volume_claims: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    node_selector: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    tolerations: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    annotations: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    def qualified(self, image: str) -> str:
        """The image with the registry that it comes from, where its name begins with no host."""
        host, slash, _ = image.partition("/")
        named = bool(slash) and ("." in host or ":" in host or host == "localhost")
        return image if named or not self.registry else f"{self.registry.rstrip('/')}/{image}"
