"""Deep and wide: work that grows with the depth or the width, not with its square."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from counting_store import CountingStore
from record_walk import Outcome, load_flow, run_command

from penstock import FlowSpec, step
from penstock.runtime_shim import initialize
from penstock.runtime_shim.datastore.tasks import TaskStore
from penstock.runtime_shim.frames import ForeachFrame
from penstock.runtime_shim.hooks import compile_plan
from penstock.runtime_shim.paths import Path as TaskPath
from penstock.runtime_shim.plan import PLAN_ENV

DEPTH = 200


def nested_source(depth: int) -> str:
    """A flow of ``depth`` foreach inside each other, one split each."""
    lines = ["from penstock import FlowSpec, step", "", "class DeepFlow(FlowSpec):"]

    def add(name: str, body: list[str], signature: str = "self") -> None:
        lines.extend(["    @step", f"    def {name}({signature}):", *(f"        {line}" for line in body)])

    add("start", ["self.xs = ['0']", "self.next(self.s1, foreach='xs')"])
    for level in range(1, depth):
        add(f"s{level}", [f"self.xs = [self.input + ' {level}']", f"self.next(self.s{level + 1}, foreach='xs')"])
    add(f"s{depth}", ["self.stack = self.foreach_stack()", f"self.next(self.j{depth})"])
    for level in range(depth, 1, -1):
        add(f"j{level}", ["self.stack = inputs[0].stack", f"self.next(self.j{level - 1})"], "self, inputs")
    add("j1", ["self.stack = inputs[0].stack", "self.next(self.end)"], "self, inputs")
    add("end", ["pass"])
    return "\n".join(lines) + "\n"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> CountingStore:
    store = CountingStore()
    monkeypatch.setattr(initialize, "open_datastore", lambda kind, root, configuration: store)
    return store


def run(flow: type[FlowSpec], name: str, path: str) -> Outcome:
    """One task."""
    return run_command(flow, "step", name, "--run-id=1", f"--split-path={path}")


def prepare(flow: type[FlowSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan in a file, as in a code package."""
    file = tmp_path / "plan.json"
    file.write_bytes(compile_plan(flow).to_json())
    monkeypatch.setenv(PLAN_ENV, str(file))


def test_two_hundred_nested_foreach(store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "deep.py"
    file.write_text(nested_source(DEPTH))
    flow = load_flow(file, "DeepFlow")
    prepare(flow, tmp_path, monkeypatch)
    order = [("start", 0), *((f"s{n}", n) for n in range(1, DEPTH + 1))]
    order += [*((f"j{n}", n - 1) for n in range(DEPTH, 0, -1)), ("end", 0)]
    most = 0
    for name, depth in order:
        store.requests.clear()
        outcome = run(flow, name, "/0" * depth)
        assert outcome.err == "", name
        if name.startswith("j"):
            most = max(most, len(store.requests))
    assert most <= 13, "the requests of a join do not grow with the depth"
    tasks = TaskStore(store, "DeepFlow")
    stack = tasks.finished("1", "end", "t").load("stack")
    assert len(stack) == DEPTH
    assert stack[-1] == (0, 1, " ".join(map(str, range(DEPTH))))
    frames = tasks.finished("1", f"s{DEPTH}", TaskPath.parse("/0" * DEPTH).task_id).load("_foreach_stack")
    assert frames[0] == ForeachFrame("s1", "xs", 1, 0)
    assert len(frames) == DEPTH


class WideFlow(FlowSpec):
    @step
    def start(self):
        self.xs = range(10_000)
        self.next(self.work, foreach="xs")

    @step
    def work(self):
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.square for one in inputs)
        self.middle = inputs[5_000].square
        self.next(self.end)

    @step
    def end(self):
        pass


def test_ten_thousand_splits(store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(WideFlow, tmp_path, monkeypatch)
    assert run(WideFlow, "start", "").err == ""
    started = time.process_time()
    for index in range(0, 10_000, 500):
        assert run(WideFlow, "work", f"/{index}").err == ""
    a_task = (time.process_time() - started) / 20
    # The tasks between are copies of one that ran: what is looked at is the join.
    prefix = "WideFlow/1/work/t.0/"
    made = {key: value for key, value in store.objects.items() if key.startswith(prefix)}
    for index in range(10_000):
        for key, value in made.items():
            store.objects.setdefault(f"WideFlow/1/work/t.{index}/{key.removeprefix(prefix)}", value)
    listing = CountingStore.children
    names = sorted(key.removeprefix(prefix) for key in made)
    monkeypatch.setattr(
        CountingStore,
        "children",
        lambda self, prefix: list(names) if prefix.startswith("WideFlow/1/work/") else listing(self, prefix),
    )
    started = time.process_time()
    assert run(WideFlow, "join", "").err == ""
    join = time.process_time() - started
    joined = TaskStore(store, "WideFlow").finished("1", "join", "t")
    assert joined.load("middle") == 5_000**2
    assert joined.load("total") == sum(index**2 for index in range(0, 10_000, 500))
    assert join < 10_000 * a_task / 4, f"{join:.2f} s for 10,000 inputs, {a_task * 1000:.1f} ms a task"
