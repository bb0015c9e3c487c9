"""Rehearsals of workflows in a test: compiled from a flow's file, run into a folder's datastore."""

from __future__ import annotations

from pathlib import Path

from penstock.backends.argo.compilation import compile_for_argo
from penstock.backends.argo.rehearsal.rehearsing import rehearse
from penstock.backends.argo.resolution import Chosen
from penstock.backends.conformance import FlowCase
from penstock.backends.rehearsal.object_store import ObjectStore
from penstock.backends.rehearsal.running import Limits, Options, rehearsal_settings
from penstock.backends.run_comparison import StoredRun
from penstock.cli.state import CliState
from penstock.compiler.planning import plan_of
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.parameters import parameters_of


def rehearsed(case: FlowCase, folder: Path, store: ObjectStore) -> StoredRun:
    """Rehearse a flow as it is compiled from its file."""
    flow_class = case.load()
    state = CliState(flow_class, (str(case.file),))
    compiled = compile_for_argo(state, Chosen(), amend=rehearsal_settings)
    declared = parameters_of(flow_class)
    given = {name: declared[name].stored(value) for name, value in case.parameters.items()}
    target = LocalDatastore(str(folder / ".metaflow"))
    lines: list[str] = []
    options = Options(limits=Limits(grace_seconds=2))
    done = rehearse(plan_of(state.program()), compiled, given, store, target, lines.append, options)
    if case.fails_at is None:
        assert done.failure is None, "".join(lines)
    else:
        assert done.failure is not None
        assert f"/{case.fails_at} failed" in done.failure.message
    return StoredRun(target.root, case.flow, done.run)
