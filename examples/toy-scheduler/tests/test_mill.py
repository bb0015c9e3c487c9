"""Mill held to what Penstock asks of every backend."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from penstock_mill import BACKEND
from penstock_mill.engine import JobFailed, Mill

from penstock.backends.conformance import BackendConformance, FlowCase
from penstock.backends.protocol import Bundle, Settings
from penstock.backends.run_comparison import StoredRun
from penstock.compiler.pipeline import demand_program
from penstock.compiler.program import Program

FLOWS = Path(__file__).parent / "flows"


class TestMill(BackendConformance):
    backend = BACKEND
    cases: ClassVar = [
        FlowCase("line", FLOWS / "line.py", "LineFlow", {"word": "a 'b' \"c\" $(d) {path}\n", "levels": {"é": [None]}}),
        FlowCase("branches", FLOWS / "branches.py", "BranchesFlow"),
        FlowCase("foreach", FLOWS / "foreach.py", "ForeachFlow"),
        FlowCase("switch", FLOWS / "switch.py", "SwitchFlow"),
        FlowCase("loop", FLOWS / "loop.py", "LoopFlow"),
        FlowCase("failing", FLOWS / "failing.py", "FailingFlow", fails_at="divide/t.1"),
    ]
    environment: ClassVar[Mapping[str, str]] = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": "/shared"}

    def settings(self, program: Program, root: str = "/shared/.metaflow", entry: str = "flow.py") -> Settings:
        return Settings(datastore_root=root, name=program.name, entry=(entry,), user="conformance")

    def schema_problems(self, bundle: Bundle) -> list[str]:
        """A sheet has no schema but Mill's own words."""
        sheet = json.loads(bundle.files[bundle.main])
        return [f"a line of {sorted(line)}" for line in _lines(sheet["jobs"]) if len(_kinds(line)) != 1]

    def step_counts(self, bundle: Bundle) -> Counter[str]:
        return Counter(line["job"] for line in _lines(json.loads(bundle.files[bundle.main])["jobs"]) if "job" in line)

    def rehearse(self, case: FlowCase, folder: Path) -> StoredRun:
        program = demand_program(case.load())
        root = str(folder / ".metaflow")
        bundle = BACKEND.lower(program, self.settings(program, root, str(case.file)))
        mill = Mill(json.loads(bundle.files[bundle.main]), "one", str(case.file.parent), print)
        if case.fails_at is None:
            mill.work(case.parameters)
        else:
            with pytest.raises(JobFailed):
                mill.work(case.parameters)
        return StoredRun(root, case.flow, "mill-one")


def _kinds(line: Mapping[str, Any]) -> set[str]:
    return {"job", "together", "each", "choose"} & set(line)


def _lines(jobs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every line of a sheet, outer ones first."""
    waiting = list(jobs)
    while waiting:
        line = waiting.pop(0)
        yield line
        waiting += [inner for each in line.get("together", ()) for inner in each]
        waiting += line.get("each", ())
        waiting += [inner for way in line.get("choose", {}).values() for inner in way]
