"""`dump` and `logs`: any run of the datastore, whoever made it."""

from __future__ import annotations

import pickle
import re

import pytest
from command_line import Shell

from penstock.runtime_shim.task_logs import log_key, stored_line

FLOW = """
import sys
from penstock import FlowSpec, step


class PrintFlow(FlowSpec):
    @step
    def start(self):
        self.xs = list(range(11))
        self.big = "x" * 5000
        print("from start")
        print("to stderr", file=sys.stderr)
        self.next(self.body, foreach="xs")

    @step
    def body(self):
        print("body", self.input)
        self.y = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        raise ValueError("at the end")


if __name__ == "__main__":
    PrintFlow()
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A run that has failed in its last step."""
    shell = Shell(tmp_path_factory.mktemp("ran"))
    (shell.folder / "flow.py").write_text(FLOW)
    assert shell.run("flow.py", "run").code == 1
    return shell


@pytest.fixture
def run_id(ran: Shell) -> str:
    return ran.latest("PrintFlow")


def test_both_streams_of_a_task(ran: Shell, run_id: str) -> None:
    done = ran.run("flow.py", "logs", f"{run_id}/start")
    assert done.out == "from start\nto stderr\n"
    assert done.err == f"Dumping logs of run_id={run_id} step=start task_id=t\nstdout\nstderr\n"


@pytest.mark.parametrize(("option", "shown"), [("--stdout", "from start\n"), ("--stderr", "to stderr\n")])
def test_one_stream_alone_without_headings(ran: Shell, run_id: str, option: str, shown: str) -> None:
    done = ran.run("flow.py", "logs", f"{run_id}/start/t", option, "--no-logtags")
    assert (done.code, done.out, done.err) == (0, shown, "")


def test_all_tasks_of_a_step_in_the_order_of_their_splits(ran: Shell, run_id: str) -> None:
    assert ran.run("flow.py", "logs", f"{run_id}/body").out == "".join(f"body {number}\n" for number in range(11))


def test_a_failed_task_s_output_is_kept(ran: Shell, run_id: str) -> None:
    assert ran.run("flow.py", "logs", f"{run_id}/end", "--stderr").out.endswith("ValueError: at the end\n")


def test_times_are_shown_when_asked_for(ran: Shell, run_id: str) -> None:
    shown = ran.run("flow.py", "logs", f"{run_id}/start", "--stdout", "--timestamps").out
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} from start\n", shown)


def test_a_container_s_run_is_read_like_any_other(ran: Shell) -> None:
    lines = [
        stored_line(text, f"2026-01-0{day}T00:00:00.000000", "task", str(day)) for day, text in ((2, b"b"), (1, b"a"))
    ]
    for attempt in (0, 1):
        ran.store.put(f"PrintFlow/sfn-nightly/start/t/{attempt}.attempt.json", b"{}")
    ran.store.put(log_key("PrintFlow", "sfn-nightly", "start", "t", 0, "stdout"), b"older\n")
    ran.store.put(log_key("PrintFlow", "sfn-nightly", "start", "t", 1, "stdout"), b"".join(lines))
    assert ran.run("flow.py", "logs", "sfn-nightly/start").out == "a\nb\n"
    assert ran.run("flow.py", "logs", "sfn-nightly/start/t/0").out == "older\n"
    assert ran.run("flow.py", "logs", "sfn-nightly/start", "--attempt=0").out == "older\n"


def test_metaflow_2_0_5_s_logs_are_read(ran: Shell) -> None:
    ran.store.put("PrintFlow/7/start/1/0.stdout.log", b"plain\nlines")
    assert ran.run("flow.py", "logs", "7/start/1", "--timestamps").out == "plain\nlines\n"


def test_artifacts_of_a_task(ran: Shell, run_id: str) -> None:
    done = ran.run("flow.py", "dump", f"{run_id}/start")
    lines = done.out.splitlines()
    assert "xs [size: 38 type: <class 'list'>] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]" in lines
    assert [line for line in lines if line.startswith("big ")] == ["big [size: 5018 type: <class 'str'>]"]
    assert not [line for line in lines if line.startswith("_")]
    assert done.err == f"Dumping output of run_id={run_id} step=start task_id=t\n"


