"""A flow with a foreach, a join and a switch for days on which S3 fails: short of patience, so that tests are short."""

from __future__ import annotations

from penstock.runtime_shim.datastore.protocol import Datastore
from penstock.runtime_shim.datastore.tasks import TaskStore

NAME = "StormFlow"

FLOW = """
from penstock import FlowSpec, step
from penstock.runtime_shim.aws import connections, given

connections.READ_SECONDS = 0.3
given.PAUSE_SECONDS = 0.02


class StormFlow(FlowSpec):
    @step
    def start(self):
        self.rows = [1, 2, 3]
        self.text = "x" * 10_000
        self.next(self.work, foreach="rows")

    @step
    def work(self):
        self.square = self.input ** 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.square for one in inputs)
        self.merge_artifacts(inputs, include=["text"])
        self.next(self.judge)

    @step
    def judge(self):
        self.verdict = "large" if self.total > 10 else "small"
        self.next({"large": self.large, "small": self.small}, condition="verdict")

    @step
    def large(self):
        self.size = len(self.text) * self.total
        self.next(self.end)

    @step
    def small(self):
        self.size = 0
        self.next(self.end)

    @step
    def end(self):
        assert self.size == 140_000


if __name__ == "__main__":
    StormFlow()
"""

STEPS = ("start", "join", "judge", "large", "end")
TASKS = [*((step, "t") for step in STEPS), *(("work", f"t.{index}") for index in range(3))]


def artifacts(store: Datastore, run: str) -> dict[str, dict[str, str]]:
    """The SHAs of all artifacts of a run, by task."""
    tasks = TaskStore(store, NAME)
    found = {(step, task): tasks.finished(run, step, task) for step, task in TASKS}
    return {
        f"{step}/{task}": {name: stored.sha for name, stored in done.objects.items()}
        for (step, task), done in found.items()
    }
