"""A server that speaks S3, Batch and Step Functions on loopback, and flows run as a user runs them."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.session
import pytest
from moto.server import ThreadedMotoServer

from penstock.cli import run_click
from penstock.cli.root import flow_group
from penstock.cli.state import CliState
from penstock.runtime_shim.flowspec import FlowSpec

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/penstock-tests"
QUEUE = "penstock-tests"
BUCKET = "penstock-tests"
ROOT = f"s3://{BUCKET}/metaflow"

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The URL of an AWS that has a bucket, a role and a job queue."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_server: str) -> Callable[[str], Any]:
    """Makes clients of the server, which begins with nothing but a bucket, a role and a queue."""

    def client(service: str) -> Any:
        return botocore.session.get_session().create_client(
            service,
            endpoint_url=moto_server,
            region_name="eu-west-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    urllib.request.urlopen(urllib.request.Request(f"{moto_server}/moto-api/reset", method="POST")).close()
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("iam").create_role(RoleName="penstock-tests", AssumeRolePolicyDocument="{}")
    batch = client("batch")
    batch.create_compute_environment(computeEnvironmentName="tests", type="UNMANAGED", serviceRole=ROLE)
    batch.create_job_queue(
        jobQueueName=QUEUE,
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "tests"}],
    )
    return client


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
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path) -> Command:
    """Runs ``python flow.py …`` in the test's folder: ``process("flow.py", "check", LANG="C")``."""

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


@pytest.fixture
def command(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The same without a process of its own, which takes a fifth of the time."""

    def run(file: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        output, errors = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**environment, **extra}, clear=True),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            state = CliState(_flow_class(tmp_path / file), (file,))
            code = run_click(flow_group(), arguments, program_name=file, state=state)
        return subprocess.CompletedProcess([file, *arguments], code, output.getvalue(), errors.getvalue())

    return run


def _flow_class(file: Path) -> type[FlowSpec]:
    name = f"flow_{uuid.uuid4().hex}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    (found,) = (value for value in vars(module).values() if getattr(value, "__module__", "") == name)
    return found  # type: ignore[no-any-return]  # the flow file defines nothing else
