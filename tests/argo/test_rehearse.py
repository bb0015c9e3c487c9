"""`argo-workflows rehearse`, as a user types it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from command_line import Outcome, Shell
from corpus_flows import CORPUS, CorpusFlow

pytestmark = pytest.mark.slow
FLOWS = {flow.name: flow for flow in CORPUS}
_SCALE_SECONDS = 900
_VARYING = (
    (re.compile(r"argo-[a-z]+-[a-z0-9]{8}(?=[/)\s])"), "RUN"),
    (re.compile(r"\(pid \d+\)"), "(pid PID)"),
    (re.compile(r"\d+\.\d s"), "N s"),
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A user's shell in an empty folder."""
    return Shell(tmp_path)


def rehearse(shell: Shell, flow: CorpusFlow, *options: str) -> Outcome:
    shutil.copy(flow.file, shell.folder)
    return shell.run(flow.file.name, "argo-workflows", "rehearse", *flow.arguments, *options)


def written(shell: Shell, source: str, *options: str) -> Outcome:
    (shell.folder / "flow.py").write_text(source)
    return shell.run("flow.py", "argo-workflows", "rehearse", *options)


def plain(text: str) -> list[str]:
    text = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", "", text, flags=re.MULTILINE)
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text.splitlines()


def test_a_rehearsal_shows_its_tasks_and_how_to_look_at_them(shell: Shell) -> None:
    done = rehearse(shell, FLOWS["start_end"], "--on-exit=alerts/mail")
    assert (done.code, done.err) == (0, "")
    assert plain(done.out) == [
        "Rehearsal starting (run-id RUN):",
        "[RUN/start/t (pid PID)] Task is starting.",
        "[RUN/start/t] Task finished successfully (N s).",
        "[RUN/end/t (pid PID)] Task is starting.",
        "[RUN/end/t] Task finished successfully (N s).",
        "The exit handler alerts/mail is the cluster's: it is not rehearsed.",
        f"Done: 2 tasks in N s, stored in {shell.folder / '.metaflow'}.",
        "  python start_end.py dump RUN/end",
        "  python start_end.py logs RUN/start",
    ]
    run = (shell.folder / ".metaflow" / "StartEndFlow" / "latest_run").read_text()
    assert shell.run("start_end.py", "dump", f"{run}/end").code == 0


def test_a_task_that_fails_is_told_with_its_last_lines(shell: Shell) -> None:
    done = rehearse(shell, FLOWS["failing_step"])
    assert done.code == 1
    (first, *lines, last) = plain(done.err)
    assert first == "error[R180]: task RUN/divide/t failed: exit code 1"
    assert "    | ZeroDivisionError: division by zero" in lines
    assert last == "  = help: its whole output: python failing_step.py logs RUN/divide/t"


def test_a_parameter_of_a_wrong_type_is_refused_before_anything_runs(shell: Shell) -> None:
    done = rehearse(shell, FLOWS["parameters"], "--count=many")
    assert done.code == 2
    assert "parameter `count` must be an integer, not 'many'" in done.err
    assert not (shell.folder / ".metaflow").exists()


RETRIED = """
from penstock import FlowSpec, catch, current, retry, step

class RetriedFlow(FlowSpec):
    @retry(times=2, minutes_between_retries=0)
    @step
    def start(self):
        if current.retry_count < 1:
            raise ValueError("again")
        self.items = [0, 1]
        self.next(self.body, foreach="items")

    @catch(var="problem")
    @retry(times=1, minutes_between_retries=0)
    @step
    def body(self):
        if self.input:
            raise ValueError("always")
        self.next(self.join)

    @retry(times=2, minutes_between_retries=0, on="platform")
    @step
    def join(self, inputs):
        self.problems = [str(each.problem) for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        assert "always" in self.problems[1], self.problems

if __name__ == "__main__":
    RetriedFlow()
"""


def test_a_retried_step_is_a_pod_for_each_try(shell: Shell) -> None:
    done = written(shell, RETRIED)
    assert done.code == 0, done.out + done.err
    starts = [line.partition("] ")[2] for line in plain(done.out) if "Task is starting" in line]
    assert sorted(starts) == ["Task is starting (pod 2)."] * 2 + ["Task is starting."] * 5
    run = (shell.folder / ".metaflow" / "RetriedFlow" / "latest_run").read_text()
    tasks = shell.folder / ".metaflow" / "RetriedFlow" / run
    for task in ("start/t", "body/t.1"):
        assert sorted(path.name for path in (tasks / task).glob("*.DONE.lock")) == ["0.DONE.lock", "1.DONE.lock"]


def test_on_platform_a_failure_of_the_code_is_final(shell: Shell) -> None:
    source = RETRIED.replace(
        'on="platform")\n    @step\n    def join(self, inputs):',
        'on="platform")\n    @step\n    def join(self, inputs):\n        raise ValueError("final")',
    )
    done = written(shell, source)
    assert done.code == 1
    assert plain(done.err)[0] == "error[R180]: task RUN/join/t failed: exit code 1"
    assert sum("/join/t (pid" in line for line in plain(done.out)) == 1


TURNING = """
from penstock import FlowSpec, Parameter, step

class TurningFlow(FlowSpec):
    turns = Parameter("turns", default=2)

    @step
    def start(self):
        self.turn = 0
        self.next(self.again)

    @step
    def again(self):
        self.turn += 1
        self.verdict = "again" if self.turn < self.turns else "done"
        self.next({"again": self.again, "done": self.end}, condition="verdict")

    @step
    def end(self):
        pass

if __name__ == "__main__":
    TurningFlow()
"""


@pytest.mark.scale
def test_a_loop_turns_as_often_as_argo_nests_and_is_refused_after_that(shell: Shell) -> None:
    (shell.folder / "flow.py").write_text(TURNING)
    done = shell.run("flow.py", "argo-workflows", "rehearse", "--turns=1000", timeout=_SCALE_SECONDS)
    assert done.code == 1
    refused = re.search(r"error\[R136\]: .*`again` goes to turn (\d+) of .*has room for (\d+)", done.out)
    assert refused is not None
    fits = int(refused[2])
    assert (int(refused[1]), fits > 90) == (fits + 1, True)
    assert done.out.count("Task finished successfully") == 1 + fits - 1, (
        "`start`, and all turns but the one that refused"
    )


def test_a_time_limit_ends_the_run(shell: Shell) -> None:
    source = TURNING.replace("        self.turn += 1", "        import time\n        time.sleep(60)")
    done = written(shell, source, "--workflow-timeout=6")
    assert done.code == 1
    name = r"turningflow-[a-z0-9]{8}"
    message = rf"error\[R181\]: the workflow failed at {name}: the workflow was active longer than 6 seconds"
    assert re.fullmatch(message, done.err.splitlines()[0])
