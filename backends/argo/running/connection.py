"""Which cluster, which namespace, and as whom: from options, configuration and kubectl's contexts."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.backends.argo.options import CONTEXT, NAMESPACE
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.backends.argo.running.cluster import Cluster
    from penstock.backends.commandline import State

_ADVICE = "set KUBECONFIG or name a context with --kube-context; `kubectl config get-contexts` lists them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What the command line says of the cluster; empty where the configuration or kubectl's decides."""

    namespace: str = ""
    kube_context: str = ""

    def __str__(self) -> str:
        """As options behind a command, with a blank before each."""
        given = (("--namespace", self.namespace), ("--kube-context", self.kube_context))
        return "".join(f" {option} {shlex.quote(value)}" for option, value in given if value)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options of a :class:`Connection`, which it takes as its argument ``connection``."""

    @functools.wraps(command)
    def with_connection(**options: Any) -> Any:
        given = {name: options.pop(name) or "" for name in ("namespace", "kube_context")}
        return command(connection=Connection(**given), **options)

    return NAMESPACE(CONTEXT(with_connection))


def connect(state: State, connection: Connection) -> Cluster:
    """The cluster that the command line names, or that kubectl or the pod around knows.

    Raises Refused: the package kubernetes is missing, or no cluster is known.
    """
    try:
        from penstock.backends.argo.running.sdk import Client, find_cluster
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("kubernetes", "urllib3"):
            raise
        message = "talking to a cluster needs the package kubernetes, which is not installed"
        raise Refused(
            [Diagnostic("P560", message, help="run `python -m pip install 'penstock[kubernetes]'`")]
        ) from None
    from penstock.backends.argo.running.cluster import Cluster

    try:
        found = find_cluster(connection.kube_context)
        client = Client(found.settings)
    except Exception as error:  # whatever reads its files, YAML's errors included
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        message = f"no Kubernetes cluster is known here ({reason})"
        raise Refused([Diagnostic("P562", message, help=_ADVICE)]) from None
    configured = state.configuration.get("METAFLOW_KUBERNETES_NAMESPACE")
    return Cluster(client, connection.namespace or configured or found.namespace or "default")
