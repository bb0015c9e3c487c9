"""A stand-in for AWS on loopback, in a process of its own: moto's server, with a bucket and a job queue.

The measuring process itself stays small and loads none of it: Linux counts the memory of the process that starts
another as that one's peak.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boto3 import Session

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
    """The server's URL; it ends with the block."""
    server = _start("serve", stdin=subprocess.PIPE)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        if not url:
            raise RuntimeError("moto's server did not start")
        yield url
    finally:
        server.communicate()


def add_what_metaflow_reads(url: str, prefix: str, tasks: Sequence[str]) -> None:
    """Metaflow's joins ask each input for two artifacts that Penstock does not store: the step's name, the graph."""
    adding = _start("add", url, prefix, stdin=subprocess.PIPE)
    adding.communicate("\n".join(tasks))
    if adding.returncode:
        raise RuntimeError(f"artifacts for Metaflow could not be added: exit code {adding.returncode}")


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


def _start(*arguments: str, stdin: int) -> subprocess.Popen[str]:
    script = [sys.executable, str(Path(__file__).resolve()), *arguments]
    return subprocess.Popen(script, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _session() -> Session:
    import boto3

    return boto3.Session(
        CREDENTIALS["AWS_ACCESS_KEY_ID"],
        CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
    )


def _serve() -> None:
    """Serve on a free port until stdin closes; print the URL when everything is there."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    _furnish(f"http://{host}:{port}")
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()


def _furnish(url: str) -> None:
    """One bucket, and a job queue: Metaflow looks the queue and what is behind it up while it compiles."""
    session = _session()
    session.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    iam, ec2 = session.client("iam", endpoint_url=url), session.client("ec2", endpoint_url=url)
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = iam.create_role(RoleName="batch", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    profile = iam.create_instance_profile(InstanceProfileName="instances")["InstanceProfile"]["Arn"]
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
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "instanceRole": profile,
            "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        },
    )["computeEnvironmentArn"]
    batch.create_job_queue(
        jobQueueName=QUEUE,
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": place}],
    )


def _add(url: str, prefix: str, tasks: Sequence[str]) -> None:
    import gzip
    import hashlib
    import pickle

    s3 = _session().client("s3", endpoint_url=url)
    attributes = {"metaflow-user-attributes": json.dumps({"cas_raw": False, "cas_version": 1})}
    for task in tasks:
        key = f"{prefix}/{task}/0.data.json"
        document = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        for name, value in (("_current_step", task.split("/")[1]), ("_graph_info", {})):
            blob = pickle.dumps(value, protocol=4)
            sha = hashlib.sha1(blob).hexdigest()
            place = f"{prefix}/data/{sha[:2]}/{sha}"
            s3.put_object(Bucket=BUCKET, Key=place, Body=gzip.compress(blob), Metadata=attributes)
            document["objects"][name] = sha
            document["info"][name] = {"size": len(blob), "type": str(type(value)), "encoding": "pickle-v4"}
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve()
    else:
        _add(sys.argv[2], sys.argv[3], sys.stdin.read().split("\n"))
