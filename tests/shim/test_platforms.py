"""How each scheduler says what to run, what it is told afterwards, and which tries are made in one container."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import FlowSpec, Parameter
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.initialize import InexactParameter, demand_exact
from penstock.runtime_shim.jobs import Job, NotInContainer, Tried
from penstock.runtime_shim.paths import Path as TaskPath
from penstock.runtime_shim.platforms import platform_of, tries
from penstock.runtime_shim.platforms.kubeflow import Kubeflow
from penstock.runtime_shim.policy import PLAIN, Catch, Policy
from penstock.runtime_shim.records import RECORD_FILE_ENV, Record

SHARED = {"PENSTOCK_FLOW": "AFlow", "PENSTOCK_ROOT": "s3://b/p", "PENSTOCK_ENTRY": '["flow.py"]'}
BATCH = {**SHARED, "PENSTOCK_RUN": "sfn-1", "PENSTOCK_STEP": "start", "PENSTOCK_PATH": ""}
KFP = {**SHARED, "PENSTOCK_TARGET": "kfp"}
ARGO = {
    **SHARED,
    "PENSTOCK_TARGET": "argo-workflows",
    "PENSTOCK_RUN": "flow-x7k2p",
    "PENSTOCK_STEP": "body",
    "PENSTOCK_PATH": "/2/0",
}
THRICE = Policy(retries=2, tries=3)


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """A platform tells its child by the environment."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalDatastore:
    """Where accounts of tries are kept here."""
    found = LocalDatastore(str(tmp_path / "store"))
    monkeypatch.setattr(tries, "_store", lambda job: found)
    return found


def executor_input(outputs: dict[str, str] | None = None, **values: Any) -> str:
    given = {"run": "1f", "step": "start", "path": "", **values}
    files = {"parameters": {name: {"outputFile": file} for name, file in (outputs or {}).items()}} if outputs else {}
    return json.dumps({"inputs": {"parameterValues": given}, "outputs": {"outputFile": "/tmp/x", **files}})


def container(outputs: dict[str, str] | None = None, env: dict[str, str] | None = None, **values: Any) -> Any:
    return platform_of({**KFP, **(env or {})}, [executor_input(outputs, **values)])


class Script:
    """Ends each try with the next code, and notes the jobs."""

    def __init__(self, *codes: int, stopped: bool = False) -> None:
        self._codes = list(codes)
        self._stopped = stopped
        self.jobs: list[Job] = []

    def __call__(self, job: Job) -> Tried:
        self.jobs.append(job)
        return Tried(self._codes.pop(0), self._stopped)

    @property
    def seen(self) -> list[int]:
        return [job.tries for job in self.jobs]


def test_batch_is_told_by_the_environment() -> None:
    job = platform_of({**BATCH, "AWS_BATCH_JOB_ATTEMPT": "3", "PENSTOCK_MAX_USER_CODE_RETRIES": "4"}, []).job
    assert (job.run, job.step, job.path, job.tries, job.max_retries) == ("sfn-1", "start", TaskPath(), 2, 4)


def test_kubeflow_is_told_by_the_executor_input() -> None:
    job = container(step="body", path="/2/0").job
    assert (job.run, job.step, str(job.path), job.tries) == ("kfp-1f", "body", "/2/0", 0)


@pytest.mark.parametrize(("tries", "number"), [({}, 0), ({"PENSTOCK_TRY": "2"}, 2)])
def test_argo_is_told_by_the_environment(tries: dict[str, str], number: int) -> None:
    job = platform_of({**ARGO, **tries}, []).job
    assert (job.run, job.step, str(job.path), job.tries) == ("argo-flow-x7k2p", "body", "/2/0", number)


