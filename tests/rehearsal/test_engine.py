"""The engine keeps to itself, and leaves nothing behind."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from corpus_flows import load
from machine_rig import Rig, wait_until_gone
from rehearsals import compiled, rehearsed

from penstock.backends.rehearsal import embedded
from penstock.backends.rehearsal.embedded import EngineFailed
from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.backends.step_functions.rehearsal.messages import Event
from penstock.compiler.diagnostics import Refused

pytestmark = pytest.mark.slow


def ask(engine: Engine, method: str, path: str, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(engine.endpoint.removeprefix("http://"), timeout=10)
    connection.request(method, path, headers=dict(headers or {}))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def signed(key: str) -> dict[str, str]:
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/s3/aws4_request, Signature=x"}


@pytest.mark.parametrize("headers", [{}, signed("AKIAOTHER"), {"Authorization": "Bearer x"}, signed("")])
@pytest.mark.parametrize("path", ["/", "/moto-api/", "/moto-api/data.json", "/some-bucket/key?X-Amz-Credential=x"])
def test_requests_without_the_secret_are_refused(engine: Engine, path: str, headers: dict[str, str]) -> None:
    assert ask(engine, "GET", path, headers).status == 403


def test_the_secret_opens_the_services_but_not_the_administration(engine: Engine) -> None:
    assert ask(engine, "GET", "/", signed(engine.secret)).status == 200
    assert ask(engine, "POST", "/moto-api/reset", signed(engine.secret)).status == 403


def test_no_web_page_is_given_permission(engine: Engine) -> None:
    page = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method, headers in (
        ("OPTIONS", page),
        ("OPTIONS", {**page, **signed(engine.secret)}),
        ("GET", {**page, **signed(engine.secret)}),
    ):
        answer = ask(engine, method, "/", headers)
        assert [name for name, _ in answer.getheaders() if name.lower().startswith("access-control")] == []


def test_the_engine_listens_on_the_loopback_interface_only(engine: Engine) -> None:
    port = int(engine.endpoint.rpartition(":")[2])
    hex_port = f"{port:04X}"
    listening = [
        fields[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in map(str.split, Path(table).read_text().splitlines()[1:])
        if fields[1].endswith(f":{hex_port}") and fields[3] == "0A"
    ]
    assert listening == [f"0100007F:{hex_port}"]


def test_two_engines_do_not_know_each_other(engine: Engine) -> None:
    with Engine() as other:
        assert other.endpoint != engine.endpoint
        assert ask(other, "GET", "/", signed(engine.secret)).status == 403


def test_the_users_configuration_is_not_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[default]\nregion = mars\n[profile broken]\nrole_arn = x\nsource_profile = nobody\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "broken")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with Engine() as engine:
        rig = Rig(engine)
        assert rig.run_job(rig.job_definition("import boto3; boto3.client('s3').list_buckets()")).status == "SUCCEEDED"


PROGRAM = """
import sys, time
from machine_rig import Rig
from penstock.backends.step_functions.rehearsal.engine import Engine
try:
    with Engine(grace_seconds=20) as engine:
        rig = Rig(engine)
        script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        state = rig.task(rig.job_definition(script), {"JobName": "long"}, End=True)
        rig.start({"StartAt": "job", "States": {"job": state}})
        print(rig.started("long").pid, engine._process.pid, engine.directory, flush=True)
        time.sleep(600)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_however_the_program_ends(end: signal.Signals) -> None:
    kit = str(Path(__file__).resolve().parent.parent / "kit")
    environment = {**os.environ, "PYTHONPATH": kit}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        job, server, directory = program.stdout.readline().split()
        program.send_signal(end)
        program.wait(20)
    assert wait_until_gone(int(job))
    assert wait_until_gone(int(server))
    assert not Path(directory).exists()


def test_jobs_end_when_the_engine_itself_is_killed() -> None:
    with Engine() as engine:
        rig = Rig(engine)
        state = rig.task(rig.job_definition("import time; time.sleep(600)"), {"JobName": "orphan"}, End=True)
        rig.start({"StartAt": "job", "States": {"job": state}})
        job = rig.started("orphan").pid
        process = engine._process
        assert process is not None
        process.kill()
        process.wait()
        assert not engine.alive
    assert wait_until_gone(job)


def test_an_engine_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "moto.py").write_text("__version__ = '1.0'\n")
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").write_text("__version__ = '1.0'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EngineFailed, match=r"the rehearsal engine did not start") as failed, Engine():
        pass
    assert failed.value.code == "R182"
    assert "moto" in failed.value.message


@pytest.mark.parametrize("moment", ["JobStarted", "ExecutionEnded"])
def test_an_engine_that_is_killed_in_the_middle_is_one_sentence(moment: str, tmp_path: Path) -> None:
    with Engine() as engine:

        def kill(event: Event) -> None:
            process = engine._process
            if type(event).__name__ == moment and process is not None:
                process.kill()
                process.wait()

        engine.listen(kill)
        with pytest.raises(EngineFailed) as failed:
            rehearsed(compiled(load("linear").file), engine, tmp_path)
    assert str(failed.value) == (
        "error[R182]: the rehearsal engine ended before the run did: killed by signal 9\n"
        "  = help: start the rehearsal again"
    )


def test_without_the_extra_there_is_one_sentence_with_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Refused) as refused:
        Engine()
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == (
        "P540",
        "a rehearsal needs the embedded AWS, which is not installed",
    )
    assert diagnostic.help == "pip install 'penstock[rehearse]'"
