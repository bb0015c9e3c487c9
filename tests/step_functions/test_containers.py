"""A job's real command line, in a clean folder with a container's environment: what it runs, stores and says."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from storm import Storm
from wire import Wire, error_answer

from penstock.compiler.packaging import bootstrap
from penstock.runtime_shim.aws.given import TRIES

FLOW = """
import os, signal, subprocess, sys, time
from penstock import FlowSpec, current, step

class JobFlow(FlowSpec):
    @step
    def start(self):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        sys.stdout.write("no end of line")
        self.tries = current.retry_count
        self.user = current.username
        self.next(self.end)

    @step
    def end(self):
        PLACE
        print("end", self.tries, self.user, os.path.exists("data.py"))

if __name__ == "__main__":
    JobFlow()
"""

Job = Callable[..., Any]
Aws = Callable[[str], Any]


@pytest.fixture
def deployed(
    flow_file: Callable[[str, str], Path], command: Job, process: Job, aws: Aws
) -> Callable[..., Mapping[str, Any]]:
    """Deploys the flow with a line in its `end`; what the jobs' definition says."""

    def deploy(line: str = "", *options: str, entry: tuple[str, ...] = (), source: str = FLOW) -> Mapping[str, Any]:
        flow_file(source.replace("PLACE", line), "flow.py")
        flow_file("", "data.py")
        run = functools.partial(process, *entry) if entry else command
        done = run("flow.py", "step-functions", "create", *options)
        assert done.returncode == 0, done.stderr
        definitions = aws("batch").describe_job_definitions()["jobDefinitions"]
        container: Mapping[str, Any] = definitions[-1]["containerProperties"]
        return container

    return deploy


