"""A server that speaks S3, Batch and Step Functions on loopback, and flows run as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/penstock-tests"
QUEUE = "penstock-tests"
ROOT = "s3://penstock-tests/metaflow"

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The URL of an AWS that has a bucket, a role and a job queue."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def client(url: str, service: str) -> object:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture
def aws(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Makes clients of the server, emptied for this test."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "METAFLOW_", "PENSTOCK_"))]:
        monkeypatch.delenv(name)
    boto3.client(
        "s3", endpoint_url=moto_server, region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t"
    )
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{moto_server}/moto-api/reset", method="POST")).close()
    client(moto_server, "s3").create_bucket(
        Bucket="penstock-tests", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    client(moto_server, "iam").create_role(RoleName="penstock-tests", AssumeRolePolicyDocument="{}")
    batch = client(moto_server, "batch")
    batch.create_compute_environment(computeEnvironmentName="tests", type="UNMANAGED", serviceRole=ROLE)
    batch.create_job_queue(
        jobQueueName=QUEUE,
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "tests"}],
    )
    return lambda service: client(moto_server, service)


@pytest.fixture
def environment(moto_server: str, tmp_path: Path) -> dict[str, str]:
    """What a user has set who works with the server."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "METAFLOW_USER": "ada",
        "METAFLOW_DATASTORE_SYSROOT_S3": ROOT,
        "METAFLOW_BATCH_JOB_QUEUE": QUEUE,
        "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": ROLE,
        "METAFLOW_SFN_IAM_ROLE": ROLE,
        "AWS_ENDPOINT_URL": moto_server,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


@pytest.fixture
def command(environment: dict[str, str], tmp_path: Path) -> Command:
    """Runs ``python flow.py …`` in the test's folder: ``command("flow.py", "check", LANG="C")``."""

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**environment, **extra},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
