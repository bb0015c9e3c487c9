"""`init` and `step` on the command line: options, usage errors, and one sentence with a code for what goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from record_walk import Walk, run_command

from penstock import FlowSpec, step
from penstock.runtime_shim import commit, entry, plans
from penstock.runtime_shim.datastore.protocol import StorageFailure
from penstock.runtime_shim.hooks import compile_plan
from penstock.runtime_shim.options import TOP_LEVEL, Options, split_command
from penstock.runtime_shim.plan import Plan
from penstock.runtime_shim.records import plan_key

WalkOf = Callable[[type[FlowSpec]], Walk]


class PlainFlow(FlowSpec):
    @step
    def start(self):
        self.x = 1
        self.next(self.train)

    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class OtherFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


ALL_OPTIONS = [
    "--quiet", "--metadata=local", "--environment=local", "--datastore=local", "--datastore-root=R",
    "--package-suffixes=.py,.R", "--event-logger=x", "--monitor=y", "--no-pylint", "--with=retry:times=2", "--with",
    "batch",
]  # fmt: skip


def test_metaflows_options_stand_before_the_command() -> None:
    options, command = split_command([*ALL_OPTIONS, "step", "start", "--run-id", "1"])
    assert command == ["step", "start", "--run-id", "1"]
    assert (options.quiet, options.datastore, options.datastore_root) == (True, "local", "R")
    assert (options.decospecs, options.package_suffixes) == (("retry:times=2", "batch"), ".py,.R")
    again, rest = split_command(options.to_argv())
    assert vars(again) == vars(options)
    assert rest == []


def test_the_table_of_options_and_the_options_agree() -> None:
    assert {spec.field for spec in TOP_LEVEL} == set(vars(Options()))
    for spec in TOP_LEVEL:
        given: object = {"flag": True, "many": ("v",), "value": "v"}[spec.kind]
        assert getattr(Options(**{spec.field: given}), spec.field) == given


USAGE = {
    "--bogus step start --run-id 1 --split-path /0": "the flow has no option `--bogus`",
    "step": "step: the name of the step comes first",
    "step --run-id 1": "step: the name of the step comes first",
    "step start": "step: --run-id is required",
    "step start --run-id 1": "step: give --split-path, or --task-id with --input-paths",
    "step start --run-id 1 --task-id 2": "step: give either --input-paths or --input-paths-filename",
    "step start --run-id 1 --split-path= --task-id 2": "step: --split-path and --task-id exclude each other",
    "step start --run-id 1 --splitpath /0": "step has no option `--splitpath`",
    "step start --run-id": "step: the option `--run-id` needs a value",
    "step start extra --run-id 1": "step does not take the argument 'extra'",
    "step start --run-id 1 --split-path= --retry-count x": "step: --retry-count takes a number from 0 on, not 'x'",
    "step start --run-id 1 --split-path= --clone-only 1/a": "step: --clone-only takes run/step/task, not '1/a'",
    "--quiet=yes step start --run-id 1 --split-path=": "the flow: the option `--quiet` takes no value",
    "init": "init: --run-id is required",
    "init --run-id 1 --alpha 3": "init has no option `--alpha`",
    "step start --run-id 1 --task-id 2 --input-paths-filename /none/such": (
        "step: the file of input paths '/none/such' can't be read: [Errno 2] No such file or directory: '/none/such'"
    ),
}


@pytest.mark.parametrize("line", list(USAGE))
def test_a_wrong_command_line_is_a_sentence_and_exit_code_2(line: str) -> None:
    outcome = run_command(PlainFlow, *line.split())
    assert outcome.code == 2
    assert outcome.err.splitlines()[0] == f"error[R121]: {USAGE[line]}"


NAMES = {
    "step start --run-id ../x --split-path=": "'../x' cannot be a run id",
    "step start --run-id a/b --split-path=": "'a/b' cannot be a run id",
    "step ../start --run-id 1 --split-path=": "'../start' cannot be a step",
    "step start --run-id 1 --task-id a:b --input-paths 1/a/b": "'a:b' cannot be a task id",
    "step start --run-id 1 --split-path 0": "the path '0' does not start with `/`",
    "step start --run-id 1 --split-path /x": "'x' in the path '/x' is neither a split (`2`) nor a turn (`t3`)",
    "step start --run-id 1 --split-path= --clone-run-id ..": "'..' cannot be a run id",
    "init --run-id 1 --task-id ..": "'..' cannot be a task id",
}


@pytest.mark.parametrize("line", list(NAMES))
def test_a_name_that_cannot_be_one_is_refused(line: str, tmp_path: Path) -> None:
    outcome = run_command(PlainFlow, f"--datastore-root={tmp_path / 'store'}", *line.split())
    assert outcome.code == 202
    assert outcome.err.startswith(f"error[R101]: {NAMES[line]}")
    assert not (tmp_path / "store").exists()


def test_an_unknown_step_suggests_a_near_one(walk_of: WalkOf) -> None:
    outcome = walk_of(PlainFlow).step("trian")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R129]: PlainFlow/1/trian/t: flow `PlainFlow` has no step `trian`\n  = help: do you mean `train`?\n"
    )


def test_a_step_that_the_file_lost_since_compiling_is_named(walk_of: WalkOf) -> None:
    walk = walk_of(PlainFlow)
    plan = compile_plan(PlainFlow).to_json().replace(b"train", b"fit__")
    walk.store.put(plan_key("PlainFlow", "1"), plan)
    assert walk.step("fit__").err == (
        "error[R129]: PlainFlow/1/fit__/t: flow `PlainFlow` was compiled with a step `fit__` that its file does not"
        " have\n  = help: compile the flow again after a change\n"
    )


def test_a_missing_run_is_a_missing_parent(walk_of: WalkOf) -> None:
    outcome = walk_of(PlainFlow).step("train")
    assert outcome.code == 203
    assert outcome.err.startswith("error[R160]: PlainFlow/1/train/t: task PlainFlow/1/start/t has not been started in ")


PLANS = {
    b"{": "can't be read: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    b"[]": "can't be read: not a plan of version 3",
    b'{"version":3}': "can't be read: 'flow'",
    compile_plan(OtherFlow).to_json(): "is one of the flow `OtherFlow`, not of `PlainFlow`",
}


@pytest.mark.parametrize("content", list(PLANS))
def test_a_plan_that_cannot_be_used_is_named(
    walk_of: WalkOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    file = tmp_path / "penstock_plan.json"
    file.write_bytes(content)
    monkeypatch.setenv("PENSTOCK_PLAN", str(file))
    outcome = walk_of(PlainFlow).step("start")
    assert outcome.code == 202
    assert outcome.err.splitlines()[0] == f"error[R128]: PlainFlow/1/start/t: the plan {file} {PLANS[content]}"
    monkeypatch.setenv("PENSTOCK_PLAN", str(tmp_path / "none"))
    assert walk_of(PlainFlow).step("start").err == (
        f"error[R128]: PlainFlow/1/start/t: the plan '{tmp_path / 'none'}' can't be read: No such file or directory\n"
    )


def test_the_plan_is_stored_by_start_and_read_by_the_others(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = walk_of(PlainFlow)
    walk.step("start")
    assert Plan.from_json(walk.store.get(plan_key("PlainFlow", "1"))).names == ("start", "train", "end")

    def never(*_: object) -> Plan:
        raise AssertionError("compiled again")

    monkeypatch.setattr("penstock.runtime_shim.hooks.compile_plan", never)
    assert walk.step("train").err == ""


def test_a_plan_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(compile_plan(PlainFlow).to_json())
    first = plans.read_plan_file(str(file))
    assert plans.read_plan_file(str(file)) is first
    file.write_bytes(compile_plan(OtherFlow).to_json())
    assert plans.read_plan_file(str(file)).flow == "OtherFlow"


class BrokenFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.missing)

    @step
    def end(self):
        pass


def test_a_flow_with_errors_is_shown_as_check_shows_it(walk_of: WalkOf) -> None:
    outcome = walk_of(BrokenFlow).step("start")
    assert outcome.code == 202
    assert outcome.err.startswith("error[P")
    assert "self.next(self.missing)" in outcome.err


class FickleFlow(FlowSpec):
    """What it does at run time is decided by the tests."""

    behaviour: Callable[[FickleFlow], None] = staticmethod(lambda flow: None)  # type: ignore[assignment]  # replaced

    @step
    def start(self):
        type(self).behaviour(self)
        if type(self).behaviour is None:
            self.next(self.end)

    @step
    def end(self):
        pass


FICKLE_PLAN = b"""{"version":3,"flow":"FickleFlow","defaults":{},"steps":{
    "start":{"kind":"goto","next":["end"]},"end":{"kind":"stop","parents":["start"]}}}"""

COMPILED = """but the flow was compiled with self.next(self.end)
  = help: a step has one self.next(), the same in every run: compile again after a change"""
TRANSITIONS: dict[str, tuple[Callable[[FickleFlow], None], str]] = {
    "none": (lambda flow: None, "step `start` ended without self.next()\n  = help: it is the last statement of a step"),
    "another": (
        lambda flow: flow.next(flow.start),
        f"step `start` takes the transition self.next(self.start), {COMPILED}",
    ),
    "foreach": (
        lambda flow: flow.next(flow.end, foreach="xs"),
        f"step `start` takes the transition self.next(self.end, foreach='xs'), {COMPILED}",
    ),
    "twice": (
        lambda flow: (flow.next(flow.end), flow.next(flow.end))[0],
        "step `start` calls self.next() more than once",
    ),
    "empty": (lambda flow: flow.next(), "step `start` gives self.next() no step to go to"),
    "no step": (
        lambda flow: flow.next(print),
        "argument 1 of self.next() in step `start` is not a step of the flow",
    ),
    "switch and foreach": (
        lambda flow: flow.next({"a": flow.end, "b": flow.end}, condition="x", foreach="xs"),
        "step `start` gives self.next() a dict of cases and a foreach",
    ),
    "unknown": (
        lambda flow: flow.next(flow.end, parallel=3),
        "step `start` gives self.next() the unknown argument `parallel`",
    ),
}


@pytest.mark.parametrize("kind", list(TRANSITIONS))
def test_a_transition_that_is_not_the_compiled_one_is_refused(
    walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    behaviour, sentence = TRANSITIONS[kind]
    monkeypatch.setattr(FickleFlow, "behaviour", staticmethod(behaviour))
    walk = walk_of(FickleFlow)
    walk.store.put(plan_key("FickleFlow", "1"), FICKLE_PLAN)
    outcome = walk.step("start")
    assert (outcome.code, outcome.err) == (202, f"error[R122]: FickleFlow/1/start/t: {sentence}\n")
    assert walk.failed("start").ok is False


FOREACH_PLAN = FICKLE_PLAN.replace(b'"kind":"goto","next":["end"]', b'"kind":"foreach","over":"xs","next":["end"]')


@pytest.mark.parametrize(
    ("assign", "sentence"),
    [
        (lambda flow: None, "which does not exist"),
        (lambda flow: setattr(flow, "xs", 3), "whose type `int` is not iterable"),
        (lambda flow: setattr(flow, "xs", None), "whose type `NoneType` is not iterable"),
    ],
)
def test_a_foreach_needs_something_to_run_over(
    walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch, assign: Callable[[FickleFlow], None], sentence: str
) -> None:
    def behaviour(flow: FickleFlow) -> None:
        assign(flow)
        flow.next(flow.end, foreach="xs")

    monkeypatch.setattr(FickleFlow, "behaviour", staticmethod(behaviour))
    walk = walk_of(FickleFlow)
    walk.store.put(plan_key("FickleFlow", "1"), FOREACH_PLAN)
    assert walk.step("start").err == (
        f"error[R123]: FickleFlow/1/start/t: step `start` runs a foreach over `self.xs`, {sentence}\n"
    )


def test_a_container_without_the_compiler_says_what_is_missing(
    walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("penstock.cli", "penstock.compiler.pipeline"):
        monkeypatch.setitem(sys.modules, name, None)
    walk = walk_of(PlainFlow)
    outcome = walk.step("start")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R124]: PlainFlow/1/start/t: compiling the flow needs the module `penstock.compiler.pipeline`,"
        " which is not here\n  = help: a container has `init` and `step` only; elsewhere install penstock with its"
        " dependencies\n"
    )
    assert walk.command("show").err.startswith("error[R124]: the command line '")


def test_a_store_that_fails_when_committing_leaves_nothing_trusted(
    walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageFailure("the disk is full")

    walk = walk_of(PlainFlow)
    monkeypatch.setattr(commit, "_save", fail)
    assert walk.step("start") == type(walk.step("start"))(
        203, "", "error[R110]: PlainFlow/1/start/t: the disk is full\n"
    )
    monkeypatch.undo()
    assert walk.step("train").code == 203
    assert walk.step("start").code == 0
    assert walk.step("train").code == 0


def test_an_error_of_our_own_is_called_a_bug(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise RuntimeError("stumbled")

    monkeypatch.setattr("penstock.runtime_shim.runner.descend", stumble)
    outcome = walk_of(PlainFlow).step("start")
    assert outcome.code == 3
    assert outcome.err.endswith(
        "RuntimeError: stumbled\n\nThis is a bug in Penstock, not in your flow. Please report it with the traceback"
        " above, the flow, and the output of `penstock version`.\n"
    )


def test_main_leaves_with_the_code_of_the_command() -> None:
    with pytest.raises(SystemExit) as stop:
        entry.main(PlainFlow, ["step"])
    assert stop.value.code == 2


def test_a_step_imports_nothing_heavy(flow_file: Callable[[str], Path], tmp_path: Path) -> None:
    """A task that is done in 80 ms can't afford a module that takes ten."""
    file = flow_file(
        "import sys\nfrom penstock import FlowSpec, step\n\n\nclass LightFlow(FlowSpec):\n"
        "    @step\n    def start(self):\n        self.next(self.end)\n\n"
        "    @step\n    def end(self):\n        print(*sorted(sys.modules))\n\n\n"
        "if __name__ == '__main__':\n    LightFlow()\n"
    )
    base = [sys.executable, str(file), "--datastore=local", f"--datastore-root={tmp_path / 'store'}", "step"]
    subprocess.run([*base, "start", "--run-id=1", "--split-path="], check=True, cwd=tmp_path)
    end = [*base, "end", "--run-id=1", "--split-path="]
    loaded = set(subprocess.run(end, check=True, cwd=tmp_path, capture_output=True, text=True).stdout.split())
    assert "penstock.runtime_shim.runner" in loaded
    heavy = {
        "argparse", "ast", "boto3", "botocore", "click", "concurrent.futures", "dataclasses", "inspect", "jinja2",
        "logging", "multiprocessing", "networkx", "rich", "socket", "subprocess", "yaml", "penstock.compiler",
        "penstock.cli", "penstock.backends", "penstock.runtime_shim.client",
    }  # fmt: skip
    assert loaded & heavy == set()
