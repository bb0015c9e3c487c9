"""What is asked of a server of Kubeflow Pipelines, and what it says of runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.backends.following.seen import SeenTask as StepTask
from penstock.backends.following.seen import Sight, TaskState
from penstock.backends.kubeflow.running.answers import asking, foreign
from penstock.compiler.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from penstock.backends.kubeflow.running.sdk import Client

RUN_ID_PREFIX = "kfp-"
ENDED = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"})
"""The states in which a run or a task stays."""
_STATES = {
    "PENDING": TaskState.WAITING,
    "SUCCEEDED": TaskState.SUCCEEDED,
    "FAILED": TaskState.FAILED,
    "CANCELED": TaskState.ENDED,
}
"""Of tasks; those of the others run, except for the untold."""
_UNTOLD = frozenset({"", "SKIPPED", "RUNTIME_STATE_UNSPECIFIED"})
_PAGE = 100
_EQUALS = 1
_ALSO_ENDING = frozenset({"CANCELING"})


class SeenTask(NamedTuple):
    """One node of a run: a step's task, or one of the server's own, such as a driver."""

    id: str
    name: str
    state: str
    seconds: float | None


class SeenRun(NamedTuple):
    """A run as the server shows it; ``spec`` is the pipeline, empty where the server names a stored one instead.

    ``finished`` is None while it runs; ``error`` is what the server says of a failure, most often nothing.
    """

    uuid: str
    name: str
    state: str
    created: datetime
    finished: datetime | None
    error: str
    tasks: tuple[SeenTask, ...]
    spec: Mapping[str, Any]
    platform: Mapping[str, Any]

    @property
    def run(self) -> str:
        """The run's id, as its tasks are stored."""
        return RUN_ID_PREFIX + self.uuid

    @property
    def pipeline(self) -> str:
        """The pipeline's name, empty where the server does not say."""
        return str((self.spec.get("pipelineInfo") or {}).get("name") or "")


class Order(NamedTuple):
    """What is to be run: the pipeline's documents and the values of its inputs."""

    name: str
    spec: Mapping[str, Any]
    platform: Mapping[str, Any]
    parameters: Mapping[str, object]
    pipeline_root: str = ""
    service_account: str = ""


class Server:
    """A server that we are signed in to, at ``address``; ``namespace`` is whose runs are meant, empty for everybody's.

    Every method raises Refused, with a sentence, where the server does not do what it is asked; Unanswered where it may
    later.
    """

    def __init__(self, client: Client, address: str, namespace: str) -> None:
        from penstock.backends.kubeflow.running.sdk import TIMEOUTS

        self._client = client
        self._patience = {"_request_timeout": TIMEOUTS}
        self.address = address
        self.namespace = namespace

    def find_experiment(self, name: str) -> str | None:
        """The id of the experiment of that name, None where there is none."""
        wanted = {"predicates": [{"operation": _EQUALS, "key": "display_name", "stringValue": name}]}
        with asking(f"look for the experiment {name}", self.address):
            found = self._client.experiments.experiment_service_list_experiments(
                filter=json.dumps(wanted), namespace=self.namespace, **self._patience
            )
        listed = found.experiments or []
        return str(listed[0].experiment_id) if listed else None

    def demand_experiment(self, name: str) -> str:
        """The id of the experiment of that name."""
        found = self.find_experiment(name)
        if found is None:
            where = f" in the namespace {self.namespace}" if self.namespace else ""
            message = f"there is no experiment {name}{where} at {self.address}"
            raise Refused(
                [Diagnostic("P553", message, help="name another with --experiment-name, or start a run first")]
            )
        return found

    def ensure_experiment(self, name: str) -> str:
        """The id of the experiment of that name, which is made where there is none."""
        found = self.find_experiment(name)
        if found is not None:
            return found
        experiment = self._client.api_models.V2beta1Experiment(display_name=name, namespace=self.namespace or None)
        with asking(f"make the experiment {name}", self.address):
            made = self._client.experiments.experiment_service_create_experiment(experiment, **self._patience)
        return self._identity(made.experiment_id, "make an experiment")

    def start(self, order: Order, experiment: str) -> str:
        """Start a run; its id on the server."""
        body = self._client.api_models.V2beta1Run(experiment_id=experiment, **self._ordered(order))
        with asking(f"start a run of {order.name}", self.address):
            made = self._client.runs.run_service_create_run(body, **self._patience)
        return self._identity(made.run_id, "start a run")

    def look(self, uuid: str) -> SeenRun:
        """How a run is doing."""
        with asking(f"ask how the run {RUN_ID_PREFIX}{uuid} is doing", self.address), _of_run(uuid, self.address):
            return _seen(self._client.runs.run_service_get_run(uuid, **self._patience))

    def runs(self, experiment: str) -> Iterator[SeenRun]:
        """The runs of an experiment, newest first, a page at a time."""
        token = ""
        while True:
            with asking("list the runs", self.address):
                page = self._client.runs.run_service_list_runs(
                    experiment_id=experiment,
                    sort_by="created_at desc",
                    page_size=_PAGE,
                    page_token=token,
                    **self._patience,
                )
            yield from map(_seen, page.runs or [])
            token = page.next_page_token or ""
            if not token:
                return

    def terminate(self, uuid: str) -> bool:
        """End a run; False where it had ended before."""
        if self.look(uuid).state in ENDED | _ALSO_ENDING:
            return False
        with asking(f"terminate the run {RUN_ID_PREFIX}{uuid}", self.address), _of_run(uuid, self.address):
            self._client.runs.run_service_terminate_run(uuid, **self._patience)
        return True

    def recurring(self, experiment: str) -> dict[str, str]:
        """Names of the experiment's recurring runs by their ids."""
        found: dict[str, str] = {}
        token = ""
        while True:
            with asking("list the recurring runs", self.address):
                page = self._client.recurring_runs.recurring_run_service_list_recurring_runs(
                    experiment_id=experiment, page_size=_PAGE, page_token=token, **self._patience
                )
            found |= {str(each.recurring_run_id): str(each.display_name) for each in page.recurring_runs or []}
            token = page.next_page_token or ""
            if not token:
                return found

    def recur(self, order: Order, experiment: str, cron: str) -> str:
        """Start a run whenever the six fields of ``cron`` say so, one at a time; the id of that on the server."""
        models = self._client.api_models
        body = models.V2beta1RecurringRun(
            experiment_id=experiment,
            namespace=self.namespace or None,
            mode="ENABLE",
            max_concurrency="1",
            no_catchup=True,
            trigger=models.V2beta1Trigger(cron_schedule=models.V2beta1CronSchedule(cron=cron)),
            **self._ordered(order),
        )
        with asking(f"make the recurring run {order.name}", self.address):
            made = self._client.recurring_runs.recurring_run_service_create_recurring_run(body, **self._patience)
        return self._identity(made.recurring_run_id, "make a recurring run")

    def stop_recurring(self, recurring: str) -> None:
        """Delete a recurring run; runs that it has started go on."""
        with asking("delete a recurring run", self.address):
            self._client.recurring_runs.recurring_run_service_delete_recurring_run(recurring, **self._patience)

    def _ordered(self, order: Order) -> dict[str, Any]:
        """Fields that a run and a recurring run have in common."""
        spec: Mapping[str, Any] = order.spec
        if order.platform:
            spec = {"pipeline_spec": order.spec, "platform_spec": order.platform}
        config = self._client.api_models.V2beta1RuntimeConfig(
            parameters=dict(order.parameters), pipeline_root=order.pipeline_root or None
        )
        return {
            "display_name": order.name,
            "pipeline_spec": spec,
            "runtime_config": config,
            "service_account": order.service_account or None,
        }

    def _identity(self, given: str | None, what: str) -> str:
        if not given:
            raise foreign(what, self.address)
        return given


