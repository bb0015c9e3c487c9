"""A Kubeflow Pipelines API on loopback, as far as Penstock talks to it, which takes nothing that the real one refuses.

No package carries the real server.  What this one asks of a request stands in ``kfp_requests``; what it answers is made
from ``kfp_server_api``'s models, as the real one fills them.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import kfp_server_api
from json_wire import Asked, listen
from kfp_requests import (
    INTERNAL,
    INVALID,
    NOT_FOUND,
    UNAUTHENTICATED,
    Refusal,
    check_cron,
    check_pipeline,
    check_query,
    filtered,
    page_of,
    read_model,
)

API = "/apis/v2beta1"
EPOCH = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
_LISTING = {"page_token", "page_size", "sort_by", "filter", "namespace"}
_ENDED = {"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"}


class Scene(NamedTuple):
    """What a run looks like at one moment: its state, and each task's by ``name`` or ``name#2`` for a second one."""

    state: str
    tasks: Mapping[str, str] = {}
    error: str = ""


@dataclass
class StoredRun:
    """A run and the scenes that it goes through, one with each look at it; the last one stays."""

    model: Any
    namespace: str
    scenes: list[Scene]
    began: dict[str, int] = field(default_factory=dict)

    @property
    def scene(self) -> Scene:
        return self.scenes[0]

    def look(self) -> None:
        if len(self.scenes) > 1:
            self.scenes.pop(0)


