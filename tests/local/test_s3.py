"""A local run over S3: the same run, stored elsewhere."""

from __future__ import annotations

import re

import pytest
from command_line import Shell
from s3_stores import CREDENTIALS, aws, moto_endpoint, new_bucket, s3_access, s3_store

from penstock.runtime_shim.datastore.s3 import S3Datastore
from penstock.runtime_shim.datastore.tasks import TaskStore

__all__ = ["aws", "moto_endpoint", "new_bucket", "s3_access", "s3_store"]

pytestmark = pytest.mark.slow

FLOW = """
import os
import sys

from penstock import FlowSpec, step

WHEN_FORKED = []
os.register_at_fork(after_in_child=lambda: WHEN_FORKED.append("penstock.runtime_shim.aws.service" in sys.modules))


class BucketFlow(FlowSpec):
    @step
    def start(self):
        self.xs = [1, 2, 3]
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        self.square = self.input ** 2
        self.loaded = WHEN_FORKED[:1]
        print("square", self.square)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.square for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BucketFlow()
"""


@pytest.mark.parametrize("isolation", ["fork", "process"])
def test_a_run_over_s3(shell: Shell, isolation: str, moto_endpoint: str, s3_store: S3Datastore) -> None:
    (shell.folder / "flow.py").write_text(FLOW)
    configured = {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": s3_store.root,
        "METAFLOW_S3_ENDPOINT_URL": moto_endpoint,
        "METAFLOW_AWS_S3_REGION": "us-east-1",
        **CREDENTIALS,
    }
    done = shell.run("flow.py", "run", f"--isolation={isolation}", **configured)
    assert done.code == 0, done.err
    (run,) = set(re.findall(r"run-id (\d+)", done.out))
    tasks = TaskStore(s3_store, "BucketFlow")
    assert tasks.finished(run, "end", "t").load("total") == 14
    # A forked task finds loaded what requests need.
    assert tasks.finished(run, "body", "t.0").load("loaded") == ([True] if isolation == "fork" else [])
    assert not (shell.folder / ".metaflow").exists()
    assert shell.run("flow.py", "logs", f"{run}/body", **configured).out == "square 1\nsquare 4\nsquare 9\n"
    dumped = shell.run("flow.py", "dump", f"{run}/end", "--include=total", **configured)
    assert dumped.out == "total [size: 5 type: <class 'int'>] = 14\n"
