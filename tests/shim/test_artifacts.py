"""What steps assign, inherit, read and may not do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from record_walk import Walk

from penstock import FlowSpec, Parameter, current, step
from penstock.runtime_shim.datastore.finished import FinishedTask, NotFinished
from penstock.runtime_shim.datastore.local import LocalDatastore

WalkOf = Callable[[type[FlowSpec]], Walk]


class CarryFlow(FlowSpec):
    LIMIT = 10
    table = Parameter("table", default="t")

    @step
    def start(self):
        self.kept, self.changed, self.grown = "kept", 1, [1]
        self._own = "private ones are carried too"
        self.next(self.middle)

    @step
    def middle(self):
        self.changed = self.changed + 1
        self.grown.append(2)
        self.next(self.end)

    @step
    def end(self):
        self.seen = (self.kept, self.changed, self.grown, self._own, self.LIMIT, self.table, self.name)


def test_a_step_has_its_parents_artifacts_and_leaves_its_own(walk_of: WalkOf) -> None:
    walk = walk_of(CarryFlow)
    assert [outcome.err for *_, outcome in walk.all()] == ["", "", ""]
    expected = ("kept", 2, [1, 2], "private ones are carried too", 10, "t", "CarryFlow")
    assert walk.task("end").load("seen") == expected
    start, middle = walk.task("start"), walk.task("middle")
    assert middle.objects["kept"] == start.objects["kept"]
    assert start.load("grown") == [1]
    assert middle.load("grown") == [1, 2]


def test_private_artifacts_are_metaflows(walk_of: WalkOf) -> None:
    walk = walk_of(CarryFlow)
    walk.all()
    private = {
        name: walk.task("middle").load(name)
        for name in walk.task("middle").objects
        if (name.startswith("_") and name != "_own") or name == "name"
    }
    assert private == {
        "_exception": None,
        "_foreach_num_splits": None,
        "_foreach_stack": [],
        "_foreach_var": None,
        "_success": True,
        "_task_ok": True,
        "_transition": (["end"], None),
        "name": "CarryFlow",
    }
    assert walk.task("end").load("_transition") is None
    assert walk.tasks.finished(walk.run, "_parameters", "t").load("_transition") is None


def test_only_what_is_used_is_read(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = walk_of(CarryFlow)
    walk.step("start")
    read: list[str] = []
    load = FinishedTask.load

    def noted(self: FinishedTask, name: str) -> Any:
        read.append(name)
        return load(self, name)

    monkeypatch.setattr(FinishedTask, "load", noted)
    assert walk.step("middle").code == 0
    assert read == ["changed", "grown"]


def refusal(act: Callable[[], object]) -> str:
    """What the AttributeError says that ``act`` raises."""
    with pytest.raises(AttributeError) as caught:
        act()
    return str(caught.value)


class ReadOnlyFlow(FlowSpec):
    LIMIT = 10
    alpha = Parameter("alpha", default=3)

    @step
    def start(self):
        self.refusals = list(map(refusal, (self.set_alpha, self.set_limit, self.set_index, lambda: self.nothing)))
        self.has = (hasattr(self, "nothing"), getattr(self, "nothing", "default"), self.alpha, self.LIMIT)
        self.next(self.end)

    def set_alpha(self):
        self.alpha = 4

    def set_limit(self):
        self.LIMIT = 11

    def set_index(self):
        self.index = 1

    @step
    def end(self):
        pass


def test_parameters_constants_and_missing_artifacts_are_refused_with_a_sentence(walk_of: WalkOf) -> None:
    walk = walk_of(ReadOnlyFlow)
    assert walk.step("start").err == ""
    refusals = walk.task("start").load("refusals")
    assert refusals[:2] == [
        "the parameter `alpha` can't be assigned: parameters are read-only in steps",
        "`LIMIT` can't be assigned in step `start`: class constants are read-only in steps",
    ]
    assert "index" in refusals[2]
    assert refusals[3] == "step `start` of flow `ReadOnlyFlow` has no artifact `nothing`"
    assert walk.task("start").load("has") == (False, "default", 3, 10)


class Stubborn:
    def __reduce__(self) -> Any:
        raise ValueError("not today")


class UnstorableFlow(FlowSpec):
    kind = Parameter("kind", default="lock")

    @step
    def start(self):
        self.fine = 1
        values = {
            "lock": threading.Lock(),
            "generator": (n for n in [1]),
            "stubborn": Stubborn(),
            "lambda": lambda: None,
            "self": self,
        }
        self.bad = values[self.kind]
        self.next(self.end)

    @step
    def end(self):
        pass


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("lock", "of type _thread.lock cannot be stored: cannot pickle '_thread.lock' object"),
        ("generator", "of type builtins.generator cannot be stored: cannot pickle 'generator' object"),
        ("stubborn", "Stubborn cannot be stored: not today"),
        ("lambda", "of type builtins.function cannot be stored: Can't "),
        ("self", "UnstorableFlow cannot be stored: a flow can't be stored: assign single attributes of `self`"),
    ],
)
def test_an_artifact_that_cannot_be_stored_is_one_sentence(walk_of: WalkOf, kind: str, message: str) -> None:
    walk = walk_of(UnstorableFlow)
    walk.give({"kind": kind})
    outcome = walk.step("start")
    assert outcome.code == 202
    assert outcome.err.startswith("error[R165]: UnstorableFlow/1/start/t: the artifact `bad` of type ")
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert walk.failed("start").ok is False


class SilentFlow(FlowSpec):
    @step
    def start(self):
        if current.is_running_flow:
            raise SystemExit(0)
        self.next(self.end)

    @step
    def end(self):
        pass


def test_leaving_by_sys_exit_is_a_failure_even_with_zero(walk_of: WalkOf) -> None:
    outcome = walk_of(SilentFlow).step("start")
    assert outcome.code == 1
    assert outcome.err == "SilentFlow/1/start/t failed: the step called sys.exit(0)\n"


class BoomFlow(FlowSpec):
    times = Parameter("times", default=1)

    @step
    def start(self):
        self.reached = current.retry_count
        self.check()
        self.next(self.end)

    def check(self):
        if current.retry_count < self.times:
            raise ZeroDivisionError("on purpose")

    @step
    def end(self):
        pass


def test_a_failed_task_tells_its_exception_without_our_frames(walk_of: WalkOf) -> None:
    outcome = walk_of(BoomFlow).step("start")
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert lines[0] == "BoomFlow/1/start/t failed:"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: on purpose"
    assert {line.split('"')[1] for line in lines if line.startswith("  File")} == {__file__}


def test_a_failed_task_can_be_looked_at_but_is_nobodys_parent_and_runs_again(walk_of: WalkOf) -> None:
    walk = walk_of(BoomFlow)
    walk.step("start")
    failed = walk.failed("start")
    assert (failed.ok, failed.record, failed.load("_task_ok"), failed.load("reached")) == (False, None, False, 0)
    assert failed.load("_exception").type == "builtins.ZeroDivisionError"
    assert walk.store.children(f"BoomFlow/{walk.run}/_record/") == []
    child = walk.step("end")
    assert child.code == 203
    assert child.err.splitlines()[0] == ("error[R160]: BoomFlow/1/end/t: task BoomFlow/1/start/t failed in attempt 0")
    assert walk.step("start", "", "--retry-count", "1").code == 0
    done = walk.task("start")
    assert (done.attempt, done.load("reached"), done.load("_exception")) == (1, 1, None)
    assert walk.step("end").code == 0


class CurrentFlow(FlowSpec):
    alpha = Parameter("alpha-beta", default=1)

    @step
    def start(self):
        self.facts = {
            name: getattr(current, name)
            for name in (
                "flow_name", "run_id", "step_name", "task_id", "retry_count", "origin_run_id", "pathspec", "namespace",
                "username", "parameter_names", "is_running_flow",
            )
        }  # fmt: skip
        self.no_card = current.get("card") is None and "card" not in current
        self.next(self.end)

    @step
    def end(self):
        pass


def test_current_knows_the_task_and_forgets_it(walk_of: WalkOf) -> None:
    walk = walk_of(CurrentFlow)
    assert walk.step("start", "", "--retry-count", "2", "--namespace", "user:ann").err == ""
    assert walk.task("start").load("facts") == {
        "flow_name": "CurrentFlow",
        "run_id": "1",
        "step_name": "start",
        "task_id": "t",
        "retry_count": 2,
        "origin_run_id": None,
        "pathspec": "CurrentFlow/1/start/t",
        "namespace": "user:ann",
        "username": "tester",
        "parameter_names": ["alpha"],
        "is_running_flow": True,
    }
    assert walk.task("start").load("no_card") is True
    assert (current.is_running_flow, current.run_id, current.pathspec) == (False, None, None)
    with pytest.raises(AttributeError, match=r"no attribute `parameter_names` \(no step is running"):
        _ = current.parameter_names
    with pytest.raises(AttributeError, match=r"`current` has no attribute `card` \(no step is running"):
        _ = current.card


def test_outside_a_step_a_flow_says_that_none_is_running() -> None:
    flow = CarryFlow(use_cli=False)
    with pytest.raises(AttributeError, match=r"flow `CarryFlow` has no attribute `kept` \(no step is running\)"):
        _ = flow.kept
    with pytest.raises(AttributeError, match="no step is running"):
        _ = flow.index
    assert str(flow) == "<flow CarryFlow>"


def test_a_task_that_is_done_says_so_again_and_does_not_run(walk_of: WalkOf) -> None:
    walk = walk_of(CarryFlow)
    walk.step("start")
    record = Path(LocalDatastore(str(walk.root)).location("CarryFlow/1/_record/start.json"))
    content = record.read_bytes()
    record.unlink()
    assert walk.step("start").code == 0
    assert record.read_bytes() == content
    assert walk.task("start").attempt == 0


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("nothing to say")


class MuteFlow(FlowSpec):
    @step
    def start(self):
        if current.is_running_flow:
            raise Mute
        self.next(self.end)

    @step
    def end(self):
        pass


def test_an_exception_that_cannot_be_printed_is_still_told(walk_of: WalkOf) -> None:
    walk = walk_of(MuteFlow)
    outcome = walk.step("start")
    assert outcome.code == 1
    assert outcome.err.startswith("MuteFlow/1/start/t failed:\nTraceback")
    assert walk.failed("start").load("_exception").exception == "Mute, whose message can't be made"


class InterruptedFlow(FlowSpec):
    @step
    def start(self):
        if current.is_running_flow:
            raise KeyboardInterrupt
        self.next(self.end)

    @step
    def end(self):
        pass


def test_an_interrupted_task_is_not_done(walk_of: WalkOf) -> None:
    walk = walk_of(InterruptedFlow)
    outcome = walk.step("start")
    assert (outcome.code, outcome.err) == (130, "interrupted\n")
    with pytest.raises(NotFinished, match="its attempt 0 runs, or was killed"):
        walk.failed("start")
    assert current.is_running_flow is False


class ConstructedFlow(FlowSpec):
    def __init__(self, use_cli: bool = True) -> None:
        self.tools = "made by __init__"
        super().__init__(use_cli=use_cli)

    @step
    def start(self):
        self.seen = self.tools
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.join)

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [one.seen for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


class NarrowFlow(ConstructedFlow):
    def __init__(self, folder: str) -> None:
        super().__init__(use_cli=False)
        self.folder = folder


def test_a_flow_may_have_a_constructor_that_takes_use_cli(walk_of: WalkOf) -> None:
    walk = walk_of(ConstructedFlow)
    assert [outcome.err for *_, outcome in walk.all() if outcome.err] == []
    assert walk.task("join").load("seen") == ["made by __init__"] * 2
    outcome = walk_of(NarrowFlow).step("start")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R132]: NarrowFlow/1/start/t: the __init__ of flow `NarrowFlow` fails: TypeError:"
        " NarrowFlow.__init__() got an unexpected keyword argument 'use_cli'\n"
        "  = help: leave it out, or let it take `use_cli=True` and hand that to super().__init__\n"
    )
