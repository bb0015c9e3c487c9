"""The Client reads runs from the layout alone, on a laptop's folder and on S3 alike."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from small_runs import end_task, make_run

import penstock
from penstock import DataArtifact, Flow, Metaflow, Run, Step, Task, default_namespace, get_namespace, namespace
from penstock.runtime_shim import client
from penstock.runtime_shim.client import InvalidPathspec, NamespaceMismatch, NotFound
from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.s3 import S3Datastore


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, local: Datastore, used: Callable[[Datastore], Datastore]) -> Datastore:
    if request.param == "s3":
        bucket: S3Datastore = request.getfixturevalue("s3_store")
        return used(bucket)
    return local


def test_a_run_is_read(store: Datastore) -> None:
    make_run(store, "17", tags=("nightly",))
    run = Run("Small/17")
    assert (run.id, run.pathspec, run.path_components, str(run)) == (
        "17",
        "Small/17",
        ["Small", "17"],
        "Run('Small/17')",
    )
    assert (run.successful, run.finished, run.data.total, run.code) == (True, True, 66, None)
    assert run.tags == {"nightly", "user:alice", "runtime:dev"}
    assert (run.user_tags, run.system_tags) == ({"nightly"}, {"user:alice", "runtime:dev"})
    assert [step.id for step in run] == ["end", "body", "start"]
    assert [step.id for step in run.steps("nightly")] == ["end", "body", "start"]
    assert list(run.steps("other")) == []
    assert run.end_task.pathspec == "Small/17/end/t"
    assert run.created_at <= run["start"].created_at <= run.finished_at <= datetime.now()
    assert str(run.parent) == "Flow('Small')"


def test_tasks_come_in_the_order_of_their_splits(store: Datastore) -> None:
    make_run(store, "17", width=12)
    step = Step("Small/17/body")
    assert [task.id for task in step] == [f"t.{number}" for number in range(12)]
    assert [task.index for task in step] == list(range(12))
    assert [task.data.x for task in step.tasks()] == list(range(12))
    assert step.task.id == "t.0"
    assert step.parent.pathspec == "Small/17"
    assert step.finished_at <= datetime.now()


def test_a_task_is_read(store: Datastore) -> None:
    make_run(store, "17")
    task = Task("Small/17/start/t")
    assert (task.successful, task.finished, task.index, task.exception, task.code) == (True, True, None, None, None)
    assert task.created_at <= task.finished_at
    assert [artifact.id for artifact in task] == ["name", "xs"]
    assert task.artifacts.xs.data == [0]
    assert task.artifacts._fields == ("name", "xs")
    assert (task.data.name, "xs" in task.data, "ys" in task.data) == ("Small", True, False)
    assert (task.stdout, task.stderr) == ("start  says hello\n", "")
    ((time, line),) = task.loglines("stdout")
    assert time is not None
    assert time.tzinfo is timezone.utc
    assert line == "start  says hello"
    facts = task.metadata_dict
    assert (facts["attempt"], facts["ds-type"], facts["ds-root"]) == ("0", store.kind, store.root)
    assert task.metadata[0].task is task


def test_an_artifact_is_read(store: Datastore) -> None:
    make_run(store, "17")
    artifact = DataArtifact("Small/17/start/t/xs")
    assert (artifact.id, artifact.data, artifact.parent.id) == ("xs", [0], "t")
    assert artifact.sha == Task("Small/17/start/t")["xs"].sha
    assert artifact.size == len(pickle.dumps([0], 4))
    assert artifact.finished_at == artifact.created_at == artifact.parent.finished_at
    assert Task("Small/17/start/t")["_success"].data is True


def test_a_failed_run_shows_its_exception(store: Datastore) -> None:
    make_run(store, "17", end="failed")
    run = Run("Small/17")
    assert (run.successful, run.finished) == (False, False)
    task = run["end"].task
    assert (task.successful, task.finished, task.exception.type) == (False, False, "builtins.ValueError")
    assert task.stdout == "end  says hello\n"


def test_a_run_that_goes_on_has_no_end(store: Datastore) -> None:
    make_run(store, "17", end="not")
    run = Run("Small/17")
    assert (run.successful, run.finished, run.finished_at, run.data, run.end_task) == (False, False, None, None, None)


def test_a_caught_failure_is_finished_and_not_successful(store: Datastore) -> None:
    make_run(store, "17", end="not")
    end_task(store, "17", "end", {"_success": False, "total": 1})
    assert (Run("Small/17").finished, Run("Small/17").successful) == (True, False)


def test_attempts_can_be_chosen(store: Datastore) -> None:
    make_run(store, "17", end="failed")
    end_task(store, "17", "end", {"total": 1})
    assert Task("Small/17/end/t").successful
    assert Task("Small/17/end/t").current_attempt == 1
    first = Task("Small/17/end/t", attempt=0)
    assert (first.successful, first.exception.exception, first.current_attempt) == (False, "too small", 0)
    assert str(first) == "Task('Small/17/end/t', attempt=0)"
    assert first["_success"].data is False
    assert not Task("Small/17/end/t", attempt=5).finished


def test_runs_come_latest_first_and_by_tag(store: Datastore) -> None:
    make_run(store, "2", tags=("a",))
    make_run(store, "10", tags=("a", "b"), end="failed")
    make_run(store, "1", end="not")
    flow = Flow("Small")
    assert [run.id for run in flow] == ["1", "10", "2"]
    assert [run.id for run in flow.runs("a")] == ["10", "2"]
    assert [run.id for run in flow.runs("a", "b")] == ["10"]
    assert (flow.latest_run.id, flow.latest_successful_run.id) == ("1", "2")
    assert flow.created_at == flow["2"].created_at
    assert [found.id for found in Metaflow()] == ["Small"]
    assert [found.id for found in Metaflow().flows] == ["Small"]


def test_indexing_and_in_go_down_the_tree(store: Datastore) -> None:
    make_run(store, "17")
    assert Metaflow()["Small"]["17"]["body"]["t.0"]["x"].data == 0
    assert "Small" in Metaflow()
    assert "Other" not in Metaflow()
    assert "17" in Flow("Small")
    assert "18" not in Flow("Small")
    assert "body" in Run("Small/17")
    assert "t.99" not in Step("Small/17/body")
    assert "y" not in Task("Small/17/body/t.0")
    for missing in (
        lambda: Metaflow()["Other"],
        lambda: Flow("Small")["18"],
        lambda: Run("Small/17")["nothing"],
        lambda: Step("Small/17/body")["t.99"],
        lambda: Task("Small/17/body/t.0")["y"],
        lambda: Flow("Small")["../17"],
    ):
        with pytest.raises(KeyError):
            missing()
    with pytest.raises(AttributeError, match=r"task Small/17/body/t.0 has no artifact `y`"):
        _ = Task("Small/17/body/t.0").data.y


def test_another_users_run_is_in_another_namespace(store: Datastore) -> None:
    make_run(store, "17", user="bob")
    make_run(store, "18")
    assert get_namespace() == "user:alice"
    assert [run.id for run in Flow("Small")] == ["18"]
    for pathspec, kind in (("Small/17", Run), ("Small/17/start", Step), ("Small/17/start/t", Task)):
        with pytest.raises(NamespaceMismatch) as caught:
            kind(pathspec)
        assert str(caught.value) == (
            f"error[R162]: {kind.__name__}('{pathspec}') is not in the namespace `user:alice`\n"
            "  = help: namespace(None) shows the runs of all users, namespace('user:NAME') those of one"
        )
    with pytest.raises(NamespaceMismatch):
        Flow("Small")["17"]
    assert "17" not in Flow("Small")
    assert namespace("user:bob") == "user:bob"
    assert [run.id for run in Flow("Small")] == ["17"]
    assert namespace(None) is None
    assert sorted(run.id for run in Flow("Small")) == ["17", "18"]
    assert default_namespace() == "user:alice"
    assert get_namespace() == "user:alice"


def test_a_flow_with_no_run_in_the_namespace_is_in_another(local: Datastore) -> None:
    make_run(local, "17", user="bob")
    with pytest.raises(NamespaceMismatch):
        Flow("Small")
    assert list(Metaflow()) == []


def test_what_does_not_exist_is_told_with_what_does(local: Datastore) -> None:
    make_run(local, "17")
    with pytest.raises(NotFound) as caught:
        Run("Small/99")
    assert str(caught.value) == (
        f"error[R161]: Run('Small/99') does not exist in {local.root}\n  = help: check the name and the datastore"
    )
    with pytest.raises(NotFound) as caught:
        Step("Small/17/bdoy")
    assert caught.value.help == "the run has: body, end, start"
    with pytest.raises(NotFound) as caught:
        DataArtifact("Small/17/start/t/z")
    assert caught.value.help == "the task has: _exception, _foreach_stack, _success, _task_ok, name, xs"
    with pytest.raises(NotFound):
        Flow("Other")


def test_a_run_id_that_is_a_folder_of_another_kind_is_no_run(local: Datastore) -> None:
    make_run(local, "17")
    for name in ("data", "_meta"):
        with pytest.raises(NotFound):
            Run(f"Small/{name}")


@pytest.mark.parametrize(
    ("kind", "pathspec", "message"),
    [
        (Run, "Small", "'Small' is not of the form Flow/run"),
        (Run, "Small/17/start", "'Small/17/start' is not of the form Flow/run"),
        (Flow, "", "'' cannot be a flow: use letters"),
        (Run, "Small/..", "'..' cannot be a run id: use letters"),
        (Task, "Small/17/start/a b", "'a b' cannot be a task id: use letters"),
        (DataArtifact, "Small/17/start/t", "'Small/17/start/t' is not of the form Flow/run/step/task/artifact"),
    ],
)
def test_a_pathspec_that_is_none_is_told(local: Datastore, kind: type, pathspec: str, message: str) -> None:
    with pytest.raises(InvalidPathspec) as caught:
        kind(pathspec)
    assert str(caught.value).startswith(f"error[R163]: {message}")


def test_only_tasks_and_artifacts_have_attempts(local: Datastore) -> None:
    make_run(local, "17")
    with pytest.raises(InvalidPathspec, match=r"attempt 0 of Run: tasks and artifacts have attempts, from 0"):
        Run("Small/17", attempt=0)
    with pytest.raises(InvalidPathspec):
        Task("Small/17/start/t", attempt=-1)


def test_metaflows_names_of_the_exceptions_are_there() -> None:
    assert client.MetaflowNotFound is NotFound
    assert client.MetaflowNamespaceMismatch is NamespaceMismatch
    assert penstock.Run is Run


def test_a_run_can_be_an_artifact(local: Datastore) -> None:
    make_run(local, "17", user="bob")
    namespace(None)
    found = pickle.loads(pickle.dumps([Flow("Small"), Run("Small/17"), Task("Small/17/end/t", attempt=0)]))
    default_namespace()
    assert [str(one) for one in found] == ["Flow('Small')", "Run('Small/17')", "Task('Small/17/end/t', attempt=0)"]
    assert found[1].data.total == 66


def test_a_task_that_runs_is_seen_when_it_has_ended(local: Datastore) -> None:
    make_run(local, "17", end="not")
    local.put("Small/17/end/t/0.attempt.json", b'{"time": 1000.5}')
    task = Task("Small/17/end/t")
    assert (task.finished, task.finished_at, task.exception, list(task)) == (False, None, None, [])
    assert task.created_at.timestamp() == 1000.5
    with pytest.raises(AttributeError, match=r"has not ended: it has no artifacts yet"):
        _ = task.data.total
    end_task(local, "17", "end", {"total": 3})
    assert task.finished
    assert task.data.total == 3


def test_a_run_without_facts_is_shown_to_whoever_asks_for_all(local: Datastore) -> None:
    """Metaflow's runs on S3 have none."""
    make_run(local, "17")
    Path(local.location("Small/17/_meta/_self.json")).unlink()
    with pytest.raises(NamespaceMismatch):
        Run("Small/17")
    namespace(None)
    run = Run("Small/17")
    assert run.successful
    assert run.tags == frozenset()
    assert run.created_at <= run["start"].created_at


def test_one_artifact_costs_few_requests(
    s3_store: S3Datastore, used: Callable[[Datastore], Datastore], asked: list[tuple[str, str]]
) -> None:
    used(s3_store)
    make_run(s3_store, "17")
    asked.clear()
    assert Task("Small/17/body/t.0")["x"].data == 0
    assert len(asked) == 5, asked
