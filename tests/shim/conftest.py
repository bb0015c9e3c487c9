"""What the tests of the shim share: a quiet environment and runs in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from record_walk import Walk

from penstock import FlowSpec


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine's configuration reaches a flow."""
    for name in ("METAFLOW_PROFILE", "PENSTOCK_PLAN", "PENSTOCK_PARAMETERS", "PENSTOCK_EVENTS_PER_SPLIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path / "no-profile"))
    monkeypatch.setenv("METAFLOW_USER", "tester")


@pytest.fixture
def walk_of(tmp_path: Path) -> Callable[[type[FlowSpec]], Walk]:
    """A run of a flow in the test's folder."""
    return lambda flow_class: Walk(flow_class, tmp_path / "store")
