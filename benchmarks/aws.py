"""A stand-in for AWS on loopback, in a process of its own: moto's server."""

from __future__ import annotations

import gzip
import hashlib
import json
import pickle
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
    session = _session()
    session.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    policy = {"Version": "2012-10-17", "Statement": []}
    role = session.client("iam", endpoint_url=url).create_role(
        RoleName="batch", AssumeRolePolicyDocument=json.dumps(policy)
    )["Role"]["Arn"]
    profile = session.client("iam", endpoint_url=url).create_instance_profile(InstanceProfileName="instances")
    ec2 = session.client("ec2", endpoint_url=url)
    subnets, groups = ec2.describe_subnets()["Subnets"], ec2.describe_security_groups()["SecurityGroups"]
    batch = session.client("batch", endpoint_url=url)
    place = batch.create_compute_environment(
        computeEnvironmentName="place",
        type="MANAGED",
        state="ENABLED",
        serviceRole=role,
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 4,
            "instanceTypes": ["m5.large"],
            "subnets": [subnets[0]["SubnetId"]],
            "instanceRole": profile["InstanceProfile"]["Arn"],
            "securityGroupIds": [groups[0]["GroupId"]],
        },
    )["computeEnvironmentArn"]
    batch.create_job_queue(
        jobQueueName=QUEUE,
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": place}],
    )


def _session() -> boto3.Session:
    return boto3.Session(
        CREDENTIALS["AWS_ACCESS_KEY_ID"],
        CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
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


def add_what_metaflow_reads(url: str, prefix: str, tasks: list[str]) -> None:
    """Metaflow's joins ask every input for two artifacts that Penstock does not store: the step's name and the graph."""
    s3 = _session().client("s3", endpoint_url=url)
    for task in tasks:
        key = f"{prefix}/{task}/0.data.json"
        document = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        for name, value in (("_current_step", task.split("/")[1]), ("_graph_info", {})):
            blob = pickle.dumps(value, protocol=4)
            sha = hashlib.sha1(blob).hexdigest()
            facts = {"metaflow-user-attributes": json.dumps({"cas_raw": False, "cas_version": 1})}
            s3.put_object(Bucket=BUCKET, Key=f"{prefix}/data/{sha[:2]}/{sha}", Body=gzip.compress(blob), Metadata=facts)
            document["objects"][name] = sha
            document["info"][name] = {"size": len(blob), "type": str(type(value)), "encoding": "pickle-v4"}
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())
