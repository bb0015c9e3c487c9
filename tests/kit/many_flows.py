"""Flow files for the commands about several, and those commands in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Outcome

LOOP = """from penstock import FlowSpec, step


class LoopFlow(FlowSpec):
    @step
    def start(self):
        self.n = 0
        self.next(self.fit)

    @step
    def fit(self):
        self.n += 1
        self.verdict = "good" if self.n > 2 else "again"
        # The line below goes back.

        self.next({"again": self.fit, "good": self.end}, condition="verdict")

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoopFlow()
"""


def flow_file(
    name: str, *, module: str = "penstock", default: str = "'x'", decorator: str = "", foreach: bool = False
) -> str:
    """A flow with a parameter, which imports from ``module``; ``decorator`` stands before `work`, the step between
    `start` and `end`, which with ``foreach`` is one.
    """
    to_work = 'self.next(self.work, foreach="word")' if foreach else "self.next(self.work)"
    join = "    @step\n    def gather(self, inputs):\n        self.next(self.end)\n\n" if foreach else ""
    decorators = f"    {decorator}\n" if decorator else ""
    return f"""from {module} import FlowSpec, Parameter, resources, schedule, step


class {name}(FlowSpec):
    word = Parameter("word", default={default})

    @step
    def start(self):
        {to_work}

{decorators}    @step
    def work(self):
        self.next(self.{"gather" if foreach else "end"})

{join}    @step
    def end(self):
        pass


if __name__ == "__main__":
    {name}()
"""


def tree(folder: Path) -> set[str]:
    """The files below a folder."""
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def run_penstock(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Callable[..., Outcome]:
    """The script `penstock` with arguments, in a folder, as a user `ci` without configuration; in this process, which
    saves an interpreter.
    """
    from penstock.cli import run_click
    from penstock.cli.root import penstock_group

    for name in os.environ:
        if name.startswith(("METAFLOW_", "PENSTOCK_", "AWS_", "GITHUB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("METAFLOW_USER", "ci")
    monkeypatch.setenv("METAFLOW_HOME", str(folder / "no-profiles"))
    monkeypatch.chdir(folder)

    def run(*argv: str) -> Outcome:
        capfd.readouterr()
        code = run_click(penstock_group(), argv, program_name="penstock")
        said = capfd.readouterr()
        return Outcome(code, said.out, said.err)

    return run
