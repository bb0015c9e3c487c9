"""`make bench`: both programs, the same work, one after the other on the same machine; writes ``last-run.md``.

``BENCH_FULL=1`` takes the design's sizes (a quarter of an hour), ``BENCH_ONLY=local_run,one_step`` some of the rows.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from measuring import Measured
from rows import ROWS, Row
from workbench import Program, Workbench

HERE = Path(__file__).resolve().parent
REPORT = HERE / "last-run.md"


def shown(measured: Measured | str) -> str:
    """Time and memory for people."""
    if isinstance(measured, str):
        return measured
    digits = 3 if measured.seconds < 1 else 1
    return f"{measured.seconds:.{digits}f} s, {measured.megabytes:.0f} MB"


def ratio(row: Row) -> str:
    """How many times as fast; nothing where one side has no number."""
    if isinstance(row.metaflow, str):
        return ""
    return f"{row.metaflow.seconds / row.penstock.seconds:.1f}×"


def line(row: Row) -> str:
    """One line of the table, with the size of what a compiler printed."""
    size = f", {row.penstock.output / 1e6:.2f} MB out" if row.work.startswith("compile") else ""
    return f"| {row.work} | {shown(row.metaflow)} | {shown(row.penstock)}{size} | {ratio(row)} | {row.goal} |"


HEADING = """\
# Last run of `make bench`

Metaflow {metaflow} and Penstock {penstock} on the same machine, one after the other: Python {python}, {system}, {cores}
cores.  Whole processes from start to exit, median; the largest resident memory of the process or one of its children.
AWS is moto's server on loopback.

| work | Metaflow | Penstock | faster | aim |
|---|---|---|---|---|"""


def heading(metaflow: str) -> str:
    """What the numbers are, and of what machine."""
    return HEADING.format(
        metaflow=metaflow,
        penstock=version("penstock"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
    )


def main() -> int:
    """Measure, print, and write the report when every row was measured."""
    metaflow_python = Path(os.environ["METAFLOW_PYTHON"])
    (installed,) = metaflow_python.parent.parent.glob("lib/python3*/site-packages/metaflow-*.dist-info")
    only = [name for name in os.environ.get("BENCH_ONLY", "").split(",") if name]
    lines = [heading(installed.name.removeprefix("metaflow-").removesuffix(".dist-info"))]
    print(lines[0], flush=True)
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        bench = Workbench(
            penstock=Program("penstock", "penstock", Path(sys.executable), Path(folder, "penstock")),
            metaflow=Program("metaflow", "metaflow", metaflow_python, Path(folder, "metaflow")),
            full=os.environ.get("BENCH_FULL") == "1",
        )
        for measure_rows in ROWS:
            if not only or measure_rows.__name__ in only:
                for row in measure_rows(bench):
                    lines.append(line(row))
                    print(lines[-1], flush=True)
    if not only:
        REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"\nwritten to {REPORT.relative_to(Path.cwd())}" if REPORT.is_relative_to(Path.cwd()) else "")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
