"""One engine and its rig for all tests of the engine."""

from __future__ import annotations

import pytest
from machine_rig import Rig

from penstock.backends.step_functions.rehearsal.engine import Engine


@pytest.fixture(scope="session")
def rig(engine: Engine) -> Rig:
    """State machines written by hand, on the session's engine."""
    return Rig(engine)
