"""A Kubeflow Pipelines API and an S3 on loopback, and a flow whose commands are typed as a user types them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Outcome
from flow_process import run_command
from greeting import FLOW, quick, s3_environment
from kfp_server import KfpServer
from s3_stores import moto_endpoint

__all__ = ["moto_endpoint", "quick"]

Run = Callable[..., Outcome]


@pytest.fixture
def kfp() -> Iterator[KfpServer]:
    server = KfpServer()
    yield server
    server.close()


@pytest.fixture
def environment(kfp: KfpServer, moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a user has set who works with these two servers; the bucket is empty."""
    import kfp as sdk

    # kfp finds the home folder once, when it is imported.
    monkeypatch.setattr(sdk.Client, "_LOCAL_KFP_CONTEXT", str(tmp_path / ".config/kfp/context.json"))
    return {**s3_environment(moto_endpoint, tmp_path), "KF_PIPELINES_ENDPOINT": kfp.url}


@pytest.fixture
def flow(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs a command of the flow: ``flow("kfp", "list-runs", KFP_COOKIES="…")``."""
    file = tmp_path / "flow.py"
    file.write_text(FLOW)

    def run(*arguments: str, **extra: str) -> Outcome:
        return run_command(file, *arguments, environment={**environment, **extra})

    return run
