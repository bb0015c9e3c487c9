"""What manifests for Argo Workflows depend on besides the flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from penstock.backends.kubernetes.settings import KubernetesSettings

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoSettings(KubernetesSettings):
    """``name`` is that of the WorkflowTemplate.

    ``kubernetes_namespace`` is where the objects belong, empty where whoever applies them decides.  ``object_labels``
    and ``object_annotations`` mark the objects and their runs.  ``on_exit`` is the WorkflowTemplate that a run ends
    with, and after a ``/`` the template in it.
    """

    kubernetes_namespace: str = ""
    object_labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    object_annotations: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    on_exit: str = ""
