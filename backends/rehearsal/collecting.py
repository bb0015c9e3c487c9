"""From the rehearsal's S3 to the local datastore: afterwards the run can be looked at as any other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.backends.rehearsal.embedded import REGION
from penstock.runtime_shim.aws.signing import Keys
from penstock.runtime_shim.datastore.finished import finished_task
from penstock.runtime_shim.datastore.s3 import S3Datastore
from penstock.runtime_shim.datastore.s3_client import S3Access
from penstock.runtime_shim.local_metadata import LocalMetadata, register_run, set_latest_run
from penstock.runtime_shim.records import run_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from penstock.backends.rehearsal.embedded import EmbeddedServer
    from penstock.runtime_shim.datastore.local import LocalDatastore

_DATA = re.compile(r"(?P<step>[^_/][^/]*|_parameters)/(?P<task>[^/]+)/(?P<attempt>\d+)\.data\.json\Z")

_ATTEMPTS = 2
"""The engine is on this machine: where a second request fails too, it is gone."""


class EngineStore(S3Datastore):
    """A datastore in the engine's S3, reached with the engine's own keys whatever this process's environment says."""

    def __init__(self, root: str, engine: EmbeddedServer) -> None:
        keys = Keys(engine.secret, engine.secret)
        super().__init__(root, S3Access(engine.endpoint, REGION, attempts=_ATTEMPTS, keys=keys))
        self._engine = engine

    def make_bucket(self) -> None:
        """Make the bucket of the root, unless it is there."""
        client: S3Client = self._engine.client("s3")
        if self.bucket not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=self.bucket)


def collect(source: EngineStore, target: LocalDatastore, flow: str, run: str) -> int:
    """Copy everything of a run, and what the flow stored by content, and register it; returns how many tasks there are.

    Raises StorageFailure.
    """
    blobs = f"{flow}/data/"
    there = set(target.keys(blobs))
    for key in source.keys(blobs):
        if key not in there:
            target.put(key, source.get(key), source.attributes(key))
    prefix = run_prefix(flow, run)
    # Markers of finished tasks come last, as a task writes them: a copy that is cut off shows no half task.
    keys = sorted(source.keys(prefix), key=lambda key: (key.endswith(".DONE.lock"), key))
    target.put_many((key, data, None) for key, data in source.get_many(keys))
    register_run(target, flow, run)
    tasks = _register_tasks(target, flow, run, [key.removeprefix(prefix) for key in keys])
    set_latest_run(target, flow, run)
    return tasks


def _register_tasks(target: LocalDatastore, flow: str, run: str, names: list[str]) -> int:
    metadata = LocalMetadata(target.root, flow)
    tasks = set()
    for name in names:
        match = _DATA.match(name)
        if match is None:
            continue
        step, task, attempt = match["step"], match["task"], int(match["attempt"])
        ended = finished_task(target, (flow, run, step, task), target.get(run_prefix(flow, run) + name))
        metadata.begin_task(run, step, task, attempt)
        metadata.end_task(run, step, task, attempt, ended.objects, ended.ok)
        tasks.add((step, task))
    return sum(step != "_parameters" for step, _ in tasks)
