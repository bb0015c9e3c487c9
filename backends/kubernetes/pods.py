"""What the decorators of a step ask of its pod, joined with what the settings say of every pod."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.runtime_shim.decorators import DECORATORS, pairs_of
from penstock.runtime_shim.plan import PlannedStep
from penstock.runtime_shim.policy import PLAIN, Policy, policy_of

if TYPE_CHECKING:
    from penstock.backends.kubernetes.settings import KubernetesSettings
    from penstock.compiler.program import Program
    from penstock.compiler.steps import Step

BACKSTOP = 120
"""Seconds after which Kubernetes ends what the container should have ended, design §5."""
_VENDORS: Mapping[str, str] = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu"}
_ASKING: Mapping[str, object] = {}

Destination = Mapping[str, str] | str | None
"""Where the content of a secret or a config map goes: to variables, by key; to files in a folder; or to variables named
as its keys.
"""


class Needs(NamedTuple):
    """A container's image, CPUs, MiB of memory, and GPUs by the name of their resource; empty and 0 for none."""

    image: str
    cpu: str = ""
    memory: int = 0
    gpu: int = 0
    gpu_resource: str = ""


class Placement(NamedTuple):
    """What only Kubernetes knows of a pod.  Lists of the settings come before those of the step; of pairs, the step's
    win.

    ``shared_memory`` and ``disk`` are in MiB, 0 for none; ``tolerations`` are objects as Kubernetes has them;
    ``service_account`` is the step's own, empty where it has the one of all.
    """

    pull_policy: str
    pull_secrets: tuple[str, ...]
    node_selector: Mapping[str, str]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    volume_claims: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]
    secrets: Mapping[str, Destination]
    config_maps: Mapping[str, Destination]
    shared_memory: int
    disk: int
    service_account: str


def asked_of(step: Step) -> tuple[Mapping[str, Any], Policy]:
    """What a step asks of its pod, @kubernetes before @resources, and how often and how long it is tried."""
    if not step.decorators:
        return _ASKING, PLAIN
    given = {decorator.name: DECORATORS[decorator.name].complete(decorator.attributes) for decorator in step.decorators}
    planned = PlannedStep(
        step.name, "", decorators=tuple({"name": name, "attributes": values} for name, values in given.items())
    )
    kubernetes, resources = given.get("kubernetes", {}), given.get("resources", {})
    asked = {**resources, **{name: value for name, value in kubernetes.items() if value is not None}}
    return asked, policy_of(planned)


def needs_of(asked: Mapping[str, Any], settings: KubernetesSettings) -> Needs:
    """The container of a step that asks for this."""
    gpu = int(asked.get("gpu") or 0)
    vendor = asked.get("gpu_vendor") or settings.gpu_vendor
    cpu = asked.get("cpu")
    return Needs(
        image=settings.qualified(asked["image"]) if asked.get("image") else settings.image,
        cpu=f"{float(cpu):g}" if cpu else settings.cpu,
        memory=int(asked.get("memory") or settings.memory),
        gpu=gpu,
        gpu_resource=(_VENDORS.get(vendor) or f"{vendor}.com/gpu") if gpu else "",
    )


def images(program: Program, settings: KubernetesSettings) -> dict[str, list[str]]:
    """The images that pods run in, each with its steps."""
    found: dict[str, list[str]] = {}
    for step in program.graph.steps.values():
        found.setdefault(needs_of(asked_of(step)[0], settings).image, []).append(step.name)
    return found


def placement_of(asked: Mapping[str, Any], settings: KubernetesSettings) -> Placement:
    """The pod of a step that asks for this."""
    return Placement(
        pull_policy=asked.get("image_pull_policy") or settings.image_pull_policy,
        pull_secrets=_once(settings.image_pull_secrets, asked.get("image_pull_secrets") or ()),
        node_selector={**settings.node_selector, **_pairs(asked.get("node_selector"))},
        labels={**settings.labels, **_pairs(asked.get("labels"))},
        annotations={**settings.annotations, **_pairs(asked.get("annotations"))},
        volume_claims={**settings.volume_claims, **(asked.get("persistent_volume_claims") or {})},
        tolerations=(*map(json.loads, settings.tolerations), *map(_toleration, asked.get("tolerations") or ())),
        secrets={**destinations(settings.secrets), **destinations(asked.get("secrets"))},
        config_maps=destinations(asked.get("config_maps")),
        shared_memory=int(asked.get("shared_memory") or 0),
        disk=int(asked.get("disk") or 0),
        service_account=asked.get("service_account") or "",
    )


def destinations(value: Any) -> dict[str, Destination]:
    """Where the content of each goes; of a mere list of names, to variables named as the keys."""
    if isinstance(value, Mapping):
        return dict(value)
    return dict.fromkeys(map(str, value or ()))


def _toleration(given: Mapping[str, Any]) -> dict[str, Any]:
    seconds = given.get("toleration_seconds", given.get("tolerationSeconds"))
    known = {name: given.get(name) for name in ("key", "operator", "value", "effect")}
    return filled({**known, "tolerationSeconds": None if seconds is None else str(seconds)})


def filled(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An object of a document without what is empty."""
    return {name: value for name, value in entry.items() if value not in (None, "", [], {})}


def _pairs(value: object) -> Mapping[str, str]:
    if isinstance(value, str):
        return pairs_of(value) or {}
    return value if isinstance(value, Mapping) else {}


def _once(*several: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in several for name in names))
