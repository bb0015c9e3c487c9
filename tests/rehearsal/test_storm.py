"""Jobs whose S3 has a bad day: Batch starts none of them twice, and the run is as if nothing had been."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import Shell
from rehearsals import compiled, rehearsed
from storm import Storm
from storm_flow import FLOW, artifacts

from penstock.backends.step_functions.bundle import Deployment
from penstock.backends.step_functions.compilation import CompiledFlow
from penstock.backends.step_functions.lowering import JOB_DEFINITIONS
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.runtime_shim.datastore.local import LocalDatastore

pytestmark = pytest.mark.slow


def through(flow: CompiledFlow, url: str) -> CompiledFlow:
    """The same with jobs that find S3 at ``url``, the fetch of their code included."""

    def lead(definition: Mapping[str, Any]) -> dict[str, Any]:
        properties = definition["containerProperties"]
        environment = [*properties["environment"], {"name": "METAFLOW_S3_ENDPOINT_URL", "value": url}]
        return {**definition, "containerProperties": {**properties, "environment": environment}}

    definitions = [lead(each) for each in flow.deployment.job_definitions]
    files = {**flow.deployment.files, JOB_DEFINITIONS: json.dumps(definitions).encode()}
    return replace(flow, deployment=Deployment(flow.deployment.manifest, files))


def test_a_rehearsal_in_a_storm_leaves_what_a_run_in_calm_leaves(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text(FLOW)
    with Shell(tmp_path) as shell:
        assert shell.run("flow.py", "run", "--run-id-file=calm").code == 0
    calm = LocalDatastore(str(tmp_path / ".metaflow"))
    began = time.monotonic()
    with Storm(engine.endpoint, share=0.2, seed=2) as storm:
        run = rehearsed(through(compiled(file), storm.url), engine, tmp_path / "storm")
    assert run.done.status == "SUCCEEDED", "".join(run.lines)
    assert time.monotonic() - began < 60
    assert artifacts(run.store, run.done.run) == artifacts(calm, (tmp_path / "calm").read_text())
    assert set(storm.kinds) <= set(storm.happened), storm.happened
    assert any("/data/" in request for request in storm.asked)
    assert not any("tried again" in line for line in run.lines)
