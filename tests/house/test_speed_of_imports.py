"""A cold `import penstock` costs little beside the interpreter's own start: every step process pays it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow


def fastest(statement: str, times: int = 15) -> float:
    """Seconds of the fastest of several fresh interpreters: load of the machine only ever adds."""
    durations = []
    for _ in range(times):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        durations.append(time.perf_counter() - begin)
    return min(durations)


def test_importing_penstock_costs_less_than_half_an_interpreter_s_start() -> None:
    bare, ours = fastest("pass"), fastest("import penstock")
    assert ours < 1.5 * bare, f"{1000 * (ours - bare):.1f} ms over {1000 * bare:.1f} ms"


def test_the_names_of_a_flow_cost_less_than_importing_click() -> None:
    flow, click = fastest("from penstock import FlowSpec, step, Parameter"), fastest("import click")
    assert flow < click, f"{1000 * flow:.1f} ms against {1000 * click:.1f} ms"