def test_private_artifacts_only_when_asked_for(ran: Shell, run_id: str) -> None:
    assert "\n_transition [" in ran.run("flow.py", "dump", f"{run_id}/start", "--private").out


def test_only_some_artifacts_with_any_size(ran: Shell, run_id: str) -> None:
    shown = ran.run("flow.py", "--quiet", "dump", f"{run_id}/start", "--include=big,absent", "--max-value-size=100000")
    assert (shown.out, shown.err) == ("big [size: 5018 type: <class 'str'>] = " + "x" * 5000 + "\n", "")


def test_size_zero_shows_names(ran: Shell, run_id: str) -> None:
    assert " = " not in ran.run("flow.py", "dump", f"{run_id}/start", "--max-value-size=0").out


def test_a_failed_task_can_be_dumped(ran: Shell, run_id: str) -> None:
    done = ran.run("flow.py", "dump", f"{run_id}/end", "--private", "--include=_success")
    assert done.out == "_success [size: 4 type: <class 'bool'>] = False\n"


def test_a_file_holds_the_values(ran: Shell, run_id: str) -> None:
    done = ran.run("flow.py", "dump", f"{run_id}/body", "--file=out.pickle", "--include=y")
    assert (done.out, done.err) == ("", "Artifacts written to out.pickle\n")
    written = pickle.loads((ran.folder / "out.pickle").read_bytes())
    assert written == {f"{run_id}/body/t.{number}": {"y": number} for number in range(11)}
    assert list(written)[-1] == f"{run_id}/body/t.10"


def test_the_flow_s_name_may_stand_before(ran: Shell, run_id: str) -> None:
    assert ran.run("flow.py", "logs", f"PrintFlow/{run_id}/start", "--stdout").out == "from start\n"


def test_what_is_there_instead_is_named(ran: Shell, run_id: str) -> None:
    no_step = ran.run("flow.py", "logs", f"{run_id}/nowhere")
    assert no_step.err.endswith("  = help: tasks were started of body, end, join, start\n")
    no_task = ran.run("flow.py", "dump", f"{run_id}/body/t.11")
    assert no_task.err.endswith("  = help: its tasks are t.0, t.1, t.2, t.3, t.4, t.5, t.6, t.7 and 3 more\n")


def test_a_task_that_runs_is_not_dumped(ran: Shell) -> None:
    ran.store.put("PrintFlow/8/start/t/0.attempt.json", b"{}")
    done = ran.run("flow.py", "dump", "8/start")
    assert done.code == 1
    assert done.err.startswith("error[R160]: task PrintFlow/8/start/t has not finished")


def test_an_artifact_that_cannot_be_read_hides_no_other(ran: Shell, run_id: str) -> None:
    from penstock.runtime_shim.datastore.tasks import TaskStore
    from penstock.runtime_shim.records import blob_key

    task = TaskStore(ran.store, "PrintFlow").finished(run_id, "body", "t.3")
    ran.store.put(blob_key("PrintFlow", task.objects["y"].sha), b"not a pickle")
    shown = ran.run("flow.py", "dump", f"{run_id}/body/t.3").out
    assert re.search(r"^y \[size: \d+ type: <class 'int'>\] cannot be read: ", shown, re.MULTILINE)
    assert "name [" in shown


TURNS = """
from penstock import FlowSpec, step


class TurnsFlow(FlowSpec):
    @step
    def start(self):
        self.xs = [0, 1]
        self.next(self.again, foreach="xs")

    @step
    def again(self):
        print("turn of", self.input)
        self.verdict = "out"
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


def test_a_first_turn_may_be_left_out_as_state_machines_do(shell: Shell) -> None:
    (shell.folder / "turns.py").write_text(TURNS)
    assert shell.run("turns.py", "run").code == 0
    run = shell.latest("TurnsFlow")
    for task in ("t.1", "t.1.t0"):
        done = shell.run("turns.py", "logs", f"{run}/again/{task}", "--stdout")
        assert (done.code, done.out) == (0, "turn of 1\n"), done.err
        assert "task_id=t.1.t0" in done.err
    refused = shell.run("turns.py", "logs", f"{run}/again/t.2")
    assert refused.code == 1
    assert "step `again` of run " in refused.err
    assert refused.err.endswith("  = help: its tasks are t.0.t0, t.1.t0\n")
