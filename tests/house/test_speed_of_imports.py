"""A cold `import penstock` costs little beside the interpreter's own start: every step process pays it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def processor_time(statement: str, times: int = 15) -> float:
    """Seconds of the quickest of several fresh interpreters, of the processor and not of the clock: other programs that
    run at the same time do not count.
    """
    used = []
    for _ in range(times):
        process = subprocess.Popen([sys.executable, "-c", statement])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        used.append(usage.ru_utime + usage.ru_stime)
    return min(used)


def test_importing_penstock_costs_less_than_half_an_interpreter_s_start() -> None:
    bare, ours = processor_time("pass"), processor_time("import penstock")
    assert ours < 1.5 * bare, f"{1000 * (ours - bare):.1f} ms over {1000 * bare:.1f} ms"


def test_the_names_of_a_flow_cost_less_than_importing_click() -> None:
    flow, click = processor_time("from penstock import FlowSpec, step, Parameter"), processor_time("import click")
    assert flow < click, f"{1000 * flow:.1f} ms against {1000 * click:.1f} ms"
