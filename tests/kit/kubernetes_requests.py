"""What the Kubernetes API asks of a request for a custom resource, and how it says no."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

GROUP, VERSION = "argoproj.io", "v1alpha1"
KINDS = {"workflowtemplates": "WorkflowTemplate", "cronworkflows": "CronWorkflow", "workflows": "Workflow"}
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
MOST_BYTES = 1_500_000
"""Of an object: what etcd takes."""
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?\Z")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_QUERIES = {
    "GET": {"labelSelector", "limit", "continue"},
    "POST": {"fieldManager", "fieldValidation", "dryRun"},
    "PATCH": {"fieldManager", "fieldValidation", "dryRun", "force"},
    "DELETE": {"propagationPolicy", "dryRun"},
}


class Refusal(Exception):
    """An answer that is an error: a Status object, or plain text where ``body`` is a string."""

    def __init__(self, status: int, reason: str, message: str, causes: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = "application/json"
        details = {"details": {"causes": causes}} if causes else {}
        self.body: Any = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **details,
            "code": status,
        }


def no_such_path() -> Refusal:
    """What a server says of an API group that it has not, such as that of a definition that is not installed."""
    refusal = Refusal(404, "NotFound", "404 page not found")
    refusal.kind, refusal.body = "text/plain; charset=utf-8", "404 page not found\n"
    return refusal


def check_query(method: str, query: Mapping[str, str]) -> None:
    unknown = set(query) - _QUERIES[method]
    if unknown:
        raise Refusal(400, "BadRequest", f"this server's tests know no query parameter {', '.join(sorted(unknown))}")
    if query.get("fieldValidation", "Strict") not in ("Strict", "Warn", "Ignore"):
        raise Refusal(422, "Invalid", f"invalid fieldValidation {query['fieldValidation']!r}")


def check_patch(content_type: str, query: Mapping[str, str]) -> None:
    """Custom resources take no strategic merge patches, and applying needs a name to own fields under."""
    if content_type not in (APPLY, MERGE, "application/json-patch+json"):
        message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(
            ["application/json-patch+json", MERGE, APPLY]
        )
        raise Refusal(415, "UnsupportedMediaType", message)
    if content_type == APPLY and not query.get("fieldManager"):
        message = "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
        raise Refusal(422, "Invalid", message)


def check_object(body: Any, plural: str, namespace: str, name: str | None) -> None:
    """The parts of an object that every kind has."""
    kind = KINDS[plural]
    if not isinstance(body, dict) or (body.get("apiVersion"), body.get("kind")) != (f"{GROUP}/{VERSION}", kind):
        raise Refusal(400, "BadRequest", f"the object provided is no {kind} of {GROUP}/{VERSION}")
    metadata = body.get("metadata") or {}
    if name is not None and metadata.get("name") != name:
        message = f"the name of the object ({metadata.get('name')}) does not match the name on the URL ({name})"
        raise Refusal(400, "BadRequest", message)
    if metadata.get("namespace", namespace) != namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise Refusal(400, "BadRequest", message)
    if "managedFields" in metadata:
        raise Refusal(400, "BadRequest", "metadata.managedFields must be nil")
    for problem in _problems(metadata):
        raise Refusal(422, "Invalid", f'{kind}.{GROUP} "{metadata.get("name")}" is invalid: {problem}')
    if len(json.dumps(body).encode()) > MOST_BYTES:
        raise Refusal(500, "", "etcdserver: request is too large")


def _problems(metadata: Mapping[str, Any]) -> list[str]:
    found = []
    name = metadata.get("name") or metadata.get("generateName", "").rstrip("-")
    if not _SUBDOMAIN.match(name) or len(name) > 253:
        found.append(f"metadata.name: Invalid value: {name!r}: a lowercase RFC 1123 subdomain must consist of …")
    for key, value in {**metadata.get("labels", {}), **metadata.get("annotations", {})}.items():
        prefix, slash, local = key.rpartition("/")
        if not _QUALIFIED.match(local) or len(local) > 63 or (slash and not _SUBDOMAIN.match(prefix)):
            found.append(f"metadata: Invalid value: {key!r}: name part must consist of alphanumeric characters …")
        if not isinstance(value, str):
            found.append(f"metadata: Invalid value: {value!r}: must be a string")
    found += [
        f"metadata.labels: Invalid value: {value!r}: a valid label must be an empty string or consist of …"
        for value in metadata.get("labels", {}).values()
        if not _LABEL_VALUE.match(value) or len(value) > 63
    ]
    if sum(len(key) + len(value) for key, value in metadata.get("annotations", {}).items()) > 262_144:
        found.append("metadata.annotations: Too long: may not be more than 262144 bytes")
    return found


def selector(text: str) -> Callable[[Mapping[str, str]], bool]:
    """A label selector as a function of labels."""
    tests = [_requirement(part.strip()) for part in re.split(r",(?![^(]*\))", text) if part.strip()]
    return lambda labels: all((labels.get(key) in values) is wanted for key, values, wanted in tests)


def _requirement(text: str) -> tuple[str, set[str], bool]:
    """A key, values, and whether its value has to be one of them."""
    if found := re.fullmatch(r"(\S+) (in|notin) \(([^)]*)\)", text):
        return found[1], {each.strip() for each in found[3].split(",")}, found[2] == "in"
    if found := re.fullmatch(r"([^=!]+)(!=|==?)([^=!]*)", text):
        return found[1], {found[3]}, found[2] != "!="
    raise Refusal(400, "BadRequest", f"unable to parse requirement: {text!r}")
