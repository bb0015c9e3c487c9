"""One engine and its rig for all tests of the engine, and clients of container engines that are closed again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from machine_rig import Rig

from penstock.backends.job_hosts import container_engine, containers
from penstock.backends.step_functions.rehearsal.engine import Engine


@pytest.fixture(scope="session")
def rig(engine: Engine) -> Rig:
    """State machines written by hand, on the session's engine."""
    return Rig(engine)


@pytest.fixture
def closed_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes the connections to container engines that a test leaves open: a rehearsal keeps them to its end."""
    made: list[Any] = []
    make = container_engine.client

    def client(url: str) -> Any:
        made.append(make(url))
        return made[-1]

    monkeypatch.setattr(container_engine, "client", client)
    monkeypatch.setattr(containers, "client", client)
    yield
    for each in made:
        each.close()
