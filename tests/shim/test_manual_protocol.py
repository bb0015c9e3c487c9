"""Metaflow's manual protocol: integer ids, input paths in three forms, and both addressings in one run."""

from __future__ import annotations

import base64
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from record_walk import Outcome, Walk

from penstock import FlowSpec, step

WalkOf = Callable[[type[FlowSpec]], Walk]

RECIPE_FLOW = """
from penstock import FlowSpec, step

class RecipeFlow(FlowSpec):
    @step
    def start(self):
        self.xs = list("abcd")
        self.next(self.explore, foreach="xs")

    @step
    def explore(self):
        self.y = (self.index, self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ys = [one.y for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        print("got", self.ys)

if __name__ == "__main__":
    RecipeFlow()
"""


def test_the_recipe_works_as_written(flow_file: Callable[[str], Path], tmp_path: Path) -> None:
    file = flow_file(RECIPE_FLOW)

    def run(arguments: str) -> str:
        command = [sys.executable, str(file), "--datastore", "local", *arguments.split()]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    assert run("init --run-id 1 --task-id 0") == ""
    assert run("step start --run-id 1 --task-id 1 --input-paths 1/_parameters/0") == "foreach-numsplits:  4\n"
    for index in range(4):
        task = index + 2
        assert run(f"step explore --run-id 1 --task-id {task} --input-paths 1/start/1 --split-index {index}") == ""
    assert run("step join --run-id 1 --task-id 6 --input-paths 1/explore/:2,3,4,5") == ""
    out = run("step end --run-id 1 --task-id 9 --input-paths 1/join/6")
    assert out == "got [(0, 'a'), (1, 'b'), (2, 'c'), (3, 'd')]\n"


