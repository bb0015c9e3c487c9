"""A flow whose commands talk to a scheduler's server, and the S3 on loopback that its code goes to."""

from __future__ import annotations

import functools
import os
import urllib.request
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from penstock.backends.following import command, watching

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


def s3_environment(endpoint: str, home: Path) -> dict[str, str]:
    """What a user has set who works with that S3, whose bucket is empty."""
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    _client(endpoint).create_bucket(Bucket=BUCKET)
    return {
        **keys,
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "METAFLOW_USER": "ada",
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
        "METAFLOW_S3_ENDPOINT_URL": endpoint,
    }


@functools.cache
def _client(endpoint: str) -> Any:
    """Made once: it reads all that S3 can do."""
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


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
