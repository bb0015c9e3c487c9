"""The S3 of rehearsals that need nothing else of AWS: who may use it, and whom it ends when its owner is gone."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from docker_stub import Container, DockerStub, Ending
from machine_rig import wait_until_gone

from penstock.backends.job_hosts.container_engine import ContainerEngine
from penstock.backends.job_hosts.jobs import Place
from penstock.backends.rehearsal.collecting import EngineStore
from penstock.backends.rehearsal.object_store import ObjectStore
from penstock.backends.rehearsal.pods import PodEnded, PodStarted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with ObjectStore() as running:
        EngineStore("s3://bucket/p", running).make_bucket()
        yield running


def ask(store: ObjectStore, path: str, headers: Mapping[str, str]) -> tuple[int, list[str]]:
    """The status, and permissions for other web origins."""
    connection = http.client.HTTPConnection(store.endpoint.removeprefix("http://"), timeout=10)
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, [name for name, _ in answer.getheaders() if name.lower().startswith("access-control")]


def signed(key: str) -> dict[str, str]:
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request, Signature=x"}


@pytest.mark.parametrize("headers", [{}, signed("AKIAOTHER"), {"Authorization": "Bearer x"}, signed("")])
@pytest.mark.parametrize("path", ["/", "/bucket/p/key", "/moto-api/", "/bucket?X-Amz-Credential=x"])
def test_requests_without_the_secret_are_refused(store: ObjectStore, path: str, headers: dict[str, str]) -> None:
    assert ask(store, path, {**headers, "Origin": "https://evil.example"}) == (403, [])


def test_the_secret_opens_the_store_and_not_its_administration(store: ObjectStore) -> None:
    mine = {**signed(store.secret), "Origin": "https://evil.example"}
    assert ask(store, "/bucket", mine) == (200, [])
    assert ask(store, "/moto-api/", mine) == (403, [])


def test_it_listens_on_the_loopback_interface_only(store: ObjectStore) -> None:
    port = f"{int(store.endpoint.rpartition(':')[2]):04X}"
    lines = [
        line.split() for table in ("tcp", "tcp6") for line in Path("/proc/net", table).read_text().splitlines()[1:]
    ]
    assert [each[1] for each in lines if each[1].endswith(f":{port}") and each[3] == "0A"] == [f"0100007F:{port}"]


PROGRAM = """
import subprocess, sys, time
from pathlib import Path
from penstock.backends.job_hosts.jobs import Place
from penstock.backends.rehearsal.object_store import ObjectStore
from penstock.backends.rehearsal.pods import PodEnded, PodStarted
with ObjectStore() as store:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    pods = [subprocess.Popen([sys.executable, "-c", script], start_new_session=True) for _ in range(2)]
    for number, pod in enumerate(pods):
        store.guard(PodStarted(f"pod-{number}", 0, Place(pod.pid), Path("log")))
    store.guard(PodEnded("pod-1", 0, "", False, 1.0, Path("log")))
    print(pods[0].pid, pods[1].pid, store._process.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_pods_end_with_their_owner_and_nobody_else_does(end: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        pod, over, server = map(int, program.stdout.readline().split())
        program.send_signal(end)
        program.wait(20)
    assert wait_until_gone(pod)
    assert wait_until_gone(server)
    os.kill(over, signal.SIGKILL)  # raises where it is gone: its number may be somebody else's by now


def test_containers_end_with_the_rehearsal(closed_clients: None) -> None:
    with DockerStub() as stub:
        with ObjectStore(ContainerEngine(stub.url)) as store:
            store.guard(PodStarted("pod-1", 0, Place(container="c"), Path("log")))
            for name in (store.rehearsal, "another"):
                stub.containers[name] = Container(name, {"Labels": {"penstock.rehearsal": name}}, Ending())
        assert list(stub.containers) == ["another"]


def test_a_store_whose_process_is_gone_minds_no_pods() -> None:
    with ObjectStore() as store:
        process = store._process
        assert process is not None
        process.kill()
        process.wait()
        store.guard(PodStarted("pod-1", 0, Place(12345), Path("log")))
        store.guard(PodEnded("pod-1", 0, "", False, 1.0, Path("log")))
        assert not store.alive
