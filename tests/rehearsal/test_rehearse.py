"""`step-functions rehearse`, as a user types it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import Outcome, Shell, environment
from corpus_flows import CORPUS, CorpusFlow
from generated_flows import foreach
from machine_rig import wait_until_gone
from rehearsals import compiled, rehearsed

from penstock.backends.step_functions.rehearsal.engine import Engine
from penstock.runtime_shim.datastore.local import LocalDatastore
from penstock.runtime_shim.datastore.tasks import TaskStore

pytestmark = pytest.mark.slow
FLOWS = {flow.name: flow for flow in CORPUS}
_RUN = re.compile(r"sfn-[0-9a-f-]{36}")
_VARYING = ((_RUN, "RUN"), (re.compile(r"\(pid \d+\)"), "(pid PID)"), (re.compile(r"\d+\.\d s"), "N s"))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A user's shell in an empty folder."""
    return Shell(tmp_path)


def rehearse(shell: Shell, flow: CorpusFlow, *options: str, **extra: str) -> Outcome:
    shutil.copy(flow.file, shell.folder)
    return shell.run(flow.file.name, "step-functions", "rehearse", *flow.arguments, *options, **extra)


def plain(text: str) -> str:
    text = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", "", text, flags=re.MULTILINE)
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


def latest(shell: Shell, flow: CorpusFlow) -> str:
    return (shell.folder / ".metaflow" / flow.flow / "latest_run").read_text()


def test_a_rehearsal_shows_its_tasks_and_how_to_look_at_them(shell: Shell) -> None:
    done = rehearse(shell, FLOWS["linear"])
    assert (done.code, done.err) == (0, "")
    lines = plain(done.out).splitlines()
    assert lines[:3] == [
        "Rehearsal starting (run-id RUN):",
        "[RUN/start/t (pid PID)] Task is starting.",
        "[RUN/start/t] Task finished successfully (N s).",
    ]
    assert lines[-3:] == [
        f"Done: 3 tasks in N s, stored in {shell.folder}/.metaflow.",
        "  python linear.py dump RUN/end",
        "  python linear.py logs RUN/start",
    ]


def test_the_client_dump_and_logs_read_the_run(shell: Shell) -> None:
    flow = FLOWS["chatter"]
    assert rehearse(shell, flow).code == 0
    run = latest(shell, flow)
    logs = shell.run("chatter.py", "logs", f"{run}/start", "--stdout")
    assert logs.code == 0
    assert logs.out.strip()
    assert shell.run("chatter.py", "dump", f"{run}/end").code == 0
    script = (
        "from penstock import Flow, Metaflow\n"
        f"run = Flow('{flow.flow}').latest_run\n"
        f"assert (run.id, run.successful, run.finished) == ('{run}', True, True), run\n"
        "print([step.id for step in run], run.end_task.pathspec)"
    )
    done = shell.run("-c", script)
    assert done.code == 0, done.err
    assert f"{flow.flow}/{run}/end/t" in done.out


