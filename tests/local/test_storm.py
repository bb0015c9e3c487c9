"""S3 on a bad day: a run ends as on any other, only later; when nothing is left to try, one sentence says so."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from command_line import Outcome, Shell
from s3_stores import CREDENTIALS, aws, moto_endpoint, new_bucket, s3_access, s3_store
from storm import Storm
from storm_flow import FLOW, artifacts

from penstock.runtime_shim.aws.given import TRIES
from penstock.runtime_shim.datastore.s3 import S3Datastore

__all__ = ["aws", "moto_endpoint", "new_bucket", "s3_access", "s3_store"]

HELP = "\n  = help: check the network and METAFLOW_S3_ENDPOINT_URL\n"

pytestmark = pytest.mark.slow


@pytest.fixture
def run(shell: Shell, s3_store: S3Datastore) -> Callable[..., Outcome]:
    """A command of the flow, with S3 at a URL."""
    (shell.folder / "flow.py").write_text(FLOW)

    def command(endpoint: str, *arguments: str) -> Outcome:
        configured = {
            "METAFLOW_DEFAULT_DATASTORE": "s3",
            "METAFLOW_DATASTORE_SYSROOT_S3": s3_store.root,
            "METAFLOW_S3_ENDPOINT_URL": endpoint,
            "METAFLOW_AWS_S3_REGION": "us-east-1",
            **CREDENTIALS,
        }
        return shell.run("flow.py", *arguments, **configured)

    return command


def run_id(done: Outcome) -> str:
    (found,) = set(re.findall(r"run-id (\d+)", done.out))
    return found


def test_a_run_in_a_storm_leaves_what_a_run_in_calm_leaves(
    run: Callable[..., Outcome], s3_store: S3Datastore, moto_endpoint: str
) -> None:
    with Storm(moto_endpoint, share=0) as calm:
        quiet = run(calm.url, "run")
    assert quiet.code == 0, quiet.err
    began = time.monotonic()
    with Storm(moto_endpoint, share=0.2) as storm:
        done = run(storm.url, "run")
    assert done.code == 0, done.err
    assert artifacts(s3_store, run_id(done)) == artifacts(s3_store, run_id(quiet))
    # It was a storm of every kind; tasks are not tried again, requests are, and not for long.
    assert set(storm.kinds) <= set(storm.happened), storm.happened
    assert "tried again" not in done.out
    assert storm.asked.total() < 2 * calm.asked.total()
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("busy", "S3 kept answering 503 SlowDown, however often it was asked\n  = help: try again later\n"),
        ("reset", f"the S3 server at WHERE does not answer (Connection reset by peer){HELP}"),
        ("stalled", f"the S3 server at WHERE does not answer (nothing came for 0.3 s){HELP}"),
    ],
    ids=["busy", "reset", "stalled"],
)
def test_where_nothing_gets_through_a_step_says_so_in_one_sentence(
    run: Callable[..., Outcome], s3_store: S3Datastore, moto_endpoint: str, kind: str, why: str
) -> None:
    began = time.monotonic()
    with Storm(moto_endpoint, share=1, kinds=(kind,)) as storm:
        done = run(storm.url, "step", "start", "--run-id=1", "--split-path=")
    assert done.code == 203
    what = f"error[R117]: StormFlow/1/start/t: cannot read `StormFlow/1/_plan.json` in {s3_store.root}: "
    assert done.err == what + why.replace("WHERE", storm.url)
    assert max(storm.asked.values()) == TRIES
    assert time.monotonic() - began < 20
