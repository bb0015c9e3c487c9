"""The flows that are measured; each is written twice, importing from `penstock` and from `metaflow`."""

from __future__ import annotations

STEP = """
from penstock import FlowSpec, step


class StepFlow(FlowSpec):
    @step
    def start(self):
        self.x = 1
        self.next(self.middle)

    @step
    def middle(self):
        self.x = self.x + 1
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    StepFlow()
"""
"""One plain step between two others: what a container does most of the time."""

ARRAY = """
import random
from array import array

from penstock import FlowSpec, step


class ArrayFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = array("d", random.Random(1).randbytes(2**20)) * ({bytes} // 2**20)
        self.next(self.end)

    @step
    def end(self):
        assert len(self.numbers) * 8 == {bytes}


if __name__ == "__main__":
    ArrayFlow()
"""
"""One large artifact of random floating point numbers, written by one process and read by another."""

KFP_DSL = """\
from kfp import compiler, dsl

@dsl.container_component
def task(step: str):
    return dsl.ContainerSpec(image="python:3.11", command=["python", "-c", "pass"], args=[step])

@dsl.pipeline(name="lines")
def lines():
    before = None
    for number in range({steps}):
        made = task(step=f"s{{number}}")
        if before is not None:
            made.after(before)
        before = made

compiler.Compiler().compile(lines, "lines.yaml")
"""
"""Steps in a line as Kubeflow's own SDK has them, compiled by it."""
