"""Fixed settings for Step Functions, and what a compiled state machine holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from penstock.backends.step_functions.settings import StepFunctionsSettings
from penstock.compiler.program import Program

ROLE = "arn:aws:iam::123456789012:role/penstock"


def fixed_settings(program: Program) -> StepFunctionsSettings:
    """Settings that depend on the flow's name alone: the bytes of a golden file depend on nothing else."""
    return StepFunctionsSettings(
        datastore_root="s3://penstock-golden/metaflow",
        name=program.name,
        entry=("flow.py",),
        package_sha="0123456789abcdef0123456789abcdef01234567",
        image="python:3.11",
        user="golden",
        job_queue="golden-queue",
        job_role=ROLE,
        sfn_role=ROLE,
        events_role=ROLE,
    )


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of a machine and of those inside it, with its name."""
    pending = [machine]
    while pending:
        for name, state in pending.pop()["States"].items():
            yield name, state
            pending += state.get("Branches", [])
            pending += [state[field] for field in ("ItemProcessor", "Iterator") if field in state]


def step_counts(document: bytes) -> Counter[str]:
    """How many job states run each step, read from the variables that they give to their containers."""
    counts: Counter[str] = Counter()
    for _, state in states(json.loads(document)):
        if "batch:submitJob" in state.get("Resource", ""):
            variables = state["Parameters"]["ContainerOverrides"]["Environment"]
            counts[next(each["Value"] for each in variables if each["Name"] == "PENSTOCK_STEP")] += 1
    return counts