@pytest.mark.parametrize(
    ("env", "argv", "message"),
    [
        (SHARED, [], "the environment variable PENSTOCK_RUN is not set"),
        ({**BATCH, "AWS_BATCH_JOB_ATTEMPT": "x"}, [], "AWS_BATCH_JOB_ATTEMPT is 'x', which is no number"),
        ({**BATCH, "PENSTOCK_ENTRY": "["}, [], "the environment describes no job"),
        (
            {**SHARED, "PENSTOCK_TARGET": "cron"},
            [],
            "PENSTOCK_TARGET is 'cron': this penstock knows step-functions, kfp, argo-workflows",
        ),
        ({**ARGO, "PENSTOCK_TRY": "{{retries}}"}, [], "PENSTOCK_TRY is '{{retries}}', which is no number"),
        ({**ARGO, "PENSTOCK_ARGUMENTS": "{{workflow.parameters}}"}, [], "the parameters of the workflow cannot be"),
        ({**ARGO, "PENSTOCK_ARGUMENTS": '[{"value": "1"}]'}, [], "cannot be read: KeyError: 'name'"),
        ({**ARGO, "PENSTOCK_ARGUMENTS": '[{"name": "a", "value": 1}]'}, [], "cannot be read: AttributeError"),
        ({**ARGO, "PENSTOCK_ARGUMENTS": '[{"name": "a", "value": "penstock-json:{"}]'}, [], "JSONDecodeError"),
        (KFP, [], "the container got 0 arguments"),
        (KFP, ["["], "the executor input cannot be read: JSONDecodeError"),
        (KFP, ["[]"], "the executor input cannot be read: AttributeError"),
        (KFP, ['{"inputs": {}}'], "the executor input has no text for `run`"),
    ],
)
def test_a_container_that_is_told_nothing_says_so(env: dict[str, str], argv: list[str], message: str) -> None:
    with pytest.raises(NotInContainer) as caught:
        platform_of(env, argv)
    assert message in caught.value.message


def test_parameters_of_the_flow_reach_init_as_they_came() -> None:
    container(param_alpha=1.5, param_path="/x", param_text='$(x) "y"\n')
    assert json.loads(os.environ["PENSTOCK_PARAMETERS"]) == {"alpha": 1.5, "path": "/x", "text": '$(x) "y"\n'}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.5", "0.5"),
        ("", ""),
        ('it\'s \n "x" \u2028', 'it\'s \n "x" \u2028'),
        ("penstock-json:null", None),
        (r'penstock-json:"\u007b\u007bworkflow.name}} \u0024\u0024 \u007f"', "{{workflow.name}} $$ \x7f"),
        (r'penstock-json:"penstock-json:1"', "penstock-json:1"),
    ],
)
def test_a_workflow_s_parameters_reach_init_as_they_were_typed(written: str, value: object) -> None:
    text = json.dumps(
        [
            {"name": "alpha", "value": written, "description": "a value"},
            {"name": "without"},
            {"name": "computed", "value": "penstock-json:"},
        ]
    )
    platform_of({**ARGO, "PENSTOCK_ARGUMENTS": text}, [])
    assert json.loads(os.environ["PENSTOCK_PARAMETERS"]) == {"alpha": value}


def test_a_workflow_without_parameters_has_none() -> None:
    platform_of({**ARGO, "PENSTOCK_ARGUMENTS": "null"}, [])
    assert json.loads(os.environ["PENSTOCK_PARAMETERS"]) == {}


class NumbersFlow(FlowSpec):
    """A flow with numbers."""

    seed = Parameter("seed", type=int)
    width = Parameter("width", type=float)


@pytest.mark.parametrize("value", [2**53 + 2, -(2**60), 1e300])
def test_a_whole_number_that_may_have_been_rounded_is_refused(value: float) -> None:
    container(param_seed=value)
    with pytest.raises(InexactParameter) as caught:
        demand_exact(NumbersFlow, {"seed": value})
    assert str(caught.value) == (
        "error[R135]: parameter `seed` is beyond 9007199254740992, up to which whole numbers reach a task as they are\n"
        "  = help: give it as a text parameter, and convert it in the step"
    )


def test_numbers_that_are_exact_or_no_whole_ones_are_taken() -> None:
    container()
    demand_exact(NumbersFlow, {"seed": 2**53, "width": 1e300})
    del os.environ["PENSTOCK_LARGEST_INTEGER"]
    demand_exact(NumbersFlow, {"seed": 2**60})


def ended(platform: Kubeflow, record: Record | None, code: int = 0) -> None:
    if record is not None:
        Path(os.environ[RECORD_FILE_ENV]).write_bytes(record.to_bytes())
    platform.finish(code)


