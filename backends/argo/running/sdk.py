"""The official client of Kubernetes, for what it does best: contexts, certificates, and the many ways to sign in.

Requests go to its pool of connections directly: none is repeated behind our back, none follows a redirection, and an
answer is the server's own JSON.  Imported only where a cluster is talked to: its import takes half a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import urllib3
import yaml
from kubernetes import config
from kubernetes.client.configuration import Configuration
from kubernetes.client.rest import RESTClientObject

TIMEOUTS = (10.0, 60.0)
"""Seconds for a connection, and for an answer."""
_IN_CLUSTER = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"


class Answer(NamedTuple):
    """What a server answers: ``document`` is its JSON object, None where it is none, ``text`` the answer as it is."""

    status: int
    document: Mapping[str, Any] | None
    text: str
    headers: Mapping[str, str]


class Found(NamedTuple):
    """How to reach a cluster, and the namespace that its context names, empty where it names none."""

    settings: Configuration
    namespace: str


def find_cluster(context: str) -> Found:
    """The cluster of that context of kubectl; without one, of KUBECONFIG, of the pod around, of kubectl's own file.

    Raises what the client raises, ConfigException and others, for files that it can't read.
    """
    settings = Configuration()
    files = os.environ.get("KUBECONFIG")
    if not files and not context and os.environ.get("KUBERNETES_SERVICE_HOST"):
        config.load_incluster_config(client_configuration=settings)
        with open(_IN_CLUSTER, encoding="utf-8") as file:
            return Found(settings, file.read().strip())
    files = files or os.path.expanduser("~/.kube/config")
    context = context or _current_context(files)
    config.load_kube_config(files, context=context or None, client_configuration=settings, persist_config=False)
    contexts, active = config.list_kube_config_contexts(files)
    chosen = next((each for each in contexts if each["name"] == context), active)
    return Found(settings, str((chosen.get("context") or {}).get("namespace") or ""))


def _current_context(files: str) -> str:
    """The current context of several files, as kubectl finds it: the first that any of them names.

    The client would take the last.  What it cannot read it tells better than we do.
    """
    for path in files.split(os.pathsep):
        try:
            with open(os.path.expanduser(path), "rb") as file:
                document = yaml.safe_load(file)
        except (OSError, yaml.YAMLError):
            continue
        if isinstance(document, dict) and document.get("current-context"):
            return str(document["current-context"])
    return ""


class Client:
    """Sends requests to one cluster, signed as the context says; tokens that expire are fetched again."""

    def __init__(self, settings: Configuration) -> None:
        self._settings = settings
        self._pool = RESTClientObject(settings).pool_manager
        self.address = str(settings.host).rstrip("/")

    def request(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: object = None
    ) -> Answer:
        """One request; ``body`` is sent as JSON.

        Raises urllib3's errors where there is no answer.
        """
        signed = {"accept": "application/json", "user-agent": "penstock", **headers}
        for setting in self._settings.auth_settings().values():
            if setting["value"]:
                signed[setting["key"]] = setting["value"]
        answer = self._pool.request(
            method,
            self.address + path + (f"?{urlencode(query)}" if query else ""),
            body=None if body is None else json.dumps(body, separators=(",", ":")).encode(),
            headers=signed,
            timeout=urllib3.Timeout(connect=TIMEOUTS[0], read=TIMEOUTS[1]),
            retries=False,
            redirect=False,
        )
        text = answer.data.decode("utf-8", "replace")
        return Answer(answer.status, _object(text), text, {key.lower(): each for key, each in answer.headers.items()})


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
