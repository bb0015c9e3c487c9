"""Kubeflow Pipelines held to the conformance suite, over the whole corpus, on one shared object store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest
from corpus_cases import CASES
from kubeflow_target import fixed_settings, schema_problems, step_counts
from pipeline_rehearsals import rehearsed

from penstock.backends.conformance import BackendConformance, FlowCase, run_locally
from penstock.backends.kubeflow import BACKEND
from penstock.backends.kubeflow.rehearsal.kfp_local import run_with_kfp_local
from penstock.backends.kubeflow.rehearsal.reading import read_pipeline
from penstock.backends.kubeflow.rehearsal.rehearsing import interpret
from penstock.backends.kubeflow.settings import KubeflowSettings
from penstock.backends.protocol import Bundle
from penstock.backends.rehearsal.object_store import ObjectStore
from penstock.backends.run_comparison import StoredRun, differences
from penstock.compiler.program import Program

SOON = (
    "branches", "crossing_branches", "decorated", "empty_inner_foreach", "everything_nested", "failing_split",
    "foreach_in_switch", "hostile_defaults", "nested_foreach", "parameters", "switch_in_branch", "switch_shared_tail",
)  # fmt: skip
"""What our interpreter runs in `make test`: each way in which Kubeflow differs; in `make test-scale` it is all."""
OPINIONS = ("parameters", "foreach_in_switch", "everything_nested", "empty_outer_foreach", "failing_split")
"""What the SDK's runner runs in `make test`; in `make test-scale` it is the whole corpus."""


class TestKubeflow(BackendConformance):
    backend = BACKEND
    cases: ClassVar = CASES
    soon: ClassVar = SOON

    @pytest.fixture(autouse=True)
    def _on(self, request: pytest.FixtureRequest) -> None:
        self.request = request

    def settings(self, program: Program) -> KubeflowSettings:
        return fixed_settings(program)

    def schema_problems(self, bundle: Bundle) -> list[str]:
        document = bundle.files[bundle.main]
        found = schema_problems(document)
        if not found:
            read_pipeline(document)  # the interpreter's own rules, which raise
        return found

    def step_counts(self, bundle: Bundle) -> Counter[str]:
        return step_counts(bundle.files[bundle.main])

    def rehearse(self, case: FlowCase, folder: Path) -> StoredRun:
        store: ObjectStore = self.request.getfixturevalue("store")
        return rehearsed(case, folder, store, interpret)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if case.name in OPINIONS else pytest.mark.scale)
        for case in TestKubeflow.compiling()
    ],
)
def test_the_sdk_s_own_runner_does_the_same(case: FlowCase, tmp_path: Path, store: ObjectStore) -> None:
    local = run_locally(case, tmp_path / "local")
    second = rehearsed(case, tmp_path / "second", store, run_with_kfp_local)
    assert differences(local, second, case.fails_at) == []