def test_outputs_are_written_from_the_record(tmp_path: Path) -> None:
    files = {name: str(tmp_path / "deep" / name) for name in ("splits", "next", "other")}
    ended(container(files), Record("kfp-1f", TaskPath.parse("/4"), ("body",), 2, ()))
    assert json.loads(Path(files["splits"]).read_text()) == ["/4/0", "/4/1"]
    assert Path(files["next"]).read_text() == "body"
    assert Path(files["other"]).read_text() == ""


@pytest.mark.parametrize(("record", "code"), [(None, 1), (Record("r", TaskPath(), ("x",), 3, ()), 1), (None, 0)])
def test_outputs_are_written_though_the_step_failed(record: Record | None, code: int, tmp_path: Path) -> None:
    files = {name: str(tmp_path / name) for name in ("splits", "next")}
    ended(container(files), record, code)
    assert [Path(file).read_text() for file in files.values()] == ["[]", ""]


def argo_outputs(folder: Path, record: Record | None, code: int) -> dict[str, str]:
    platform = platform_of({**ARGO, "PENSTOCK_OUTPUTS": str(folder / "deep")}, [])
    if record is not None:
        Path(os.environ[RECORD_FILE_ENV]).write_bytes(record.to_bytes())
    platform.finish(code)
    return {file.name: file.read_text() for file in (folder / "deep").iterdir()}


def test_argo_s_outputs_are_files_made_of_the_record(tmp_path: Path) -> None:
    opened = argo_outputs(tmp_path, Record("argo-1", TaskPath.parse("/4"), ("body",), 2, ()), 0)
    assert opened == {"num-splits": "2", "next": "body", "path": "/4"}
    chosen = argo_outputs(tmp_path, Record("argo-1", TaskPath.parse("/4/t1"), ("again",), None, ()), 0)
    assert chosen == {"num-splits": "0", "next": "again", "path": "/4/t1"}


@pytest.mark.parametrize(("path", "told"), [("/t0", ""), ("/2/t0/t0", "/2"), ("/t1/t0", "/t1"), ("/t0/t1", "/t0/t1")])
def test_argo_is_told_no_first_turn_of_a_loop_that_begins(path: str, told: str, tmp_path: Path) -> None:
    given = argo_outputs(tmp_path, Record("argo-1", TaskPath.parse(path), ("header",), None, ()), 0)
    assert given["path"] == told


@pytest.mark.parametrize(("record", "code"), [(None, 1), (Record("r", TaskPath(), ("x",), 3, ()), 1), (None, 0)])
def test_argo_s_outputs_are_there_though_the_step_failed(record: Record | None, code: int, tmp_path: Path) -> None:
    assert argo_outputs(tmp_path, record, code) == {"num-splits": "0", "next": "", "path": ""}


def test_where_no_outputs_are_wanted_none_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    platform_of(ARGO, []).finish(0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("tries", "codes", "policy", "seen"),
    [
        (0, [1], THRICE, [0]),
        (1, [137], THRICE, [1]),
        (0, [1, 0], Policy(retries=2, tries=6, platform_only=True, catch=Catch()), [0, 3]),
        (5, [1], Policy(retries=2, tries=6, platform_only=True, catch=Catch()), [5]),
        (0, [1], THRICE._replace(platform_only=True), [0]),
    ],
)
@pytest.mark.parametrize("told", [{**ARGO, "PENSTOCK_TRY": "{}"}, {**BATCH, "AWS_BATCH_JOB_ATTEMPT": "{}"}])
def test_a_platform_that_tries_again_itself_gets_one_try_and_what_it_would_not_make(
    told: dict[str, str], tries: int, codes: list[int], policy: Policy, seen: list[int]
) -> None:
    first = tries if "PENSTOCK_TRY" in told else tries + 1
    script = Script(*codes)
    env = {name: str(first) if text == "{}" else text for name, text in told.items()}
    assert platform_of(env, []).run(script, policy) == codes[-1]
    assert script.seen == seen


