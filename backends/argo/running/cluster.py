"""What is asked of a cluster's API: Argo's objects in one namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from penstock.backends.argo.running.answers import Absent, asking, foreign, refusal_of

if TYPE_CHECKING:
    from penstock.backends.argo.running.sdk import Answer, Client

FIELD_MANAGER = "penstock"
"""Who owns the fields that we apply."""
PLURALS = {"WorkflowTemplate": "workflowtemplates", "CronWorkflow": "cronworkflows", "Workflow": "workflows"}
WORDS = {"WorkflowTemplate": "workflow template", "CronWorkflow": "cron workflow", "Workflow": "run"}
_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = "500"
_CHANGES = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
"""Strict: a field that the cluster's version of Argo does not know is refused, where it would be dropped silently."""

Object = Mapping[str, Any]


class Cluster:
    """Argo's objects in ``namespace`` of the cluster at ``address``.

    Every method raises Refused, with a sentence, where the server does not do what it is asked; Unanswered where it may
    later.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self.address = client.address
        self.namespace = namespace

    def find(self, kind: str, name: str) -> Object | None:
        """An object, None where there is none of that name."""
        try:
            return self._ask(f"look for the {WORDS[kind]} {name}", "GET", kind, name)
        except Absent:
            return None

    def labels(self, kind: str, selector: str) -> Iterator[Object]:
        """The metadata of the objects that a label selector chooses, and nothing else of them: they may be large."""
        token = ""
        while True:
            query = {"labelSelector": selector, "limit": _PAGE, **({"continue": token} if token else {})}
            page = self._ask(f"list the {WORDS[kind]}s", "GET", kind, query=query, headers={"accept": _METADATA_ONLY})
            for item in page.get("items") or ():
                yield item.get("metadata") or {}
            token = str((page.get("metadata") or {}).get("continue") or "")
            if not token:
                return

    def apply(self, body: Object, *, force: bool = False) -> Object:
        """Make the cluster hold an object (server-side apply), and nothing that we said of it before and say no more.

        Raises Refused (P567) where somebody else has set a field to something else, unless ``force`` takes it over.
        """
        kind, name = str(body["kind"]), str(body["metadata"]["name"])
        query = {**_CHANGES, **({"force": "true"} if force else {})}
        return self._ask(f"apply the {WORDS[kind]} {name}", "PATCH", kind, name, query, _APPLY, body)

    def create(self, body: Object) -> Object:
        """Make a new object.

        Raises Taken where there is one of that name.
        """
        kind, name = str(body["kind"]), str(body["metadata"]["name"])
        return self._ask(f"create the {WORDS[kind]} {name}", "POST", kind, "", _CHANGES, "application/json", body)

    def merge(self, kind: str, name: str, patch: Object, what: str) -> None:
        """Change fields of an object; ``what`` says it for people.

        Raises Absent.
        """
        self._ask(what, "PATCH", kind, name, {"fieldManager": FIELD_MANAGER}, _MERGE, patch)

    def delete(self, kind: str, name: str) -> bool:
        """Delete an object; False where there was none."""
        try:
            self._ask(f"delete the {WORDS[kind]} {name}", "DELETE", kind, name, {"propagationPolicy": "Background"})
        except Absent:
            return False
        return True

    def _ask(
        self,
        what: str,
        method: str,
        kind: str,
        name: str = "",
        query: Mapping[str, str] | None = None,
        content_type: str = "",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Object:
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{quote(self.namespace, safe='')}/{PLURALS[kind]}"
        path += f"/{quote(name, safe='')}" if name else ""
        sent = {**({"content-type": content_type} if content_type else {}), **(headers or {})}
        with asking(what, self.address):
            answer: Answer = self._client.request(method, path, query or {}, sent, body)
        if not 200 <= answer.status < 300:
            raise refusal_of(what, self.address, answer)
        if answer.document is None or "kind" not in answer.document:
            raise foreign(what, self.address)
        return answer.document
