"""Rehearsals of pipelines in a test: compiled from a flow's file, run by an engine into a folder's datastore."""

from __future__ import annotations

from pathlib import Path

from penstock.backends.conformance import FlowCase
from penstock.backends.kubeflow.compilation import compile_for_kubeflow
from penstock.backends.kubeflow.rehearsal.rehearsing import PipelineEngine, rehearse
from penstock.backends.kubeflow.resolution import Chosen
from penstock.backends.kubeflow.running.values import input_values
from penstock.backends.rehearsal.object_store import ObjectStore
from penstock.backends.rehearsal.running import Limits, Options, rehearsal_settings
from penstock.backends.run_comparison import StoredRun
from penstock.cli.state import CliState
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.parameters import parameters_of


def rehearsed(case: FlowCase, folder: Path, store: ObjectStore, engine: PipelineEngine) -> StoredRun:
    """Rehearse a flow as it is compiled from its file."""
    flow_class = case.load()
    compiled = compile_for_kubeflow(CliState(flow_class, (str(case.file),)), Chosen(), amend=rehearsal_settings)
    declared = parameters_of(flow_class)
    given = input_values({name: declared[name].stored(value) for name, value in case.parameters.items()}, declared)
    target = LocalDatastore(str(folder / ".metaflow"))
    lines: list[str] = []
    options = Options(limits=Limits(grace_seconds=2))
    done = rehearse(case.flow, compiled, given, store, target, lines.append, options, engine)
    if case.fails_at is None:
        assert done.failure is None, "".join(lines)
    else:
        assert done.failure is not None
        assert f"/{case.fails_at} failed" in done.failure.message
    return StoredRun(target.root, case.flow, done.run)
