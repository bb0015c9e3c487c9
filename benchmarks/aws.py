"""A stand-in for AWS on loopback, in a process of its own: moto's server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

BUCKET = "bench"
QUEUE = "queue"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def stand_in() -> Iterator[str]:
    """The server's URL, with one empty bucket; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, server)
        _furnish(url)
        yield url
    finally:
        server.terminate()
        server.wait()


def _furnish(url: str) -> None:
    """One bucket, and a job queue: Metaflow looks the queue up while it compiles."""
    session = boto3.Session(
        CREDENTIALS["AWS_ACCESS_KEY_ID"],
        CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
    )
    session.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    policy = {"Version": "2012-10-17", "Statement": []}
    role = session.client("iam", endpoint_url=url).create_role(
        RoleName="batch", AssumeRolePolicyDocument=json.dumps(policy)
    )["Role"]["Arn"]
    batch = session.client("batch", endpoint_url=url)
    place = batch.create_compute_environment(
        computeEnvironmentName="place", type="UNMANAGED", state="ENABLED", serviceRole=role
    )["computeEnvironmentArn"]
    batch.create_job_queue(
        jobQueueName=QUEUE,
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": place}],
    )


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"moto's server ended with exit code {server.returncode}")
        try:
            urllib.request.urlopen(f"{url}/moto-api/").close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("moto's server did not answer within 30 seconds")


def environment(url: str) -> dict[str, str]:
    """What either program needs to find the stand-in, and names of resources that both want to see configured."""
    return CREDENTIALS | {
        "AWS_ENDPOINT_URL": url,
        "METAFLOW_S3_ENDPOINT_URL": url,
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
        "METAFLOW_BATCH_JOB_QUEUE": QUEUE,
        "METAFLOW_SFN_IAM_ROLE": "arn:aws:iam::123456789012:role/states",
        "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/jobs",
    }
