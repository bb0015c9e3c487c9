"""How often a task asks the datastore: across a network each request is a wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from counting_store import CountingStore
from record_walk import Outcome, run_command

from penstock import FlowSpec, Parameter, step
from penstock.runtime_shim import initialize
from penstock.runtime_shim.hooks import compile_plan
from penstock.runtime_shim.plan import PLAN_ENV

Step = Callable[..., Outcome]


class PlainFlow(FlowSpec):
    LIMIT = 3
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.x, self.y = 1, "unused"
        self.next(self.add)

    @step
    def add(self):
        self.x = self.x + 1
        self.next(self.fan)

    @step
    def fan(self):
        self.xs = list(range(20))
        self.next(self.work, foreach="xs")

    @step
    def work(self):
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.square for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> CountingStore:
    store = CountingStore()
    monkeypatch.setattr(initialize, "open_datastore", lambda kind, root, configuration: store)
    return store


@pytest.fixture
def run(store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """Runs a step as a container does, with the plan in a file, after forgetting the requests before it."""
    file = tmp_path / "plan.json"
    file.write_bytes(compile_plan(PlainFlow).to_json())
    monkeypatch.setenv(PLAN_ENV, str(file))

    def step_at(name: str, path: str = "") -> Outcome:
        store.requests.clear()
        outcome = run_command(PlainFlow, "step", name, "--run-id=1", f"--split-path={path}")
        assert outcome.err == ""
        return outcome

    return step_at


def kinds(store: CountingStore) -> list[str]:
    """The requests, blobs by their verb only."""
    prefix = "PlainFlow/"
    return [
        f"{verb} blob" if key.startswith(f"{prefix}data/") else f"{verb} {key.removeprefix(prefix)}"
        for verb, key in store.requests
    ]


def test_a_plain_step_makes_ten_requests(store: CountingStore, run: Step) -> None:
    run("start")
    run("add")
    assert sorted(kinds(store)) == [
        "GET 1/start/t/0.data.json",
        "GET blob",
        "LIST 1/add/t/",
        "LIST 1/start/t/",
        "PUT 1/_record/add.json",
        "PUT 1/add/t/0.DONE.lock",
        "PUT 1/add/t/0.attempt.json",
        "PUT 1/add/t/0.data.json",
        "PUT blob",
        "PUT blob",
    ]
    assert kinds(store)[-3:] == ["PUT 1/add/t/0.data.json", "PUT 1/_record/add.json", "PUT 1/add/t/0.DONE.lock"]


def test_a_join_asks_once_per_input_for_what_it_needs(store: CountingStore, run: Step) -> None:
    for name in ("start", "add", "fan"):
        run(name)
    for index in range(20):
        run("work", f"/{index}")
    assert len(store.requests) <= 13, kinds(store)
    run("join")
    requests = kinds(store)
    assert sum(request.startswith("LIST 1/work/") for request in requests) == 20
    assert sum(request.startswith("GET 1/work/") for request in requests) == 20
    assert requests.count("GET blob") == 20
    assert len(requests) <= 60 + 10


def test_a_second_start_asks_little_and_changes_nothing(store: CountingStore, run: Step) -> None:
    run("start")
    before = dict(store.objects)
    run("start")
    assert len(store.requests) <= 11, kinds(store)
    assert {key: value for key, value in store.objects.items() if before.get(key) != value} == {}
