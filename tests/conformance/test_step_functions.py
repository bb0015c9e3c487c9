"""Step Functions held to the conformance suite, over the whole corpus, on one shared engine."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest
from corpus_cases import CASES
from step_functions_target import fixed_settings, states, step_counts

from penstock.backends.conformance import BackendConformance, FlowCase
from penstock.backends.protocol import Bundle
from penstock.backends.run_comparison import StoredRun
from penstock.backends.step_functions import BACKEND
from penstock.backends.step_functions.compilation import compile_for_step_functions
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.backends.step_functions.rehearsal.rehearsing import rehearsal_settings, rehearse
from penstock.backends.step_functions.resolution import Chosen
from penstock.backends.step_functions.settings import StepFunctionsSettings
from penstock.backends.step_functions.validation import problems
from penstock.cli.state import CliState
from penstock.compiler.program import Program
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.parameters import parameters_of

LATER = (
    "artifact_sizes", "class_constants", "foreach_chain", "foreach_iterables", "foreach_stack", "if_else",
    "inherited_steps", "many_artifacts", "match_arms", "self_mutation", "value_kinds", "wide_foreach",
)  # fmt: skip
"""What is rehearsed in `make test-scale` only: of width, or of a matter that a state machine does not see, where
another flow has the same states.
"""


class TestStepFunctions(BackendConformance):
    backend = BACKEND
    cases: ClassVar = CASES
    soon: ClassVar = tuple(case.name for case in CASES if case.name not in LATER)
    environment: ClassVar = {
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://penstock-conformance/metaflow",
        "METAFLOW_BATCH_JOB_QUEUE": "queue",
        "METAFLOW_SFN_IAM_ROLE": "arn:aws:iam::123456789012:role/states",
        "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/jobs",
    }

    @pytest.fixture(autouse=True)
    def _on(self, request: pytest.FixtureRequest) -> None:
        self.request = request

    def settings(self, program: Program) -> StepFunctionsSettings:
        return fixed_settings(program)

    def schema_problems(self, bundle: Bundle) -> list[str]:
        document = bundle.files[bundle.main]
        return [str(problem) for problem in problems(document)] + _statelint(document)

    def step_counts(self, bundle: Bundle) -> Counter[str]:
        return step_counts(bundle.files[bundle.main])

    def rehearse(self, case: FlowCase, folder: Path) -> StoredRun:
        flow_class = case.load()
        state = CliState(flow_class, (str(case.file),))
        compiled = compile_for_step_functions(state, Chosen(), amend=rehearsal_settings)
        declared = parameters_of(flow_class)
        given = {name: declared[name].stored(value) for name, value in case.parameters.items()}
        target = LocalDatastore(str(folder / ".metaflow"))
        lines: list[str] = []
        engine: Engine = self.request.getfixturevalue("engine")  # started for the tests that rehearse, and no others
        done = rehearse(compiled, given, engine, target, write=lines.append)
        assert done.status == ("FAILED" if case.fails_at else "SUCCEEDED"), "".join(lines)
        if case.fails_at:
            assert done.failure is not None
            assert f"/{case.fails_at} failed" in done.failure.message
        return StoredRun(target.root, case.flow, done.run)


def _statelint(document: bytes) -> list[str]:
    """The judgment of statelint from PyPI, which knows the language but neither services nor limits."""
    from statelint.linter import Linter

    found: list[str] = Linter.validate(json.loads(document))
    return found


def test_a_state_costs_few_bytes() -> None:
    for case in TestStepFunctions.cases:
        document = TestStepFunctions()._lowered(case).files["state-machine.json"]
        jobs = sum(step_counts(document).values())
        assert len(document) <= 900 * jobs + 900, f"{case.name}: {len(document)} bytes for {jobs} steps"
        assert len(list(states(json.loads(document)))) >= jobs + 1