@pytest.mark.interop
def test_metaflows_client_reads_the_run(shell: Shell, metaflow_python: Path) -> None:
    flow = FLOWS["foreach"]
    assert rehearse(shell, flow).code == 0
    script = (
        "from metaflow import Flow, namespace; namespace(None)\n"
        f"run = Flow('{flow.flow}').latest_run\n"
        "assert run.successful\n"
        "print(run.id, run.data.word, sorted(task.id for task in run['work']), run['work']['t.2'].data.letter)"
    )
    done = subprocess.run(
        [str(metaflow_python), "-c", script],
        cwd=shell.folder,
        env=environment(shell.folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == ["PENS", "['t.0',", "'t.1',", "'t.2',", "'t.3']", "n"]


def test_a_failing_step_ends_the_rehearsal_and_shows_what_it_wrote_last(shell: Shell) -> None:
    flow = FLOWS["failing_split"]
    done = rehearse(shell, flow)
    assert done.code == 1
    assert plain(done.err).splitlines() == [
        "error[R180]: task RUN/check/t.1 failed: exit code 1",
        "    | FailingSplitFlow/RUN/check/t.1 failed:",
        "    | Traceback (most recent call last):",
        '    |   File "failing_split.py", line 19, in check',
        '    |     raise ValueError(f"{self.input} is odd: überraschend 🌊")',
        "    | ValueError: 3 is odd: überraschend 🌊",
        "  = help: its whole output: python failing_split.py logs RUN/check/t.1",
    ]
    logs = shell.run("failing_split.py", "logs", f"{latest(shell, flow)}/check/t.1", "--stderr")
    assert "überraschend 🌊" in logs.out
    tasks = TaskStore(LocalDatastore(str(shell.folder / ".metaflow")), flow.flow)
    assert not tasks.ended(latest(shell, flow), "check", "t.1").ok


def test_a_foreach_too_wide_for_the_history_is_refused_by_the_step_that_opens_it(shell: Shell) -> None:
    (shell.folder / "wide.py").write_text(foreach(60_000))
    done = shell.run("wide.py", "step-functions", "rehearse")
    assert done.code == 1
    assert re.match(r"error\[R180\]: task sfn-[0-9a-f-]+/start/t failed: exit code 202\n", done.err)
    assert "--distributed-map" in done.err


def test_a_machine_that_fails_by_itself_says_the_error_of_aws(tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(foreach(3))
    with Engine(history_limit=20) as engine:
        run = rehearsed(compiled(tmp_path / "wide.py"), engine, tmp_path)
    assert run.done.status == "FAILED"
    assert str(run.done.failure) == (
        "error[R181]: the state machine failed: States.Runtime: The execution reached the maximum number of history "
        "events (20).\n  = help: the execution would fail on AWS too"
    )


def test_without_the_extra_there_is_one_sentence_with_the_pip_line(shell: Shell) -> None:
    (shell.folder / "sitecustomize.py").write_text(
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'moto' else find(name, package)\n"
    )
    done = rehearse(shell, FLOWS["start_end"], PYTHONPATH=str(shell.folder))
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error[P540]: a rehearsal needs the embedded AWS, which is not installed\n"
        "  = help: pip install 'penstock[rehearse]'\n"
    )


def test_real_aws_and_the_profile_are_never_looked_at(shell: Shell) -> None:
    (shell.folder / "aws").write_text("[profile broken]\nrole_arn = x\nsource_profile = nobody\n")
    (shell.folder / "profiles").mkdir()
    profile = {
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://company-production/flows/metaflow",
        "METAFLOW_BATCH_JOB_QUEUE": "arn:aws:batch:eu-west-1:999999999999:job-queue/production",
        "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::999999999999:role/jobs",
        "METAFLOW_SFN_IAM_ROLE": "arn:aws:iam::999999999999:role/states",
        "METAFLOW_AWS_S3_REGION": "eu-west-1",
        "METAFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:1",
        "METAFLOW_DEFAULT_DATASTORE": "s3",
    }
    (shell.folder / "profiles" / "config.json").write_text(json.dumps(profile))
    closed = "http://127.0.0.1:1"
    done = rehearse(
        shell,
        FLOWS["start_end"],
        AWS_PROFILE="broken",
        AWS_CONFIG_FILE=str(shell.folder / "aws"),
        AWS_ENDPOINT_URL=closed,
        HTTP_PROXY=closed,
        AWS_ACCESS_KEY_ID="AKIAPRODUCTION",
        AWS_SECRET_ACCESS_KEY="secret",
    )
    assert (done.code, done.err) == (0, "")
    assert "python start_end.py --datastore=local dump RUN/end" in plain(done.out)


def test_a_missing_parameter_and_a_wrong_one_are_told_before_anything_starts(shell: Shell) -> None:
    shutil.copy(FLOWS["hostile_parameters"].file, shell.folder)
    done = shell.run("hostile_parameters.py", "step-functions", "rehearse", "--count=x")
    assert done.code == 2
    assert "parameter `shell` is required" in done.err
    assert "count" in done.err
    assert done.out == ""


def test_hostile_parameters_arrive_byte_by_byte_and_execute_nothing(shell: Shell) -> None:
    flow = FLOWS["hostile_parameters"]
    before = set(Path("/").glob("[vxyz]"))
    done = rehearse(shell, flow)
    assert done.code == 0, done.err
    tasks = TaskStore(LocalDatastore(str(shell.folder / ".metaflow")), flow.flow)
    for name in ("start", "end"):
        wanted = flow.expected[f"{name}/t"]
        assert tasks.finished(latest(shell, flow), name, "t").load_many(wanted) == wanted
    assert {path.name for path in shell.folder.iterdir()} == {"hostile_parameters.py", ".metaflow"} | (
        {"__pycache__"} & {path.name for path in shell.folder.iterdir()}
    )
    assert set(Path("/").glob("[vxyz]")) == before


def test_a_job_runs_the_shim_of_its_package_and_nothing_of_penstock_besides(shell: Shell) -> None:
    (shell.folder / "where.py").write_text(
        "import os, sys\nfrom penstock import FlowSpec, step\n\n\n"
        "class WhereFlow(FlowSpec):\n"
        "    @step\n    def start(self):\n"
        "        self.files = {n: m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'penstock'}\n"
        "        self.folder = os.getcwd()\n"
        "        self.next(self.end)\n\n"
        "    @step\n    def end(self):\n        pass\n\n\n"
        "if __name__ == '__main__':\n    WhereFlow()\n"
    )
    assert shell.run("where.py", "step-functions", "rehearse").code == 0
    run = (shell.folder / ".metaflow" / "WhereFlow" / "latest_run").read_text()
    start = TaskStore(LocalDatastore(str(shell.folder / ".metaflow")), "WhereFlow").finished(run, "start", "t")
    files, folder = start.load("files"), start.load("folder")
    assert "penstock.runtime_shim.runner" in files
    assert {name for name, file in files.items() if not str(file).startswith(folder + "/penstock/")} == set()


def test_two_rehearsals_at_once_do_not_meet(shell: Shell) -> None:
    flow = FLOWS["branches"]
    shutil.copy(flow.file, shell.folder)
    argv = [sys.executable, flow.file.name, "step-functions", "rehearse"]
    both = [
        subprocess.Popen(argv, cwd=shell.folder, env=environment(shell.folder), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    runs = [set(_RUN.findall(out)) for out in outs]
    assert [len(found) for found in runs] == [1, 1]
    assert runs[0] != runs[1]


def test_ctrl_c_ends_the_rehearsal_and_its_jobs(shell: Shell) -> None:
    (shell.folder / "slow.py").write_text(
        "import time\nfrom penstock import FlowSpec, step\n\n\n"
        "class SlowFlow(FlowSpec):\n"
        "    @step\n    def start(self):\n        time.sleep(600)\n        self.next(self.end)\n\n"
        "    @step\n    def end(self):\n        pass\n\n\n"
        "if __name__ == '__main__':\n    SlowFlow()\n"
    )
    with subprocess.Popen(
        [sys.executable, "slow.py", "step-functions", "rehearse"],
        cwd=shell.folder,
        env=environment(shell.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pid = int(re.search(r"\(pid (\d+)\)", process.stdout.readline())[1])  # type: ignore[index]  # it stands there
        os.kill(process.pid, signal.SIGINT)
        begin = time.monotonic()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.fullmatch(r"error\[R172\]: the rehearsal sfn-\S+ was ended by Ctrl-C: no task had ended\n", errors)
    assert wait_until_gone(pid)
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    "command",
    [("step-functions", "rehearse"), ("kfp", "rehearse"), ("kfp", "rehearse", "--engine=kfp-local"),
     ("argo-workflows", "rehearse")],
)  # fmt: skip
def test_what_had_ended_before_ctrl_c_is_kept(shell: Shell, command: tuple[str, ...]) -> None:
    (shell.folder / "half.py").write_text(
        "import time\nfrom penstock import FlowSpec, step\n\n\n"
        "class HalfFlow(FlowSpec):\n"
        "    @step\n    def start(self):\n        self.found = 'gold'\n        self.next(self.end)\n\n"
        "    @step\n    def end(self):\n        time.sleep(600)\n\n\n"
        "if __name__ == '__main__':\n    HalfFlow()\n"
    )
    with subprocess.Popen(
        [sys.executable, "half.py", *command],
        cwd=shell.folder,
        env=environment(shell.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        run = next(found[1] for line in process.stdout if (found := re.search(r"([a-z]+-\S+)/end/t \(pid", line)))
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    root = shell.folder / ".metaflow"
    assert errors == (
        f"error[R172]: the rehearsal {run} was ended by Ctrl-C: 1 task that had ended is stored in {root}\n"
        f"  = help: `python half.py logs {run}/start`\n"
    )
    assert "= gold\n" in shell.run("half.py", "dump", f"{run}/start").out


TURNS = """
from penstock import FlowSpec, step


class TurnsFlow(FlowSpec):
    @step
    def start(self):
        self.xs = [0]
        self.next(self.again, foreach="xs")

    @step
    def again(self):
        self.verdict = 1 / 0
        self.next({"again": self.again, "out": self.join}, condition="verdict")

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TurnsFlow()
"""


def test_a_task_has_its_first_turn_in_its_name(engine: Engine, tmp_path: Path) -> None:
    """The path that the state machine gives it has not: an iteration begins with the loop."""
    (tmp_path / "turns.py").write_text(TURNS)
    run = rehearsed(compiled(tmp_path / "turns.py"), engine, tmp_path)
    name = f"{run.done.run}/again/t.0.t0"
    assert any(f"[{name} (pid " in line for line in run.lines)
    assert run.done.failure is not None
    assert run.done.failure.message.startswith(f"task {name} failed: exit code 1")
    assert run.done.failure.help == f"its whole output: python flow.py logs {name}"
