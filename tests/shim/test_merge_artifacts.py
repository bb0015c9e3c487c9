"""``merge_artifacts``, as Metaflow 2.19 has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from record_walk import Walk

from penstock import FlowSpec, Parameter, step
from penstock.runtime_shim.datastore.finished import FinishedTask

WalkOf = Callable[[type[FlowSpec]], Walk]


def refusal(act: Callable[[], object]) -> tuple[str, str, list[str]]:
    """Class, sentence and artifact names of the exception that ``act`` raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is is what the tests ask
        act()
    return type(caught.value).__name__, str(caught.value), getattr(caught.value, "artifact_names", [])


class MergeFlow(FlowSpec):
    LIMIT = 1
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.same, self.differs, self.settled, self.dropped = [1], 0, 0, "d"
        self._private = "p"
        self.outside = refusal(lambda: self.merge_artifacts([]))
        self.next(self.a, self.b)

    @step
    def a(self):
        self.differs, self.settled, self.only_a = "a", "a", 1
        self.next(self.join)

    @step
    def b(self):
        self.differs, self.settled, self.only_b = "b", "b", 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.conflict = refusal(lambda: self.merge_artifacts(inputs))
        self.nothing_yet = [name for name in ("same", "only_a") if hasattr(self, name)]
        self.both = refusal(lambda: self.merge_artifacts(inputs, include=["same"], exclude=["differs"]))
        self.missing = refusal(lambda: self.merge_artifacts(inputs, include=["same", "nowhere"]))
        self.settled = "join"
        self.merge_artifacts(inputs, exclude=["differs", "dropped"])
        self.merge_artifacts(inputs, include=["dropped", "alpha", "settled"])
        self.read = self.same
        self.next(self.end)

    @step
    def end(self):
        pass


def test_equal_and_single_values_pass_and_assigned_ones_stay(walk_of: WalkOf) -> None:
    walk = walk_of(MergeFlow)
    assert [outcome.err for *_, outcome in walk.all() if outcome.err] == []
    join = walk.task("join")
    merged = {
        name: join.load(name)
        for name in ("same", "only_a", "only_b", "settled", "dropped", "_private", "alpha", "LIMIT")
    }
    assert merged == {
        "same": [1], "only_a": 1, "only_b": 2, "settled": "join", "dropped": "d",
        "_private": "p", "alpha": 1, "LIMIT": 1
    }  # fmt: skip
    assert "differs" not in join.objects
    assert join.objects["dropped"] == walk.task("start").objects["dropped"]


def test_refusals_name_the_artifacts_and_merge_nothing(walk_of: WalkOf) -> None:
    walk = walk_of(MergeFlow)
    walk.all()
    join = walk.task("join")
    assert join.load("conflict") == (
        "UnhandledInMergeArtifactsException",
        (
            "step `join` can't merge `differs`, `settled`: the inputs have different values. Assign them in the step"
            " before calling merge_artifacts, or exclude them."
        ),
        ["differs", "settled"],
    )
    assert join.load("nothing_yet") == []
    assert join.load("missing") == (
        "MissingInMergeArtifactsException",
        "step `join` is to merge `nowhere`, which no input has.",
        ["nowhere"],
    )
    assert join.load("both")[:2] == (
        "MergeArtifactsException",
        "step `join` gives merge_artifacts both `include` and `exclude`: they exclude each other",
    )
    assert walk.task("start").load("outside")[:2] == (
        "MergeArtifactsException",
        "merge_artifacts can be called in a join only, and step `start` is none",
    )


def test_merging_reads_no_values(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = walk_of(MergeFlow)
    for name in ("start", "a", "b"):
        walk.step(name)
    read: list[str] = []
    load = FinishedTask.load

    def noted(self: FinishedTask, name: str) -> Any:
        read.append(name)
        return load(self, name)

    monkeypatch.setattr(FinishedTask, "load", noted)
    assert walk.step("join").code == 0
    assert read == ["same"], "`read` reads it; merging does not"
