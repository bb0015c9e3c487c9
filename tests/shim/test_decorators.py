"""The table of decorators, and what a step's do to one task."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from record_walk import Walk

import penstock
from penstock import FlowSpec, batch, catch, current, environment, global_environment, retry, schedule, step
from penstock.runtime_shim.client import Task
from penstock.runtime_shim.decorators import DECORATORS, FLOW_DECORATORS, UNNAMED
from penstock.runtime_shim.plan import PlannedStep
from penstock.runtime_shim.policy import Policy, policy_of

WalkOf = Callable[[type[FlowSpec]], Walk]


def noted(*decorators: tuple[str, dict[str, object]]) -> Policy:
    """The policy of a step with these decorators."""
    kept = tuple({"name": name, "attributes": attributes} for name, attributes in decorators)
    return policy_of(PlannedStep("s", "goto", decorators=kept))


# The table and the functions


@pytest.mark.parametrize("name", DECORATORS)
def test_every_decorator_of_the_table_is_exported(name: str) -> None:
    assert name in penstock.__all__
    assert getattr(penstock, name).__doc__.startswith(DECORATORS[name].summary)


def test_step_decorators_note_what_they_were_given_on_either_side_of_step() -> None:
    @retry
    @catch(var="e")
    @step
    def above(self): ...

    @step
    @batch(cpu=2)
    @retry()
    def below(self): ...

    assert above.decorators == [("catch", {"var": "e"}), ("retry", {})]
    assert below.decorators == [("retry", {}), ("batch", {"cpu": 2})]


def test_values_without_a_name_are_noted_and_the_file_can_be_imported() -> None:
    """The compiler refuses them (P161); a traceback of the decorator would hide what else is wrong."""

    @retry(3)
    def train() -> None:
        pass

    assert train.decorators == [("retry", {UNNAMED: 3})]


@pytest.mark.parametrize(("name", "attribute"), [("retry", "minutes_between_retries"), ("timeout", "seconds")])
def test_none_is_the_default(name: str, attribute: str) -> None:
    kind = DECORATORS[name]
    known = kind.attribute(attribute)
    assert known is not None
    assert kind.complete({attribute: None})[attribute] == known.default


def test_flow_decorators_stand_on_their_class_alone() -> None:
    @global_environment(vars={"A": "1"})
    class Base(FlowSpec):
        pass

    @schedule(hourly=True)
    class Derived(Base):
        pass

    assert getattr(Base, FLOW_DECORATORS) == [("global_environment", {"vars": {"A": "1"}})]
    assert getattr(Derived, FLOW_DECORATORS) == [*getattr(Base, FLOW_DECORATORS), ("schedule", {"hourly": True})]


@pytest.mark.parametrize(
    ("decorator", "attribute", "text", "value"),
    [
        ("retry", "times", "4", 4),
        ("retry", "minutes_between_retries", "0.5", 0.5),
        ("catch", "print_exception", "False", False),
        ("environment", "vars", '{"A": "b"}', {"A": "b"}),
        ("batch", "image", "python:3.11", "python:3.11"),
    ],
)
def test_an_attribute_is_read_from_the_command_line(decorator: str, attribute: str, text: str, value: object) -> None:
    known = DECORATORS[decorator].attribute(attribute)
    assert known is not None
    assert known.read(text) == value


@pytest.mark.parametrize(
    ("decorator", "attribute", "value", "wanted"),
    [
        ("retry", "times", "many", "a whole number"),
        ("retry", "times", True, "a whole number"),
        ("retry", "on", "monday", 'one of "any", "platform"'),
        ("catch", "print_exception", "yes", "True or False"),
        ("environment", "vars", ["A"], "a dict of strings"),
        ("batch", "image", 3, "a string"),
        ("resources", "cpu", float("nan"), "a finite number"),
        ("resources", "cpu", "inf", "a finite number"),
    ],
)
def test_a_value_of_another_type_is_told_what_it_should_be(
    decorator: str, attribute: str, value: object, wanted: str
) -> None:
    known = DECORATORS[decorator].attribute(attribute)
    assert known is not None
    with pytest.raises(ValueError, match=wanted):
        known.check(value)


def test_decorators_are_light_to_import() -> None:
    script = "import sys, penstock; penstock.retry; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"boto3", "click", "networkx", "ast", "inspect", "dataclasses"} & set(loaded)


# Policies


@pytest.mark.parametrize(
    ("decorators", "tries"),
    [
        ((), 1),
        ((("retry", {}),), 4),
        ((("retry", {"times": "0"}),), 1),
        ((("catch", {}),), 4),
        ((("retry", {"times": 1}), ("catch", {})), 5),
        ((("retry", {"times": 4}), ("catch", {})), 6),
    ],
)
def test_tries_are_retries_and_fallback_six_in_all(
    decorators: tuple[tuple[str, dict[str, object]], ...], tries: int
) -> None:
    assert noted(*decorators).tries == tries


@pytest.mark.parametrize(("code", "again"), [(1, True), (203, True), (-9, True), (137, True), (202, False), (0, False)])
def test_what_is_tried_again(code: int, again: bool) -> None:
    assert noted(("retry", {"times": 1})).next_try(0, code) == (1 if again else None)
    assert noted(("retry", {"times": 1})).next_try(1, code) is None


def test_on_platform_the_user_s_failures_are_final() -> None:
    policy = noted(("retry", {"on": "platform"}))
    assert policy.next_try(0, 1) is None
    assert policy.next_try(0, -9) == 1


def test_on_platform_a_user_s_failure_that_could_not_be_caught_is_followed_by_the_fallback() -> None:
    policy = noted(("retry", {"times": 2, "on": "platform"}), ("catch", {}))
    assert policy.next_try(0, -9) == 1
    assert policy.next_try(0, 1) == 3, "after the tries with the user's code, which are 0, 1 and 2"
    assert policy.next_try(3, 1) == 4
    assert policy.next_try(5, 1) is None


# @catch


class CatchFlow(FlowSpec):
    @catch(var="error")
    @retry(times=1)
    @step
    def start(self):
        self.before = 1
        if os.environ.get("TEST_FAIL") == "raise":
            raise KeyError("gone")
        if os.environ.get("TEST_FAIL") == "unstorable":
            self.lock = sys._getframe()
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.meet)

    @step
    def right(self):
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.errors = [str(one.error.exception) if one.error else None for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_failure_before_the_last_try_is_one(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_FAIL", "raise")
    outcome = walk_of(CatchFlow).step("start", "", "--retry-count=0", "--max-user-code-retries=1")
    assert outcome.code == 1
    assert outcome.err.endswith("KeyError: 'gone'\n")


def test_at_the_last_try_it_is_caught(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_FAIL", "raise")
    walk = walk_of(CatchFlow)
    walk.step("start", "", "--retry-count=0", "--max-user-code-retries=1")
    outcome = walk.step("start", "", "--retry-count=1", "--max-user-code-retries=1")
    lines = outcome.out.splitlines()
    assert (outcome.code, outcome.err) == (0, "")
    assert lines[:2] == [
        "@catch caught an exception from <flow CatchFlow step start>",
        ">  Traceback (most recent call last):",
    ]
    assert lines[-1] == ">  KeyError: 'gone'"
    task = walk.task("start")
    stored = task.load_many(["before", "_success", "_task_ok", "_exception", "_transition"])
    assert stored == {
        "before": 1,
        "_success": False,
        "_task_ok": True,
        "_exception": None,
        "_transition": (["left", "right"], None),
    }
    assert (task.load("error").type, task.load("error").exception) == ("builtins.KeyError", "'gone'")
    assert walk.record("start").next == ("left", "right")
    seen = Task("CatchFlow/1/start/t", store=walk.store, _namespace=None)
    assert (seen.successful, seen.finished, seen.exception.exception) == (False, True, "'gone'")


def test_without_a_failure_the_variable_is_none_and_the_run_goes_on(walk_of: WalkOf) -> None:
    walk = walk_of(CatchFlow)
    assert [outcome.err for *_, outcome in walk.all() if outcome.err] == []
    assert walk.task("start").load_many(["error", "_success"]) == {"error": None, "_success": True}
    assert walk.task("meet").load("errors") == [None, None]


def test_the_exception_is_not_the_next_step_s(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_FAIL", "raise")
    walk = walk_of(CatchFlow)
    assert [outcome.err for *_, outcome in walk.all() if outcome.err] == []
    assert "_catch_exception" not in walk.task("left").objects
    assert walk.task("meet").load("errors") == ["'gone'", "'gone'"]


def test_what_cannot_be_stored_is_caught_too(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_FAIL", "unstorable")
    walk = walk_of(CatchFlow)
    outcome = walk.step("start")
    assert (outcome.code, outcome.err) == (0, "")
    assert "lock" not in walk.task("start").objects
    assert "`lock`" in walk.task("start").load("error").exception


def test_the_fallback_runs_without_the_user_s_code(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_FAIL", "raise")
    walk = walk_of(CatchFlow)
    outcome = walk.step("start", "", "--retry-count=2", "--max-user-code-retries=1")
    assert outcome.code == 0
    assert outcome.out == (
        "@catch caught an exception from <flow CatchFlow step start>\n"
        ">  penstock.runtime_shim.execution.FailureHandledByCatch: the task was ended from outside whenever its code"
        " ran, as by a lack of memory, a lost machine or a @timeout that it did not heed: its code raised no"
        " exception\n"
    )
    assert "before" not in walk.task("start").objects
    assert walk.record("start").next == ("left", "right")


class QuietFlow(FlowSpec):
    @catch(print_exception=False)
    @retry(times=3, on="platform")
    @step
    def start(self):
        self.tried = current.retry_count
        raise KeyError("gone")
        self.next(self.end)

    @step
    def end(self):
        pass


def test_what_is_not_tried_again_is_caught_at_once_and_silently(walk_of: WalkOf) -> None:
    walk = walk_of(QuietFlow)
    outcome = walk.step("start", "", "--retry-count=1", "--max-user-code-retries=3")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert walk.task("start").load("tried") == 1


# @environment


class GreetingFlow(FlowSpec):
    @environment(vars={"TEST_GREETING": "hello", "TEST_NUMBER": "3"})
    @step
    def start(self):
        self.greeting = os.environ["TEST_GREETING"] + os.environ["TEST_NUMBER"]
        self.next(self.end)

    @step
    def end(self):
        pass


def test_environment_variables_are_set_for_the_step(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_GREETING", "before")
    monkeypatch.setenv("TEST_NUMBER", "before")
    walk = walk_of(GreetingFlow)
    assert walk.step("start").code == 0
    assert walk.task("start").load("greeting") == "hello3"
