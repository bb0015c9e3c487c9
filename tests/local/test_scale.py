"""Long and wide runs."""

from __future__ import annotations

import pytest
from command_line import Shell
from generated_flows import linear

WIDE = """
from penstock import FlowSpec, Parameter, step


class WideFlow(FlowSpec):
    n = Parameter("n", default=100)

    @step
    def start(self):
        self.xs = range(self.n)
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.count = len(inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WideFlow()
"""


@pytest.mark.slow
def test_a_thousand_steps_in_a_line(shell: Shell) -> None:
    (shell.folder / "line.py").write_text(linear(1_000))
    done = shell.run("line.py", "--quiet", "run", timeout=600)
    assert done.code == 0, done.err
    assert shell.task("LinesFlow", "end").load("count") == 1_000


@pytest.mark.scale
def test_ten_thousand_splits(shell: Shell) -> None:
    (shell.folder / "wide.py").write_text(WIDE)
    done = shell.run("wide.py", "--quiet", "run", "--n=10000", "--max-num-splits=10000", timeout=1800)
    assert done.code == 0, done.err
    assert shell.task("WideFlow", "end").load("count") == 10_000