@contextmanager
def _of_run(uuid: str, address: str) -> Iterator[None]:
    """Around requests about one run: that there is none is told as that."""
    try:
        yield
    except Exception as error:
        if getattr(error, "status", None) != 404:
            raise
        message = f"there is no run {RUN_ID_PREFIX}{uuid} at {address}"
        raise Refused([Diagnostic("P553", message, help="`kfp list-runs` shows those of the flow")]) from None


def _seen(run: Any) -> SeenRun:
    document = run.pipeline_spec or {}
    details = run.run_details.task_details if run.run_details else None
    return SeenRun(
        uuid=str(run.run_id),
        name=str(run.display_name or ""),
        state=str(run.state or "PENDING"),
        created=_moment(run.created_at) or datetime.fromtimestamp(0, timezone.utc),
        finished=_moment(run.finished_at),
        error=str((run.error.message if run.error else "") or ""),
        tasks=tuple(map(_seen_task, details or ())),
        spec=document.get("pipeline_spec", document),
        platform=document.get("platform_spec") or {},
    )


def _seen_task(task: Any) -> SeenTask:
    begin, end = _moment(task.start_time), _moment(task.end_time)
    seconds = (end - begin).total_seconds() if begin and end else None
    return SeenTask(str(task.task_id), str(task.display_name or ""), str(task.state or ""), seconds)


def _moment(given: datetime | None) -> datetime | None:
    """A time; None for the beginning of 1970, which the server gives for one that is not known yet."""
    return given if given is not None and given.timestamp() > 0 else None


def leaf_steps(spec: Mapping[str, Any]) -> dict[str, str]:
    """The steps of a pipeline by the key of their tasks, which is what the server calls them."""
    components: Mapping[str, Any] = spec.get("components") or {}
    dags: Sequence[Any] = [spec.get("root") or {}, *components.values()]
    found: dict[str, str] = {}
    for dag in dags:
        for key, task in ((dag.get("dag") or {}).get("tasks") or {}).items():
            inputs = (task.get("inputs") or {}).get("parameters") or {}
            constant = ((inputs.get("step") or {}).get("runtimeValue") or {}).get("constant")
            if isinstance(constant, str):
                found[key] = constant
    return found


def sight_of(run: SeenRun, steps: Mapping[str, str]) -> Sight[SeenRun]:
    """The run as it is followed; ``steps`` are those of its pipeline, by the server's names for their tasks."""
    tasks = tuple(
        StepTask(task.id, steps[task.name], _STATES.get(task.state, TaskState.RUNNING), task.seconds)
        for task in run.tasks
        if task.name in steps and task.state not in _UNTOLD
    )
    return Sight(run, run.state in ENDED, tasks)
