"""A Kubeflow Pipelines API and an S3 on loopback, and a flow whose commands are typed as a user types them."""

from __future__ import annotations

import functools
import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.session
import pytest
from command_line import Outcome
from flow_process import run_command
from kfp_server import KfpServer
from s3_stores import moto_endpoint

from penstock.backends.following import command, watching

__all__ = ["moto_endpoint"]

BUCKET = "penstock-tests"
FLOW = '''
from penstock import FlowSpec, JSONType, Parameter, step

class GreetFlow(FlowSpec):
    """Greets."""

    who = Parameter("who", help="Whom to greet.", required=True)
    times = Parameter("times", default=1)
    rate = Parameter("rate", type=float)
    loud = Parameter("loud", default=False)
    options = Parameter("options", type=JSONType)

    @step
    def start(self):
        self.numbers = [1, 2]
        self.next(self.body, foreach="numbers")

    @step
    def body(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        print(self.who)

if __name__ == "__main__":
    GreetFlow()
'''

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
    urllib.request.urlopen(urllib.request.Request(f"{moto_endpoint}/moto-api/reset", method="POST")).close()
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=moto_endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket=BUCKET)
    return {
        **keys,
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "METAFLOW_USER": "ada",
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
        "METAFLOW_S3_ENDPOINT_URL": moto_endpoint,
        "KF_PIPELINES_ENDPOINT": kfp.url,
    }


@pytest.fixture
def flow(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs a command of the flow: ``flow("kfp", "list-runs", KFP_COOKIES="…")``."""
    file = tmp_path / "flow.py"
    file.write_text(FLOW)

    def run(*arguments: str, **extra: str) -> Outcome:
        return run_command(file, *arguments, environment={**environment, **extra})

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes as fast as one waits; what was waited for."""
    waited: list[float] = []
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waited.append(seconds)

    monkeypatch.setattr(command, "Watch", functools.partial(watching.Watch, clock=lambda: now, sleep=sleep))
    return waited
