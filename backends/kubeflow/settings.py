"""What a Kubeflow pipeline depends on besides the flow."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.backends.kubernetes.settings import KubernetesSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeflowSettings(KubernetesSettings):
    """``name`` is the pipeline's name as people write it.

    ``code_url`` is where containers fetch the flow file from instead of the code package, with ``code_sha`` its SHA-256
    in hexadecimal where it is known.
    """

    code_url: str = ""
    code_sha: str = ""