class ManualFlow(FlowSpec):
    @step
    def start(self):
        self.xs = "abcd"
        self.next(self.explore, foreach="xs")

    @step
    def explore(self):
        self.y = (self.index, self.input, self.foreach_stack())
        self.next(self.p, self.q)

    @step
    def p(self):
        self.z = "p"
        self.next(self.meet)

    @step
    def q(self):
        self.z = "q"
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.y, self.zs = inputs[0].y, [one.z for one in inputs]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ys = [one.y[:2] for one in inputs]
        self.zs = [one.zs for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


@pytest.fixture
def explored(walk_of: WalkOf) -> Walk:
    """A run by hand up to the join: tasks 2..5 of `meet`, of the splits 0..3."""
    walk = walk_of(ManualFlow)
    walk.command("init", "--run-id", "1", "--task-id", "0")
    by_hand(walk, "start", "1", "1/_parameters/0")
    for index in range(4):
        assert by_hand(walk, "explore", str(index + 2), "1/start/1", "--split-index", str(index)).code == 0
        for branch in "pq":
            by_hand(walk, branch, str(index + 2), f"1/explore/{index + 2}")
        by_hand(walk, "meet", str(index + 2), f"1/:p/{index + 2},q/{index + 2}")
    return walk


def by_hand(walk: Walk, name: str, task: str, inputs: str, *options: str) -> Outcome:
    return walk.command("step", name, "--run-id", walk.run, "--task-id", task, "--input-paths", inputs, *options)


def packed(text: str, times: int) -> str:
    """Form 3: Metaflow 2.19 compresses twice."""
    data = text.encode()
    for _ in range(times):
        data = zlib.compress(data)
    return "!" + base64.b64encode(data).decode()


@pytest.mark.parametrize(
    "inputs",
    [
        "1/meet/5,1/meet/3,1/meet/4,1/meet/2",
        "1/meet/:5,3,4,2",
        packed("1/meet/:5,3,4,2", 1),
        packed("1/meet/5,1/meet/3,1/meet/4,1/meet/2", 2),
    ],
)
def test_a_join_takes_its_inputs_in_the_given_order(explored: Walk, inputs: str, tmp_path: Path) -> None:
    assert by_hand(explored, "join", "6", inputs).err == ""
    expected = [(3, "d"), (1, "b"), (2, "c"), (0, "a")]
    assert explored.tasks.finished("1", "join", "6").load("ys") == expected
    file = tmp_path / "inputs"
    file.write_text(inputs + "\n")
    assert explored.command(
        "step", "join", "--run-id", "1", "--task-id", "7", "--input-paths-filename", str(file)
    ).err == ""  # fmt: skip
    assert explored.tasks.finished("1", "join", "7").load("ys") == expected


def test_both_addressings_mix_since_a_path_follows_from_the_parents(explored: Walk) -> None:
    meet = explored.tasks.finished("1", "meet", "4")
    assert str(meet.path) == "/2"
    assert meet.load("y") == (2, "c", [(2, 4, "c")])
    assert explored.record("meet", "/2").parents == ("p/4", "q/4")
    walk = Walk(ManualFlow, explored.root, "2")
    walk.step("start")
    assert by_hand(walk, "explore", "17", "2/start/t", "--split-index", "3").code == 0
    assert str(walk.tasks.finished("2", "explore", "17").path) == "/3"


WRONG_INPUTS = {
    "join 1/meet/:2,3,4": "R126: join `join` needs 4 inputs, one of each split, but got 3 of 3 splits",
    "join 1/meet/:2,3,4,4": "R126: join `join` needs 4 inputs, one of each split, but got 4 of 3 splits",
    "meet 1/:p/2,q/3": "R126: the inputs of join `meet` come from different places: /0 and others",
    "meet 1/:p/2,p/2": "R126: join `meet` needs one input of each of `p`, `q`, but got p/2, p/2",
    "end 1/start/1": "R126: step `end` does not follow `start`; it follows `join`",
    "p 1/:explore/2,explore/3": "R126: step `p` is no join and has one parent, but got 2 input paths",
    "explore 1/start/1": "R126: step `explore` is the first of a foreach: give --split-index",
    "explore 1/start/1 --split-index 4": "R127: there is no split 4: ManualFlow/1/start/1 opened 4",
    "end 2/join/1": "R126: the input path 2/join/1 belongs to run '2', and the task to run '1'",
    "end 1/join/77": "R160: task ManualFlow/1/join/77 has not been started",
}


@pytest.mark.parametrize("arguments", list(WRONG_INPUTS))
def test_wrong_inputs_are_one_sentence(explored: Walk, arguments: str) -> None:
    name, inputs, *options = arguments.split()
    outcome = by_hand(explored, name, "9", inputs, *options)
    code, _, sentence = WRONG_INPUTS[arguments].partition(": ")
    assert outcome.err.startswith(f"error[{code}]: ManualFlow/1/{name}/9: {sentence}")
    assert outcome.code == (203 if code == "R160" else 202)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("1/../etc", "error[R101]: '..' cannot be a step"),
        ("1/start", "error[R101]: the input path '1/start' is not of the form run/step/task"),
        ("!nonsense", "error[R101]: the compressed input paths can't be read: "),
        (packed("1/meet/2", 1)[:-8], "error[R101]: the compressed input paths can't be read: "),
        ("", "error[R101]: '' cannot be a run id"),
    ],
)
def test_malformed_inputs_are_one_sentence(walk_of: WalkOf, inputs: str, message: str) -> None:
    outcome = by_hand(walk_of(ManualFlow), "end", "9", inputs)
    assert outcome.code == 202
    assert outcome.err.startswith(message)


def test_a_clone_takes_over_the_artifacts_and_runs_nothing(explored: Walk) -> None:
    walk = Walk(ManualFlow, explored.root, "2")
    walk.command("init", "--run-id", "2", "--task-id", "0")
    options = ["--clone-run-id", "1"]
    assert walk.command(
        "step", "start", "--run-id", "2", "--task-id", "1", "--clone-only", "1/start/1", *options
    ).err == ""  # fmt: skip
    assert walk.command(
        "step", "explore", "--run-id", "2", "--split-path", "/2", "--clone-only", "1/explore/4", *options
    ).err == ""  # fmt: skip
    assert walk.tasks.finished("2", "explore", "t.2").objects == walk.tasks.finished("1", "explore", "4").objects
    assert walk.record("start").splits == 4
    assert walk.record("start").run == "2"
    other = walk.command("step", "p", "--run-id", "2", "--split-path", "/2", "--clone-only", "1/explore/4")
    assert other.err == (
        "error[R126]: ManualFlow/2/p/t.2: a task of step `p` can't be a clone of 1/explore/4: it is another step's\n"
    )
