"""Which server, and as whom: from options, environment and profile to a client that is signed in."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.backends.commandline import State
    from penstock.backends.kubeflow.running.server import Server

_SERVER_NAMESPACE = "kubeflow"
_ADVICE = (
    "give --host or set KF_PIPELINES_ENDPOINT, such as http://localhost:8080 behind "
    "`kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What the command line says of the server; empty where the configuration or kfp decides.

    ``namespace`` is whose runs they are on a server for many users; the names of the others are those of kfp.Client.
    """

    host: str = ""
    namespace: str = ""
    token: str = ""
    token_file: str = ""
    cookies: str = ""
    client_id: str = ""
    other_client_id: str = ""
    other_client_secret: str = ""
    kube_context: str = ""
    ca_file: str = ""


_OPTIONS = (
    click.option("--host", metavar="URL", help="The server's API; KF_PIPELINES_ENDPOINT if not given."),
    click.option("--namespace", metavar="NAME", help="Whose runs, on a server for many users."),
    click.option("--token", envvar="KFP_EXISTING_TOKEN", metavar="TOKEN", help="A bearer token."),
    click.option(
        "--token-file",
        envvar="KF_PIPELINES_SA_TOKEN_PATH",
        metavar="FILE",
        help="A file with a service account's token, read again when it changes.",
    ),
    click.option("--cookies", envvar="KFP_COOKIES", metavar="TEXT", help="Cookies of a session, such as Dex's."),
    click.option("--client-id", metavar="ID", help="The OAuth client of an Identity-Aware Proxy."),
    click.option("--other-client-id", metavar="ID", help="The OAuth client of a desktop application, for that proxy."),
    click.option("--other-client-secret", metavar="SECRET", help="Its secret."),
    click.option("--kube-context", metavar="NAME", help="Without a host: the context of kubectl to reach it through."),
    click.option("--ca-file", metavar="FILE", help="The certificates of the server's authority."),
)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options of a :class:`Connection`, which it takes as its argument ``connection``."""
    names = [each.name for each in fields(Connection)]

    @functools.wraps(command)
    def with_connection(**options: Any) -> Any:
        given = {name: options.pop(name) or "" for name in names}
        return command(connection=Connection(**given), **options)

    wrapped: Callable[..., Any] = with_connection
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def connect(state: State, connection: Connection) -> Server:
    """Sign in to the server that the command line or the configuration names, or that runs in this cluster.

    Raises Refused: kfp is missing, no server is named, it can't be reached, or it does not know who asks.
    """
    try:
        from penstock.backends.kubeflow.running.sdk import Client
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("kfp", "kfp_server_api", "kubernetes"):
            raise
        message = "talking to Kubeflow Pipelines needs kfp, which is not installed"
        raise Refused([Diagnostic("P550", message, help="run `python -m pip install 'penstock[kfp]'`")]) from None
    from penstock.backends.kubeflow.running.answers import asking, foreign
    from penstock.backends.kubeflow.running.server import Server

    configuration = state.configuration
    host = connection.host or configuration.get("KF_PIPELINES_ENDPOINT") or ""
    if not host:
        _demand_cluster(connection.kube_context)
    server_namespace = configuration.get("METAFLOW_KFP_SERVER_NAMESPACE") or _SERVER_NAMESPACE
    with asking("sign in", host or "the cluster's server"), _signing_in():
        client = Client(**_arguments(host, server_namespace, connection))
    with asking("sign in", client.address):
        health = client.get_kfp_healthz()
    if not client.last_content_type.startswith("application/json"):
        raise foreign("sign in", client.address)
    namespace = connection.namespace or configuration.get("METAFLOW_KFP_NAMESPACE") or client.user_namespace
    if health.multi_user and not namespace:
        message = f"{client.address} is for many users, and it isn't said whose runs are meant"
        raise Refused([Diagnostic("P552", message, help="give --namespace, or set METAFLOW_KFP_NAMESPACE")])
    return Server(client, client.address, namespace)


def _arguments(host: str, namespace: str, connection: Connection) -> dict[str, Any]:
    """Those of kfp.Client.  Its ``namespace`` is the one that the server runs in, where there is no host."""
    given = {
        "host": host,
        "existing_token": connection.token,
        "cookies": connection.cookies,
        "client_id": connection.client_id,
        "other_client_id": connection.other_client_id,
        "other_client_secret": connection.other_client_secret,
        "kube_context": connection.kube_context,
        "ssl_ca_cert": _readable(connection.ca_file),
    }
    arguments: dict[str, Any] = {name: value for name, value in given.items() if value}
    if connection.token_file and not connection.token:
        from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

        arguments["credentials"] = ServiceAccountTokenVolumeCredentials(_readable(connection.token_file))
    return {**arguments, "namespace": namespace}


def _readable(path: str) -> str:
    """The path of a file that can be read, or an empty one.

    Raises Refused.
    """
    if path:
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            message = f"{path} can't be read: {error.strerror}"
            raise Refused([Diagnostic("P552", message, help="correct --token-file or --ca-file")]) from None
    return path


def _demand_cluster(context: str) -> None:
    """Raise Refused where neither this process runs in a cluster nor kubectl knows of one."""
    import kubernetes

    scratch = kubernetes.client.Configuration()
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return
    try:
        kubernetes.config.load_kube_config(client_configuration=scratch, context=context or None)
    except Exception as error:  # whatever reads its files, YAML's errors included
        reason = str(error).partition("\n")[0].rstrip(".")
        message = f"no server of Kubeflow Pipelines is named, and there is no cluster to find it in ({reason})"
        raise Refused([Diagnostic("P552", message, help=_ADVICE)]) from None


@contextmanager
def _signing_in() -> Iterator[None]:
    """Around the making of a client: what the many ways to sign in raise becomes one diagnostic."""
    try:
        yield
    except Exception as error:
        # Files that can't be read or don't hold what they should, and whatever Google's library says.
        if not isinstance(error, (OSError, ValueError)) and not type(error).__module__.startswith("google.auth"):
            raise
        reason = str(error).partition("\n")[0].rstrip(".")
        message = f"could not sign in: {reason}"
        raise Refused([Diagnostic("P552", message, help="check the options that sign in, or use --token")]) from error
