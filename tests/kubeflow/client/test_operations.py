"""`kfp list-runs` and `kfp terminate`."""

from __future__ import annotations

from kfp_server import KfpServer, Scene

from .conftest import Run
from .test_run_on_kfp import started


def test_runs_are_listed_newest_first(flow: Run, kfp: KfpServer) -> None:
    ids = [started(flow("run-on-kfp", "--who", "x", "--run-name", f"number {number}")) for number in range(3)]
    for run, state in zip(ids, ("SUCCEEDED", "FAILED", "RUNNING"), strict=True):
        kfp.runs[run].scenes[:] = [Scene(state), Scene(state)]
        flow("kfp", "terminate", "kfp-nobody")
        kfp._look(run)
    lines = [line.split(None, 5) for line in flow("kfp", "list-runs").out.splitlines()]
    assert lines[0] == ["RUN", "STATUS", "STARTED", "DURATION", "NAME"]
    assert [(line[0], line[1], line[5]) for line in lines[1:]] == [
        (f"kfp-{ids[2]}", "running", "number 2"),
        (f"kfp-{ids[1]}", "failed", "number 1"),
        (f"kfp-{ids[0]}", "succeeded", "number 0"),
    ]
    assert lines[3][2:5] == ["2026-03-01", "12:02:00", "3m00s"]

    def listed(*options: str) -> list[str]:
        return [line.split()[0][4:] for line in flow("kfp", "list-runs", *options).out.splitlines()[1:]]

    assert listed("--failed") == [ids[1]]
    assert listed("--running", "--succeeded") == [ids[2], ids[0]]
    assert listed("--max", "2") == [ids[2], ids[1]]
    assert flow("kfp", "list-runs", "--canceled").out == "GreetFlow has no such runs.\n"


def test_all_pages_are_read_and_other_pipelines_left_out(flow: Run, kfp: KfpServer) -> None:
    first = started(flow("run-on-kfp", "--who", "x", "--experiment-name", "team", "--pipeline-name", "mine"))
    for _ in range(3):
        started(flow("run-on-kfp", "--who", "x", "--experiment-name", "team"))
    model = kfp.runs[first].model
    for number in range(120):
        kfp.runs[f"old-{number}"] = kfp.runs[first].__class__(
            type(model)(**{**model.to_dict(), "run_id": f"old-{number}", "display_name": "old"}), "", [Scene("FAILED")]
        )
    done = flow("kfp", "list-runs", "--experiment-name", "team", "--pipeline-name", "mine", "--max", "500")
    assert len(done.out.splitlines()) == 1 + 121
    assert len(kfp.told("GET", "/runs")) == 2
    done = flow("kfp", "list-runs", "--experiment-name", "team", "--pipeline-name", "nobody")
    assert done.out == "nobody has had no runs in team yet.\n"


def test_an_experiment_that_there_is_not(flow: Run, kfp: KfpServer) -> None:
    done = flow("kfp", "list-runs", "--experiment-name", "trials", "--namespace", "ada")
    assert (done.code, done.err) == (
        1,
        (
            f"error[P553]: there is no experiment trials in the namespace ada at {kfp.url}\n"
            "  = help: name another with --experiment-name, or start a run first\n"
        ),
    )
    assert kfp.told("POST", "") == []


def test_a_run_is_terminated_once(flow: Run, kfp: KfpServer) -> None:
    kfp.script = [Scene("RUNNING")]
    run = started(flow("run-on-kfp", "--who", "x"))
    assert flow("kfp", "terminate", f"kfp-{run}").out == f"Run kfp-{run} is terminated.\n"
    assert flow("kfp", "terminate", run).out == f"Run kfp-{run} had ended before.\n"
    assert len(kfp.told("POST", f"/runs/{run}:terminate")) == 1


def test_a_run_that_there_is_not(flow: Run, kfp: KfpServer) -> None:
    done = flow("kfp", "terminate", "kfp-a/../b")
    assert (done.code, done.err) == (
        1,
        f"error[P553]: there is no run kfp-a/../b at {kfp.url}\n  = help: `kfp list-runs` shows those of the flow\n",
    )
