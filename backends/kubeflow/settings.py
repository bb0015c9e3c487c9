"""What a Kubeflow pipeline depends on besides the flow."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.backends.kubernetes.settings import KubernetesSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeflowSettings(KubernetesSettings):
    """``name`` is the pipeline's name as people write it.

    ``code_url`` is where containers fetch the flow file from instead of the code package, with `#sha256=` where it is
    given.  Only then ``flow_shape`` is that of the flow (:mod:`penstock.compiler.flow_shape`), ``decospecs`` what
    `--with` added to its steps, and ``defaults`` a JSON object of what was computed for its parameters.
    """

    code_url: str = ""
    flow_shape: str = ""
    decospecs: tuple[str, ...] = ()
    defaults: str = ""