class KfpServer:
    """``script`` is what runs started from now on go through.  ``answer`` may answer in the server's place, ``prefix``
    stands before every path.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.experiments: dict[str, Any] = {}
        self.runs: dict[str, StoredRun] = {}
        self.recurring_runs: dict[str, Any] = {}
        self.script: list[Scene] = [Scene("SUCCEEDED")]
        self.multi_user = False
        self.prefix = ""
        self.token = ""
        self.cookie = ""
        self.answer: Callable[[Asked], tuple[int, str, bytes] | None] = lambda asked: None
        self._minutes = 0
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

    def told(self, method: str, path: str) -> list[Asked]:
        """The requests of this method to paths that begin so, oldest first."""
        return [asked for asked in self.asked if asked.method == method and asked.path.startswith(API + path)]

    def handle(self, asked: Asked) -> tuple[int, str, bytes]:
        """Status, content type and body for a request."""
        with self._lock:
            self.asked.append(asked)
            given = self.answer(asked)
            if given is not None:
                return given
            try:
                self._admit(asked.headers)
                status, answer = 200, self._route(asked)
            except Refusal as refusal:
                status, answer = refusal.status, refusal.body
        return status, "application/json", json.dumps(_plain(answer)).encode()

    def _admit(self, headers: Mapping[str, str]) -> None:
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            raise Refusal(UNAUTHENTICATED, "Request header error: there is no user identity header.")
        if self.cookie and headers.get("cookie") != self.cookie:
            raise Refusal(UNAUTHENTICATED, "Request header error: there is no user identity header.")

    def _route(self, asked: Asked) -> Any:
        if not asked.path.startswith(self.prefix + API):
            raise Refusal(NOT_FOUND, "Not Found")
        path = asked.path.removeprefix(self.prefix + API)
        collection, _, rest = path.strip("/").partition("/")
        one, _, verb = rest.partition(":")
        match asked.method, collection, bool(one), verb:
            case "GET", "healthz", False, "":
                return kfp_server_api.V2beta1GetHealthzResponse(multi_user=self.multi_user)
            case "GET", "experiments", False, "":
                return self._list_experiments(asked.query)
            case "POST", "experiments", False, "":
                return self._create_experiment(read_model(asked.body, "V2beta1Experiment"))
            case "GET", "runs", False, "":
                return self._list_runs(asked.query)
            case "POST", "runs", False, "":
                return self._create_run(read_model(asked.body, "V2beta1Run"))
            case "GET", "runs", True, "":
                return self._look(one)
            case "POST", "runs", True, "terminate":
                return self._terminate(one)
            case "GET", "recurringruns", False, "":
                return self._list_recurring(asked.query)
            case "POST", "recurringruns", False, "":
                return self._create_recurring(read_model(asked.body, "V2beta1RecurringRun"))
            case "DELETE", "recurringruns", True, "":
                return self._delete_recurring(one)
            case _:
                raise Refusal(NOT_FOUND, "Not Found")

    # Experiments

    def _list_experiments(self, query: Mapping[str, str]) -> Any:
        check_query(query, _LISTING)
        self._check_namespace(query.get("namespace", ""))
        found = [each for each in self.experiments.values() if (each.namespace or "") == query.get("namespace", "")]
        page, token = page_of(filtered(found, query), query)
        return kfp_server_api.V2beta1ListExperimentsResponse(
            experiments=page or None, total_size=len(found), next_page_token=token
        )

    def _create_experiment(self, given: Any) -> Any:
        self._check_namespace(given.namespace or "")
        if not given.display_name:
            raise Refusal(INVALID, "Invalid input error: Experiment name is empty.")
        given.experiment_id, given.created_at = str(uuid.uuid4()), self._now()
        given.storage_state = "AVAILABLE"
        self.experiments[given.experiment_id] = given
        return given

    def _check_namespace(self, namespace: str) -> None:
        if self.multi_user and not namespace:
            raise Refusal(INVALID, "Invalid input error: In multi-user mode, the namespace must be specified.")

    def _experiment(self, one: str) -> Any:
        if one not in self.experiments:
            raise Refusal(NOT_FOUND, f"ResourceNotFoundError: Experiment {one} not found.")
        return self.experiments[one]

    # Runs

    def _list_runs(self, query: Mapping[str, str]) -> Any:
        check_query(query, _LISTING | {"experiment_id"})
        found = [run.model for run in self.runs.values()]
        if "experiment_id" in query:
            self._experiment(query["experiment_id"])
            found = [run for run in found if run.experiment_id == query["experiment_id"]]
        else:
            self._check_namespace(query.get("namespace", ""))
        page, token = page_of(filtered(found, query), query)
        return kfp_server_api.V2beta1ListRunsResponse(runs=page or None, total_size=len(found), next_page_token=token)

    def _create_run(self, given: Any) -> Any:
        if not given.display_name:
            raise Refusal(INVALID, "Invalid input error: The run name is empty. Please specify a valid name.")
        experiment = self._experiment(given.experiment_id)
        check_pipeline(given)
        given.run_id, given.created_at, given.state = str(uuid.uuid4()), self._now(), "PENDING"
        given.storage_state = "AVAILABLE"
        self.runs[given.run_id] = StoredRun(given, experiment.namespace or "", [Scene("PENDING"), *self.script])
        return given

    def _look(self, one: str) -> Any:
        run = self._run(one)
        run.look()
        scene, model = run.scene, run.model
        model.state = scene.state
        if scene.state in _ENDED and model.finished_at is None:
            model.finished_at = self._now()
        model.error = kfp_server_api.GoogleRpcStatus(code=INTERNAL, message=scene.error) if scene.error else None
        details = [self._task(run, name, state) for name, state in scene.tasks.items()]
        model.run_details = kfp_server_api.V2beta1RunDetails(task_details=details) if details else None
        return model

    def _task(self, run: StoredRun, name: str, state: str) -> Any:
        """As the real one makes them of Argo's nodes: no pod name, no error, no executor."""
        begin = EPOCH + timedelta(seconds=run.began.setdefault(name, len(run.began)))
        return kfp_server_api.V2beta1PipelineTaskDetail(
            run_id=run.model.run_id,
            task_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{run.model.run_id} {name}")),
            display_name=name.partition("#")[0],
            create_time=EPOCH,
            start_time=begin,
            end_time=begin + timedelta(seconds=2) if state in _ENDED else datetime.fromtimestamp(0, timezone.utc),
            state=state,
        )

    def _terminate(self, one: str) -> Any:
        run = self._run(one)
        run.scenes[:] = [Scene("CANCELING"), Scene("CANCELING"), Scene("CANCELED")]
        return {}

    def _run(self, one: str) -> StoredRun:
        if one not in self.runs:
            raise Refusal(NOT_FOUND, f"Failed to get a run: ResourceNotFoundError: Run {one} not found.")
        return self.runs[one]

    # Recurring runs

    def _list_recurring(self, query: Mapping[str, str]) -> Any:
        check_query(query, _LISTING | {"experiment_id"})
        found = [
            each
            for each in self.recurring_runs.values()
            if each.experiment_id == query.get("experiment_id", each.experiment_id)
        ]
        page, token = page_of(filtered(found, query), query)
        return kfp_server_api.V2beta1ListRecurringRunsResponse(
            recurring_runs=page or None, total_size=len(found), next_page_token=token
        )

    def _create_recurring(self, given: Any) -> Any:
        self._experiment(given.experiment_id)
        if not given.display_name:
            raise Refusal(INVALID, "Invalid input error: Recurring run's name cannot be empty")
        if not 1 <= int(given.max_concurrency or 0) <= 10:
            raise Refusal(INVALID, "Invalid input error: The max concurrency must be between 1 and 10.")
        if given.mode not in ("ENABLE", "DISABLE"):
            raise Refusal(INVALID, "Invalid input error: The mode of the recurring run is unspecified.")
        if given.trigger is None or given.trigger.cron_schedule is None:
            raise Refusal(INVALID, "Invalid input error: this server's tests know cron schedules only.")
        check_cron(given.trigger.cron_schedule.cron)
        check_pipeline(given)
        given.recurring_run_id, given.created_at, given.status = str(uuid.uuid4()), self._now(), "ENABLED"
        self.recurring_runs[given.recurring_run_id] = given
        return given

    def _delete_recurring(self, one: str) -> Any:
        if self.recurring_runs.pop(one, None) is None:
            raise Refusal(NOT_FOUND, f"ResourceNotFoundError: Recurring run {one} not found.")
        return {}

    def _now(self) -> datetime:
        """A minute later with each thing that happens."""
        self._minutes += 1
        return EPOCH + timedelta(minutes=self._minutes)


def _plain(answer: Any) -> Any:
    return kfp_server_api.ApiClient().sanitize_for_serialization(answer)