def test_a_step_without_retries_is_tried_once_and_needs_no_account(store: LocalDatastore) -> None:
    script = Script(1)
    assert container().run(script, PLAIN) == 1
    assert script.seen == [0]
    assert list(store.keys("")) == []


@pytest.mark.parametrize(
    ("codes", "policy", "seen"),
    [
        ([1, 1, 0], THRICE, [0, 1, 2]),
        ([1, 1, 1], THRICE, [0, 1, 2]),
        ([1, 202], THRICE, [0, 1]),
        ([203, 0], THRICE, [0, 1]),
        ([137, 1], THRICE._replace(platform_only=True), [0, 1]),
        ([1, 0], Policy(retries=2, tries=6, platform_only=True, catch=Catch()), [0, 3]),
    ],
)
@pytest.mark.parametrize("path", ["", "/1"])
def test_tries_are_made_in_the_container(
    codes: list[int], policy: Policy, seen: list[int], path: str, store: LocalDatastore
) -> None:
    script = Script(*codes)
    assert container(path=path).run(script, policy) == codes[-1]
    assert script.seen == seen
    assert {job.max_retries for job in script.jobs} == {2}


def test_a_pod_that_is_ended_tries_no_more(store: LocalDatastore) -> None:
    script = Script(143, stopped=True)
    assert container().run(script, THRICE) == 143
    assert script.seen == [0]


class Lost(BaseException):
    """The pod is gone in the midst of a try."""


def lose(platform: Kubeflow, tries_before: int, policy: Policy = THRICE) -> list[int]:
    """Run a pod that is lost after so many tries that failed; the numbers of its tries."""
    seen: list[int] = []

    def attempt(job: Job) -> Tried:
        seen.append(job.tries)
        if len(seen) > tries_before:
            raise Lost
        return Tried(1)

    with pytest.raises(Lost):
        platform.run(attempt, policy)
    return seen


@pytest.mark.parametrize("told", [True, False], ids=["index", "no index"])
def test_a_pod_goes_on_where_the_lost_one_was(told: bool, store: LocalDatastore) -> None:
    index: Callable[[int], dict[str, str]] = lambda number: {"KFP_RETRY_INDEX": str(number)} if told else {}  # noqa: E731
    assert lose(container(env=index(0)), 1) == [0, 1]
    script = Script(1)
    assert container(env=index(1)).run(script, THRICE) == 1
    assert script.seen == [2]
    again = Script()
    assert container(env=index(2)).run(again, THRICE) == 1  # for good: at once
    assert again.seen == []


def test_a_pod_lost_in_its_last_try_is_the_end(store: LocalDatastore) -> None:
    assert lose(container(env={"KFP_RETRY_INDEX": "0"}), 2) == [0, 1, 2]
    again = Script()
    assert container(env={"KFP_RETRY_INDEX": "1"}).run(again, THRICE) == 137
    assert again.seen == []


@pytest.mark.parametrize("env", [{"KFP_RETRY_INDEX": "0"}, {}], ids=["index", "no index"])
def test_a_run_that_somebody_starts_again_has_its_tries_anew(env: dict[str, str], store: LocalDatastore) -> None:
    for _ in range(2):
        first = Script(1, 1, 1)
        assert container(env=env).run(first, THRICE) == 1
        assert first.seen == [0, 1, 2]
        for _ in () if env else range(2):  # what the backend starts again by itself, as often as the policy says
            at_once = Script()
            assert container().run(at_once, THRICE) == 1
            assert at_once.seen == []


def test_an_account_that_cannot_be_read_is_none(store: LocalDatastore) -> None:
    store.put("AFlow/kfp-1f/_tries/start/t.json", b"{")
    script = Script(0)
    assert container().run(script, THRICE) == 0
    assert script.seen == [0]


def test_the_wait_between_tries_is_the_policy_s_and_ends_with_the_pod(
    store: LocalDatastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(tries.time, "sleep", waited.append)
    policy = Policy(retries=1, tries=5, wait=30, catch=Catch())
    container().run(Script(137, 137, 0), policy)
    assert waited == [30]  # none before what follows the last retry
    monkeypatch.undo()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(SystemExit) as left:
        tries.wait(30)
    assert left.value.code == 128 + signal.SIGTERM
