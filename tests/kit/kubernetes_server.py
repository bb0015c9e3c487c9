"""The part of a Kubernetes API on loopback that holds Argo's objects, and takes nothing that the real one refuses.

No package carries the real server.  What it asks of a request stands in ``kubernetes_requests``; server-side apply in
``server_side_apply``; what becomes of a workflow in ``argo_status``.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from argo_status import Scene, status_of
from json_wire import Asked, listen
from kubernetes_requests import (
    APPLY,
    GROUP,
    KINDS,
    VERSION,
    Refusal,
    check_object,
    check_patch,
    check_query,
    no_such_path,
    selector,
)
from server_side_apply import Owned

EPOCH = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
_OF_ALL = {"GET": "list", "POST": "create"}
_METADATA_ONLY = "as=PartialObjectMetadataList"


@dataclass
class Stored:
    """An object; of a workflow the ``scenes`` that it goes through, one with each look, the last one staying."""

    owned: Owned
    version: int
    began: datetime
    scenes: list[Scene] = field(default_factory=list)
    ending: bool = False
    ended: datetime | None = None


class KubernetesServer:
    """``script`` is what workflows started from now on go through.  ``answer`` may answer in the server's place.

    ``forbidden`` holds verbs with resources (``"patch workflowtemplates"``) that are denied, ``allowed`` those that are
    not, None for all, ``used`` those that were asked for; ``token`` is whom it knows.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.objects: dict[tuple[str, str, str], Stored] = {}
        self.namespaces = {"default"}
        self.script: list[Scene] = [Scene("Succeeded")]
        self.installed = True
        self.token = ""
        self.forbidden: set[str] = set()
        self.allowed: set[str] | None = None
        self.used: set[str] = set()
        self.answer: Callable[[Asked], tuple[int, str, bytes] | None] = lambda asked: None
        self._minutes = self._version = 0
        self._lock = threading.Lock()
        self._server = listen(self.handle)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """End the server and its thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def told(self, method: str, plural: str = "") -> list[Asked]:
        """The requests of this method for objects of this kind, oldest first."""
        return [each for each in self.asked if each.method == method and f"/{plural}" in each.path]

    def live(self, plural: str, name: str, namespace: str = "default") -> dict[str, Any]:
        """An object as it is stored."""
        return self.objects[namespace, plural, name].owned.live

    def put(self, body: dict[str, Any], manager: str = "kubectl-create", namespace: str = "default") -> Stored:
        """Store an object, as somebody else would."""
        plural = next(plural for plural, kind in KINDS.items() if kind == body["kind"])
        self._version += 1
        stored = Stored(Owned(body, manager), self._version, self._now())
        metadata = stored.owned.live["metadata"]
        metadata |= {"namespace": namespace, "uid": secrets.token_hex(8)}
        metadata["creationTimestamp"] = stored.began.strftime("%Y-%m-%dT%H:%M:%SZ")
        if plural == "workflows":
            stored.scenes = [Scene(""), *self.script]
        self.objects[namespace, plural, metadata["name"]] = stored
        return stored

    def handle(self, asked: Asked) -> tuple[int, str, bytes]:
        """Status, content type and body for a request."""
        with self._lock:
            self.asked.append(asked)
            given = self.answer(asked)
            if given is not None:
                return given
            try:
                status, answer = self._route(asked)
                kind = "application/json"
            except Refusal as refusal:
                status, kind, answer = refusal.status, refusal.kind, refusal.body
        return status, kind, (answer if isinstance(answer, str) else json.dumps(answer)).encode()

    def _route(self, asked: Asked) -> tuple[int, Any]:
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            raise Refusal(401, "Unauthorized", "Unauthorized")
        parts = asked.path.strip("/").split("/")
        if not self.installed or parts[:4] != ["apis", GROUP, VERSION, "namespaces"] or len(parts) not in (6, 7):
            raise no_such_path()
        namespace, plural, name = parts[4], parts[5], (parts[6] if len(parts) == 7 else None)
        if plural not in KINDS:
            raise no_such_path()
        self._admit(asked, namespace, plural, name)
        check_query(asked.method, asked.query)
        match asked.method, name:
            case "GET", None:
                return 200, self._list(asked, namespace, plural)
            case "GET", str():
                return 200, self._look(namespace, plural, name)
            case "POST", None:
                return 201, self._create(asked, namespace, plural)
            case "PATCH", str():
                return self._patch(asked, namespace, plural, name)
            case "DELETE", str():
                self._demand(namespace, plural, name)
                del self.objects[namespace, plural, name]
                return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
            case _:
                raise Refusal(
                    405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
                )

    def _admit(self, asked: Asked, namespace: str, plural: str, name: str | None) -> None:
        """Applying makes an object where there is none: then one must be allowed to do that too."""
        one = {"GET": "get", "PATCH": "patch", "DELETE": "delete"}
        verbs = (
            [one.get(asked.method, asked.method.lower())] if name else [_OF_ALL.get(asked.method, "deletecollection")]
        )
        if asked.headers.get("content-type") == APPLY and (namespace, plural, name) not in self.objects:
            verbs.append("create")
        for verb in verbs:
            right = f"{verb} {plural}"
            self.used.add(right)
            if right in self.forbidden or (self.allowed is not None and right not in self.allowed):
                what = f'{plural}.{GROUP} "{name}"' if name else f"{plural}.{GROUP}"
                message = (
                    f'{what} is forbidden: User "ada" cannot {verb} resource "{plural}" in API group "{GROUP}" '
                    f'in the namespace "{namespace}"'
                )
                raise Refusal(403, "Forbidden", message)

    def _list(self, asked: Asked, namespace: str, plural: str) -> Any:
        chosen = selector(asked.query.get("labelSelector", ""))
        found = [
            self._shown(stored)
            for (space, kind, _), stored in sorted(self.objects.items())
            if (space, kind) == (namespace, plural) and chosen(stored.owned.live["metadata"].get("labels", {}))
        ]
        begin, limit = int(asked.query.get("continue") or 0), int(asked.query.get("limit") or 0)
        page = found[begin : begin + limit] if limit else found[begin:]
        rest = {"continue": str(begin + len(page))} if begin + len(page) < len(found) else {}
        if _METADATA_ONLY in asked.headers.get("accept", ""):
            kinds = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return {**kinds, "metadata": rest, "items": [{"metadata": each["metadata"]} for each in page]}
        kinds = {"kind": f"{KINDS[plural]}List", "apiVersion": f"{GROUP}/{VERSION}"}
        return {**kinds, "metadata": rest, "items": page}

    def _look(self, namespace: str, plural: str, name: str) -> Any:
        stored = self._demand(namespace, plural, name)
        if len(stored.scenes) > 1:
            stored.scenes.pop(0)
        return self._shown(stored)

    def _create(self, asked: Asked, namespace: str, plural: str) -> Any:
        if namespace not in self.namespaces:
            raise Refusal(404, "NotFound", f'namespaces "{namespace}" not found')
        body = asked.body
        if "name" not in body.get("metadata", {}):
            body["metadata"]["name"] = body["metadata"]["generateName"] + secrets.token_hex(3)[:5]
        check_object(body, plural, namespace, None)
        name = body["metadata"]["name"]
        if (namespace, plural, name) in self.objects:
            raise Refusal(409, "AlreadyExists", f'{plural}.{GROUP} "{name}" already exists')
        return self._shown(self.put(body, asked.query.get("fieldManager", "unknown"), namespace))

    def _patch(self, asked: Asked, namespace: str, plural: str, name: str) -> tuple[int, Any]:
        check_patch(asked.headers.get("content-type", ""), asked.query)
        manager = asked.query.get("fieldManager", "unknown")
        if asked.headers["content-type"] != APPLY:
            stored = self._demand(namespace, plural, name)
            before = stored.owned.fingerprint
            stored.owned.merge(asked.body, manager)
            return 200, self._changed(stored, before)
        check_object(asked.body, plural, namespace, name)
        if (namespace, plural, name) not in self.objects:
            if namespace not in self.namespaces:
                raise Refusal(404, "NotFound", f'namespaces "{namespace}" not found')
            return 201, self._shown(self.put(asked.body, manager, namespace))
        stored = self.objects[namespace, plural, name]
        before = stored.owned.fingerprint
        conflicts = stored.owned.apply(asked.body, manager, asked.query.get("force") == "true")
        if conflicts:
            said = [(f'conflict with "{each.manager}"', "." + ".".join(each.path)) for each in conflicts]
            number = f"{len(said)} conflict{'s' if len(said) > 1 else ''}"
            causes = [{"reason": "FieldManagerConflict", "message": who, "field": where} for who, where in said]
            listed = "; ".join(f"{who}: {where}" for who, where in said)
            raise Refusal(409, "Conflict", f"Apply failed with {number}: {listed}", causes)
        return 200, self._changed(stored, before)

    def _changed(self, stored: Stored, before: str) -> Any:
        """An object that stays as it is keeps its version."""
        if stored.owned.fingerprint != before:
            self._version += 1
            stored.version = self._version
        return self._shown(stored)

    def _demand(self, namespace: str, plural: str, name: str) -> Stored:
        if (namespace, plural, name) not in self.objects:
            raise Refusal(404, "NotFound", f'{plural}.{GROUP} "{name}" not found')
        return self.objects[namespace, plural, name]

    def _shown(self, stored: Stored) -> dict[str, Any]:
        """The object with what the server adds, and of a workflow with what its controller does."""
        live = stored.owned.live
        managers = [
            {"manager": manager, "fieldsType": "FieldsV1", "fieldsV1": stored.owned.fields_of(manager)}
            for manager in stored.owned.fields
        ]
        added = {"resourceVersion": str(stored.version), "generation": 1, "managedFields": managers}
        shown = {**live, "metadata": {**live["metadata"], **added}}
        if not stored.scenes:
            return shown
        if live["spec"].get("shutdown") and not stored.ending and stored.ended is None:
            stored.ending = True
            stopped = Scene("Failed", message="Stopped with strategy 'Terminate'")
            stored.scenes[:] = [Scene("Running"), Scene("Running"), stopped]
        scene = stored.scenes[0]
        if scene.over and stored.ended is None:
            stored.ended = self._now()
        if scene.phase:
            labels = {"workflows.argoproj.io/phase": scene.phase}
            if scene.over:
                labels["workflows.argoproj.io/completed"] = "true"
            live["metadata"].setdefault("labels", {}).update(labels)
            shown["metadata"]["labels"] = live["metadata"]["labels"]
            shown["status"] = status_of(live["metadata"]["name"], scene, stored.began, stored.ended)
        return shown

    def _now(self) -> datetime:
        """A minute later with each thing that happens."""
        self._minutes += 1
        return EPOCH + timedelta(minutes=self._minutes)
