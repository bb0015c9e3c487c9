"""Argo Workflows held to the conformance suite: the corpus on one shared object store, a part of it in `make test`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest
from argo_target import cut_small, fixed_settings, objects_of, schema_problems, step_counts
from corpus_cases import CASES
from workflow_rehearsals import rehearsed

from penstock.backends.argo import BACKEND
from penstock.backends.argo.rehearsal.checks import check
from penstock.backends.argo.rehearsal.reading import read_manifests
from penstock.backends.argo.settings import ArgoSettings
from penstock.backends.conformance import BackendConformance, FlowCase, run_locally
from penstock.backends.protocol import Bundle
from penstock.backends.rehearsal.object_store import ObjectStore
from penstock.backends.run_comparison import StoredRun, differences
from penstock.compiler.program import Program

SOON = (
    "decorated", "empty_inner_foreach", "failing_split", "foreach_in_switch", "hostile_defaults", "loop_in_foreach",
    "switch_shared_tail", "switch_to_end",
)  # fmt: skip
"""What is rehearsed in `make test`: each way in which Argo differs from the others; in `make test-scale` it is all."""


class TestArgo(BackendConformance):
    backend = BACKEND
    cases: ClassVar = CASES
    soon: ClassVar = SOON

    @pytest.fixture(autouse=True)
    def _on(self, request: pytest.FixtureRequest) -> None:
        self.request = request

    def settings(self, program: Program) -> ArgoSettings:
        return fixed_settings(program)

    def schema_problems(self, bundle: Bundle) -> list[str]:
        found = schema_problems(objects_of(bundle))
        if not found:
            templates = read_manifests(bundle.files[bundle.main])
            check(templates, next(iter(templates)))  # the interpreter's own rules, which raise
        return found

    def step_counts(self, bundle: Bundle) -> Counter[str]:
        return step_counts(objects_of(bundle))

    def rehearse(self, case: FlowCase, folder: Path) -> StoredRun:
        return rehearsed(case, folder, self.request.getfixturevalue("store"))


SPREAD = ("everything_nested", "loop_exits")


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES if case.name in SPREAD])
def test_a_flow_that_is_spread_over_several_objects_runs_like_any_other(
    case: FlowCase, tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, 500, 500)
    local = run_locally(case, tmp_path / "local")
    assert differences(local, rehearsed(case, tmp_path / "rehearsed", store), case.fails_at) == []


def test_what_is_rehearsed_soon_is_in_the_corpus() -> None:
    assert set(SOON) <= {case.name for case in TestArgo.compiling()}