@pytest.fixture
def start_job(moto_server: str, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts a job as a container host does."""

    def start(
        container: Mapping[str, Any], step: str, attempt: int = 1, python: list[str] | None = None, **extra: str
    ) -> subprocess.Popen[bytes]:
        folder = tmp_path / f"job-{step}-{time.monotonic_ns()}"
        folder.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(folder),
            "AWS_ENDPOINT_URL": moto_server,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_BATCH_JOB_ATTEMPT": str(attempt),
            **{entry["name"]: entry["value"] for entry in container["environment"]},
            "PENSTOCK_STEP": step,
            "PENSTOCK_RUN": "sfn-1",
            "PENSTOCK_PATH": "",
            **extra,
        }
        assert container["command"][0] == "python"
        command = [*(python or [sys.executable]), *container["command"][1:]]
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


@pytest.fixture
def run_job(start_job: Callable[..., subprocess.Popen[bytes]]) -> Callable[..., tuple[int, str, str]]:
    """Runs a job to its end: exit code, stdout, stderr."""

    def run(container: Mapping[str, Any], step: str, **options: Any) -> tuple[int, str, str]:
        with start_job(container, step, **options) as job:
            output, errors = job.communicate(timeout=60)
        return job.returncode, output.decode(), errors.decode()

    return run


def stored_log(aws: Aws, step: str, stream: str, attempt: int = 0) -> list[str]:
    """The lines of a stored log, each checked and taken out of its frame."""
    key = f"metaflow/JobFlow/sfn-1/{step}/t/{attempt}.task_{stream}.log"
    text = aws("s3").get_object(Bucket="penstock-tests", Key=key)["Body"].read().decode()
    frame = re.compile(r"\[MFLOG\|0\|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z\|task\|([^\]|]+)\](.*)\Z")
    frames = [frame.match(line) for line in text.removesuffix("\n").split("\n")]
    assert all(frames)
    assert len({found.group(2) for found in frames if found}) == len(frames)
    return [found.group(3) for found in frames if found]


def keys(aws: Aws, prefix: str) -> list[str]:
    listed = aws("s3").list_objects_v2(Bucket="penstock-tests", Prefix=f"metaflow/JobFlow/sfn-1/{prefix}")
    return [entry["Key"].rpartition("/")[2] for entry in listed.get("Contents", [])]


def test_a_job_runs_its_step_and_stores_what_it_prints(deployed: Any, run_job: Any, aws: Aws) -> None:
    container = deployed("", "--tag", "a tag")
    assert run_job(container, "start") == (0, "to stdout\nno end of line", "to stderr\n")
    assert stored_log(aws, "start", "stdout") == ["to stdout", "no end of line"]
    assert stored_log(aws, "start", "stderr") == ["to stderr"]
    run = aws("s3").get_object(Bucket="penstock-tests", Key="metaflow/JobFlow/sfn-1/_meta/_self.json")
    assert "a tag" in json.loads(run["Body"].read())["tags"]
    assert run_job(container, "end") == (0, "end 0 ada True\n", "")
    assert "0.task_stderr.log" not in keys(aws, "end/t/")  # nothing was printed, nothing is stored


def test_the_try_is_the_platform_s(deployed: Any, run_job: Any) -> None:
    container = deployed()
    assert run_job(container, "start", attempt=3)[0] == 0
    assert run_job(container, "end") == (0, "end 2 ada True\n", "")


def test_a_task_that_is_done_stores_no_second_log(deployed: Any, run_job: Any, aws: Aws) -> None:
    container = deployed()
    for _ in range(2):
        assert run_job(container, "start")[0] == 0
    assert stored_log(aws, "start", "stdout") == ["to stdout", "no end of line"]
    assert "1.task_stdout.log" not in keys(aws, "start/t/")


def test_a_failing_step_stores_its_output_and_keeps_its_exit_code(deployed: Any, run_job: Any, aws: Aws) -> None:
    container = deployed('raise ValueError("as told")')
    run_job(container, "start")
    code, _, errors = run_job(container, "end")
    assert code == 1
    assert errors.endswith("ValueError: as told\n")
    assert stored_log(aws, "end", "stderr")[-1] == "ValueError: as told"
    assert run_job(container, "end", attempt=2)[0] == 1
    assert stored_log(aws, "end", "stderr", attempt=1)[-1] == "ValueError: as told"


@pytest.mark.parametrize(
    ("line", "expected"),
    [("os.kill(os.getpid(), signal.SIGKILL)", 137), ("os._exit(77)", 77), ("print('x', flush=True); os.abort()", 134)],
)
def test_a_step_that_is_torn_away_leaves_its_code(deployed: Any, run_job: Any, line: str, expected: int) -> None:
    container = deployed(line)
    run_job(container, "start")
    assert run_job(container, "end")[0] == expected


def test_a_module_that_is_missing_names_step_and_image(deployed: Any, run_job: Any, aws: Aws) -> None:
    container = deployed("import no_such_module")
    run_job(container, "start")
    code, _, errors = run_job(container, "end")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert code == 1
    assert errors.endswith(
        f"error[R193]: step `end` could not import `no_such_module`, which the image python:{version} does not have\n"
        "  = help: use an image that has it (METAFLOW_BATCH_CONTAINER_IMAGE), or put the file beside the flow\n"
    )
    assert stored_log(aws, "end", "stderr")[-2].startswith("error[R193]: step `end` could not import")


def test_a_flow_file_that_cannot_be_imported_is_an_attempt_with_a_log(
    deployed: Any, run_job: Any, aws: Aws, tmp_path: Path
) -> None:
    (tmp_path / "only_here.py").write_text("")
    (tmp_path / ".penstockignore").write_text("only_here.py")
    container = deployed("", source="import only_here\n" + FLOW)
    code, _, errors = run_job(container, "start")
    assert code == 1
    assert "error[R193]: step `start` could not import `only_here`" in errors
    assert "penstock/runtime_shim" not in errors
    assert keys(aws, "start/t/") == ["0.attempt.json", "0.task_stderr.log"]


def test_a_terminated_job_ends_its_step_and_stores_its_output(deployed: Any, start_job: Any, aws: Aws) -> None:
    container = deployed("print('waiting', flush=True); time.sleep(60)")
    with start_job(container, "start") as job:
        job.communicate(timeout=60)
    with start_job(container, "end") as job:
        assert job.stdout.readline() == b"waiting\n"
        job.send_signal(signal.SIGTERM)
        job.communicate(timeout=15)
    assert job.returncode == 128 + signal.SIGTERM
    assert stored_log(aws, "end", "stdout") == ["waiting"]


def test_a_step_may_tidy_up_when_it_is_terminated(deployed: Any, start_job: Any, run_job: Any, aws: Aws) -> None:
    tidy = "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'tidy\\n'), os._exit(5)))"
    container = deployed(f"{tidy}; print('waiting', flush=True); time.sleep(60)")
    run_job(container, "start")
    with start_job(container, "end") as job:
        assert job.stdout.readline() == b"waiting\n"
        job.send_signal(signal.SIGTERM)
        _, errors = job.communicate(timeout=15)
    assert job.returncode == 5, errors
    assert stored_log(aws, "end", "stdout") == ["waiting", "tidy"]


def test_something_a_step_left_running_does_not_keep_the_job(deployed: Any, run_job: Any) -> None:
    container = deployed("subprocess.Popen(['sleep', '30'])")
    run_job(container, "start")
    began = time.monotonic()
    assert run_job(container, "end")[0] == 0
    assert time.monotonic() - began < 20


def test_an_unchanged_metaflow_file_runs(deployed: Any, run_job: Any, aws: Aws) -> None:
    source = FLOW.replace("from penstock import", "from metaflow import")
    container = deployed("", entry=("-m", "penstock"), source=source)
    assert {"name": "PENSTOCK_ENTRY", "value": '["-m","penstock","flow.py"]'} in container["environment"]
    assert run_job(container, "start")[0] == 0
    assert stored_log(aws, "start", "stdout") == ["to stdout", "no end of line"]


def test_a_package_that_is_gone_is_told(deployed: Any, run_job: Any, aws: Aws) -> None:
    container = deployed()
    sha = next(entry["value"] for entry in container["environment"] if entry["name"] == "PENSTOCK_PACKAGE")
    aws("s3").delete_object(Bucket="penstock-tests", Key=f"metaflow/JobFlow/data/{sha[:2]}/{sha}")
    code, _, errors = run_job(container, "start")
    assert code == 203
    assert errors.startswith(
        f"error[R191]: could not fetch the code package s3://penstock-tests/metaflow/JobFlow/data/{sha[:2]}/{sha}: "
    )
    assert "NoSuchKey" in errors
    assert len(errors.splitlines()) == 1


def test_a_package_that_was_changed_is_not_run(deployed: Any, run_job: Any, aws: Aws) -> None:
    container = deployed()
    sha = next(entry["value"] for entry in container["environment"] if entry["name"] == "PENSTOCK_PACKAGE")
    aws("s3").put_object(Bucket="penstock-tests", Key=f"metaflow/JobFlow/data/{sha[:2]}/{sha}", Body=b"something else")
    assert run_job(container, "start") == (
        202, "", f"error[R192]: the stored code package {sha} is damaged: deploy the flow again\n"
    )  # fmt: skip


@pytest.fixture
def bare(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """An interpreter without packages, and a `pip` that fails as where there is no way out of the container."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "pip.py").write_text("import sys; print(sys.argv[1:]); sys.exit(1)")
    return [sys.executable, "-S"], {"PYTHONPATH": str(tmp_path / "modules")}


def test_an_image_with_nothing_but_python_runs_a_step_and_installs_nothing(
    deployed: Any, run_job: Any, aws: Aws, bare: Any
) -> None:
    python, environment = bare
    assert run_job(deployed(), "start", python=python, **environment) == (0, "to stdout\nno end of line", "to stderr\n")
    assert stored_log(aws, "start", "stdout") == ["to stdout", "no end of line"]


def test_where_only_boto3_could_find_credentials_it_is_told_when_pip_cannot_help(
    deployed: Any, run_job: Any, bare: Any
) -> None:
    python, environment = bare
    code, output, errors = run_job(deployed(), "start", python=python, AWS_ACCESS_KEY_ID="", **environment)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert code == 203
    assert output == "['install', '-q', '--disable-pip-version-check', 'boto3']\n"
    assert errors == f"error[R190]: the image python:{version} has no boto3, and pip could not install it\n"


def test_a_job_assumes_the_role_that_it_is_told_for_its_code_too(deployed: Any, run_job: Any, moto_server: str) -> None:
    container = deployed()
    with Storm(moto_server, share=0) as calm:
        role = {"AWS_ENDPOINT_URL": calm.url, "METAFLOW_AWS_ARN": "arn:aws:iam::123456789012:role/penstock-tests"}
        assert run_job(container, "start", **role)[0] == 0
    # The bootstrap, the step, and each process that stores what it prints (a slow step has several) ask for the role
    # once; all else is the role's.
    assert calm.asked.pop("POST /") == calm.signers.pop("testing") == len(calm.signers) >= 3
    assert calm.asked.total() == calm.signers.total()
    assert next(iter(calm.asked)).startswith("GET /penstock-tests/metaflow/JobFlow/data/")


def test_a_role_that_a_job_may_not_assume_is_told(deployed: Any, run_job: Any) -> None:
    wire = Wire()
    wire.answer = lambda method, headers: error_answer(403, "AccessDenied", "Not for you.")
    arn = "arn:aws:iam::123456789012:role/flows"
    code, _, errors = run_job(deployed(), "start", AWS_ENDPOINT_URL_STS=wire.url, METAFLOW_AWS_ARN=arn)
    wire.close()
    assert code == 203
    assert re.fullmatch(r"error\[R191\]: could not fetch [^:]+://\S+: AccessDenied: Not for you\n", errors)


@pytest.mark.parametrize("kind", ["busy", "cut", "reset"])
def test_a_job_whose_s3_never_answers_may_be_started_again(
    deployed: Any, run_job: Any, moto_server: str, kind: str
) -> None:
    container = deployed()
    command = [part.replace("PAUSE_SECONDS = 0.5", "PAUSE_SECONDS = 0.01") for part in container["command"]]
    assert command != container["command"]
    with Storm(moto_server, share=1, kinds=(kind,)) as storm:
        code, output, errors = run_job({**container, "command": command}, "start", AWS_ENDPOINT_URL=storm.url)
    assert (code, output) == (203, "")
    assert list(storm.asked.values()) == [TRIES]
    assert errors.startswith("error[R191]: could not fetch the code package s3://penstock-tests/metaflow/JobFlow/data/")
    assert errors.count("\n") == 1


def test_a_step_ends_as_it_ended_also_where_its_output_cannot_be_stored(deployed: Any, run_job: Any) -> None:
    """The step spoils the note from which the process above it learns the attempt."""
    spoil = "open(os.environ['PENSTOCK_ATTEMPT_FILE'], 'wb').write(b'\\xff')"
    container = deployed(f"print('x'); {spoil}")
    run_job(container, "start")
    code, output, errors = run_job(container, "end")
    assert (code, output) == (0, "x\nend 0 ada True\n")
    assert errors.startswith("the output of the step could not be stored: ")


def test_an_image_with_an_old_python_is_told(run_job: Any) -> None:
    """The version is faked: an old interpreter is not on every machine, and the message must not depend on one."""
    future, _, rest = bootstrap().partition("\n")
    old = f"{future}\nimport sys; sys.version_info = (3, 8, 18, 'final', 0)\n{rest}"
    container = {
        "command": ["python", "-c", old],
        "environment": [{"name": "PENSTOCK_IMAGE", "value": "team/legacy:1"}],
    }
    message = "error[R195]: the image team/legacy:1 has Python 3.8, and Penstock needs 3.10 or later\n"
    assert run_job(container, "start") == (202, "", message)


def test_an_incomplete_environment_is_told(deployed: Any, run_job: Any) -> None:
    container = deployed()
    assert run_job(container, "start", PENSTOCK_RUN="../x")[0] == 202
    assert run_job(container, "start", PENSTOCK_ENTRY="{")[2].startswith(
        "error[R194]: the environment describes no job"
    )


DEAF = """
import time
from penstock import FlowSpec, catch, retry, step, timeout
from penstock.runtime_shim import timeouts

timeouts.GRACE = 0.5


class JobFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @catch(var="late", print_exception=False)
    @retry(times=2, on="platform")
    @timeout(seconds=1)
    @step
    def end(self):
        print("tried", flush=True)
        while True:
            try:
                time.sleep(600)
            except Exception:
                continue


if __name__ == "__main__":
    JobFlow()
"""


def test_what_had_to_be_torn_away_at_its_deadline_is_caught_in_the_same_job(
    deployed: Any, run_job: Any, aws: Aws
) -> None:
    """On the platform its exit code would be final: with `on="platform"` the user's failures are not tried again."""
    container = deployed(source=DEAF)
    assert run_job(container, "start")[0] == 0
    retries = {"PENSTOCK_MAX_USER_CODE_RETRIES": "2"}
    code, output, errors = run_job(container, "end", **retries)
    assert (code, output) == (0, "tried\n")
    assert errors.startswith("Timeout (0:00:01.500000)!\n")
    assert {"0.DONE.lock", "1.DONE.lock"} & set(keys(aws, "end/t/")) == {"1.DONE.lock"}
    assert stored_log(aws, "end", "stdout") == ["tried"]


LOOPING = """
import os
from penstock import FlowSpec, step

if os.environ.get("PENSTOCK_STEP") == "again":
    import no_such_module


class JobFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.again)

    @step
    def again(self):
        self.verdict = "end"
        self.next({"again": self.again, "end": self.end}, condition="verdict")

    @step
    def end(self):
        pass


if __name__ == "__main__":
    JobFlow()
"""


def test_a_step_that_cannot_begin_leaves_its_log_with_the_turn_that_it_is(
    deployed: Any, run_job: Any, aws: Aws
) -> None:
    """A state machine that enters a loop leaves the first turn out of the path."""
    container = deployed(source=LOOPING)
    assert run_job(container, "start")[0] == 0
    assert run_job(container, "again")[0] == 1
    assert "0.task_stderr.log" in keys(aws, "again/t.t0/")
    assert keys(aws, "again/t/") == []
