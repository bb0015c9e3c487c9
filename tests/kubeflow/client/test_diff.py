"""`kfp diff`: against a file, and against the flow's last run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kfp_server import KfpServer

from .conftest import Run


def test_the_same_flow_differs_in_nothing(flow: Run, kfp: KfpServer) -> None:
    assert flow("generate-kfp-yaml", "-o", "old.yaml").code == 0
    done = flow("kfp", "diff", "old.yaml")
    assert (done.code, done.out, kfp.asked) == (0, "old.yaml is what compiles now.\n", [])


def test_what_changed_is_told_by_tasks(flow: Run, tmp_path: Path) -> None:
    flow("generate-kfp-yaml", "-o", "old.yaml")
    done = flow("kfp", "diff", "old.yaml", "--image", "python:3.13", "--max-parallelism", "7")
    assert (done.code, done.err) == (4, "")
    heading, *changes = done.out.splitlines()
    assert heading == "old.yaml differs from what compiles now:"
    assert "~ task foreach-start: iteratorPolicy.parallelismLimit 100 → 7" in changes
    images = [line for line in changes if ": image python:" in line]
    assert len(images) == 1
    assert images[0].startswith("~ task end, join, start and 1 more: image python:3.")
    assert images[0].endswith(" → python:3.13")


def test_steps_that_are_new_or_gone(flow: Run, tmp_path: Path) -> None:
    flow("generate-kfp-yaml", "-o", "old.yaml")
    text = (tmp_path / "old.yaml").read_text()
    (tmp_path / "old.yaml").write_text(text.replace("      body:\n", "      corpus:\n"))
    done = flow("kfp", "diff", "old.yaml", "--format", "json")
    assert done.code == 4
    document = json.loads(done.out)
    assert document["compared_with"] == "old.yaml"
    assert [(each["kind"], each["name"]) for each in document["changes"]] == [
        ("added", "foreach-start/body"),
        ("removed", "foreach-start/corpus"),
    ]


def test_the_last_run_is_compared_with(flow: Run, kfp: KfpServer) -> None:
    for number in (5, 6):
        assert flow("run-on-kfp", "--who", "x", "--max-parallelism", str(number)).code == 0
    newest = list(kfp.runs)[-1]
    model = kfp.runs[newest].model
    # The real server keeps numbers as doubles.
    model.pipeline_spec = json.loads(json.dumps(model.pipeline_spec), parse_int=float)
    done = flow("kfp", "diff", "--max-parallelism", "6")
    assert (done.code, done.out) == (0, f"run kfp-{newest} is what compiles now.\n")
    done = flow("kfp", "diff")
    assert (done.code, done.out) == (
        4,
        (
            f"run kfp-{newest} differs from what compiles now:\n"
            "~ task foreach-start: iteratorPolicy.parallelismLimit 6 → 100\n"
        ),
    )


def test_there_is_no_run_to_compare_with(flow: Run, kfp: KfpServer) -> None:
    assert "P553]: there is no experiment GreetFlow at" in flow("kfp", "diff").err
    flow("run-on-kfp", "--who", "x", "--pipeline-name", "other")
    assert flow("kfp", "diff").err == (
        "error[P553]: GreetFlow has had no runs in the experiment GreetFlow yet\n"
        "  = help: name another experiment, or a file to compare with\n"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file or directory"),
        ("a: [", "while parsing a flow node"),
        ("a: 1", "it holds no pipeline in its first document"),
    ],
)
def test_a_file_that_is_no_pipeline(flow: Run, tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "old.yaml").write_text(text)
    done = flow("kfp", "diff", "old.yaml")
    assert done.code == 1
    assert done.err.startswith(f"error[P556]: old.yaml can't be read as a pipeline: {reason}")
