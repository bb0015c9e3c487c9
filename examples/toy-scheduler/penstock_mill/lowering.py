"""From a program to a sheet: a fold over its items."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from penstock.backends.protocol import Bundle, Settings
from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.planning import plan_of
from penstock.compiler.program import Branches, Choice, Each, Item, Loop, Mesh, Program, Region, Run, walk_within
from penstock.runtime_shim.failures import EXIT_DO_NOT_RETRY, EXIT_USER_FAILED
from penstock.runtime_shim.initialize import PARAMETERS_ENV
from penstock.runtime_shim.plan import Plan
from penstock.runtime_shim.policy import policy_of
from penstock.runtime_shim.records import RECORD_FILE_ENV

SHEET = "sheet.json"
DEEPEST = 40
"""Lists inside each other that Mill takes."""


def lower(program: Program, settings: Settings) -> Bundle:
    """The sheet.  ``{job}``, ``{run}``, ``{path}`` and ``{try}`` are Mill's own, replaced when a job starts."""
    store = "s3" if settings.datastore_root.startswith("s3://") else "local"
    command = ["python", *settings.entry, "--quiet", f"--datastore={store}"]
    command += [f"--datastore-root={settings.datastore_root}", "step", "{job}", "--run-id=mill-{run}"]
    command += ["--split-path={path}", "--retry-count={try}", *(f"--tag={tag}" for tag in settings.tags)]
    sheet = {
        "sheet": settings.name,
        "command": command,
        "environment": {"METAFLOW_USER": settings.user} if settings.user else {},
        "at once": settings.max_workers,
        "note": RECORD_FILE_ENV,
        "parameters": PARAMETERS_ENV,
        "jobs": _lines(program.root, plan_of(program)),
    }
    return Bundle({SHEET: (json.dumps(sheet, indent=1) + "\n").encode()}, SHEET)


def _lines(region: Region, plan: Plan) -> list[dict[str, Any]]:
    return [_line(item, plan) for item in region.items]


def _line(item: Item, plan: Plan) -> dict[str, Any]:
    match item:
        case Run(step=step):
            return _job(step, plan)
        case Branches(regions=regions):
            return {"together": [_lines(region, plan) for region in regions]}
        case Each(body=body):
            return {"each": _lines(body, plan)}
        case Choice(arms=arms):
            return {"choose": {arm.target: _lines(arm.region, plan) for arm in arms if arm.region is not None}}
        case Loop() | Mesh():
            raise AssertionError(f"{item} passed the check")


def _job(step: str, plan: Plan) -> dict[str, Any]:
    """A step's job; ``final`` are exit codes after which it is not tried again."""
    policy = policy_of(plan[step])
    job: dict[str, Any] = {"job": step}
    if policy.tries > 1:
        final = [EXIT_USER_FAILED, EXIT_DO_NOT_RETRY] if policy.platform_only else [EXIT_DO_NOT_RETRY]
        job |= {"tries": policy.tries, "wait": policy.wait, "final": final}
    if policy.retries:
        job["more"] = [f"--max-user-code-retries={policy.retries}"]
    return job


def too_deep(program: Program) -> Iterator[Diagnostic]:
    """The first step that stands in too many lists."""
    for item, depth in walk_within(program.root, 1, lambda depth, _: depth + 1):
        if depth > DEEPEST and isinstance(item, Run):
            message = f"this step stands in {depth} lists inside each other, Mill takes {DEEPEST}"
            yield Diagnostic("P402", message, Label(program.graph[item.step].span), help="split the flow in two")
            return
