"""`penstock diff`: two folders, or a folder and the flows now, in words of steps and settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Outcome, Shell
from many_flows import LOOP, flow_file, run_penstock

KFP = ("--target=kfp", "--datastore-root=s3://bucket/metaflow")
AWS = {
    "METAFLOW_BATCH_JOB_QUEUE": "queue",
    "METAFLOW_SFN_IAM_ROLE": "arn:aws:iam::123456789012:role/states",
    "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/jobs",
    "METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/schedules",
}


@pytest.fixture
def penstock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Callable[..., Outcome]:
    """`penstock ARGV…` in a folder of its own."""
    return run_penstock(tmp_path, monkeypatch, capfd)


def test_what_compile_would_change_is_told_by_steps(
    penstock: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in AWS.items():
        monkeypatch.setenv(key, value)
    targets = ("--target=step-functions", *KFP, "--image=python:3.12")
    (tmp_path / "a.py").write_text(flow_file("AFlow", decorator="@resources(cpu=1)"))
    assert penstock("compile", "a.py", *targets, "-o", "out").code == 0
    same = penstock("diff", "out", "a.py", *targets)
    assert (same.code, same.err) == (0, "")
    assert same.out == "AFlow for kfp is the same.\nAFlow for step-functions is the same.\n"
    (tmp_path / "a.py").write_text(flow_file("AFlow", decorator="@resources(cpu=8)"))
    changed = penstock("diff", "out", "a.py", *targets)
    assert (changed.code, changed.err) == (4, "")
    said = changed.out.splitlines()
    assert said[0] == "AFlow for kfp differs:"
    assert "  ~ state work: vCPUs 1 → 8" in said[said.index("AFlow for step-functions differs:") :]


def test_flows_that_come_and_go(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    for name in ("A", "B", "C"):
        (tmp_path / f"{name}.py").write_text(flow_file(f"{name}Flow"))
    assert penstock("compile", "A.py", "B.py", "--target=local", "-o", "old").code == 0
    done = penstock("diff", "old", "B.py", "C.py", "--target=local")
    assert (done.code, done.err) == (4, "")
    assert done.out == "AFlow for local is gone.\nBFlow for local is the same.\nCFlow for local is new.\n"


def test_a_file_that_cannot_be_loaded_is_no_flow_that_is_gone(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    for name in ("A", "B"):
        (tmp_path / f"{name}.py").write_text(flow_file(f"{name}Flow"))
    assert penstock("compile", "A.py", "B.py", "--target=local", "-o", "old").code == 0
    (tmp_path / "A.py").write_text("def f(:\n")
    done = penstock("diff", "old", "A.py", "B.py", "--target=local")
    assert (done.code, done.out) == (1, "BFlow for local is the same.\n")
    assert done.err.startswith("error[P506]: A.py is not Python 3.")


def test_two_folders_as_json(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(flow_file("AFlow"))
    for image, folder in (("python:3.11", "old"), ("python:3.12", "new")):
        assert penstock("compile", "a.py", *KFP, f"--image={image}", "-o", folder).code == 0
    assert penstock("diff", "old", "old").code == 0
    done = penstock("diff", "old", "new", "--format=json")
    assert (done.code, done.err) == (4, "")
    (pair,) = json.loads(done.out)["flows"]
    assert (pair["flow"], pair["target"], pair["status"]) == ("AFlow", "kfp", "changed")
    change = {"kind": "changed", "sort": "task", "before": "python:3.11", "after": "python:3.12"}
    assert {**change, "name": "work", "field": "image"} in pair["changes"]


def test_a_refusal_is_news_once(penstock: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text(flow_file("LoopFlow"))
    assert penstock("compile", "loop.py", *KFP, "-o", "out").code == 0
    (tmp_path / "loop.py").write_text(LOOP)
    news = penstock("diff", "out", "loop.py", *KFP)
    assert (news.code, news.out) == (1, "LoopFlow for kfp is refused.\n")
    assert news.err.startswith("error[P301]: Kubeflow Pipelines cannot run loops\n")
    assert penstock("compile", "loop.py", *KFP, "-o", "out").code == 1
    known = penstock("diff", "out", "loop.py", *KFP)
    assert (known.code, known.out, known.err) == (0, "LoopFlow for kfp is refused.\n", "")
    (tmp_path / "loop.py").write_text(LOOP.replace("self.next(self.fit)", "pass"))
    assert penstock("diff", "out", "loop.py", *KFP).code == 1, "another mistake, of the flow itself"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a flow for Kubeflow."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "a.py").write_text(flow_file("AFlow"))
    with Shell(folder) as shell:
        assert shell.run("-m", "penstock", "compile", "a.py", *KFP, "-o", "out").code == 0
    return folder / "out"


class TestFolders:
    """Folders that were changed, or never were any."""

    @pytest.fixture(autouse=True)
    def _compiled(self, penstock: Callable[..., Outcome], tmp_path: Path, compiled: Path) -> None:
        for folder in ("old", "new"):
            shutil.copytree(compiled, tmp_path / folder)
        self.penstock = penstock
        self.document = tmp_path / "new" / "AFlow" / "kfp" / "pipeline.yaml"
        self.manifest = tmp_path / "new" / "penstock.json"

    def test_a_file_that_was_edited_is_compared_as_it_is(self) -> None:
        self.document.write_text(self.document.read_text().replace("name: aflow\n", "name: mine\n"))
        done = self.penstock("diff", "old", "new")
        assert (done.code, done.out) == (4, "AFlow for kfp differs:\n  ~ pipeline: name aflow → mine\n")

    def test_other_bytes_with_the_same_meaning_are_told(self) -> None:
        self.document.write_text(f"# by hand\n{self.document.read_text()}")
        done = self.penstock("diff", "old", "new")
        assert done.code == 4
        assert done.out == "AFlow for kfp differs:\n  ~ pipeline.yaml: form other bytes → same content\n"

    def test_what_the_target_does_not_know_is_compared_in_general_words(self) -> None:
        self.document.write_text("just: this\n")
        done = self.penstock("diff", "old", "new")
        assert done.code == 4
        assert "  ~ pipeline.yaml: just (none) → this" in done.out.splitlines()

    def test_a_target_that_is_not_installed_is_compared_in_general_words(self) -> None:
        for folder in (self.manifest.parent.parent / name for name in ("old", "new")):
            (folder / "AFlow" / "kfp").rename(folder / "AFlow" / "nomad")
            text = (folder / "penstock.json").read_text()
            (folder / "penstock.json").write_text(text.replace('"kfp": {', '"nomad": {'))
        document = self.manifest.parent / "AFlow" / "nomad" / "pipeline.yaml"
        document.write_text(document.read_text().replace("name: aflow\n", "name: mine\n"))
        done = self.penstock("diff", "old", "new")
        assert done.out == "AFlow for nomad differs:\n  ~ pipeline.yaml: pipelineInfo.name aflow → mine\n"

    def test_options_to_compile_with_are_refused_where_nothing_is_compiled(self) -> None:
        done = self.penstock("diff", "old", "new", "--image=x")
        assert (done.code, done.out) == (2, "")
        assert done.err.endswith("Error: --image is for flow files: two folders are compared as they are\n")

    def test_a_file_that_is_gone_is_gone(self) -> None:
        self.document.unlink()
        assert self.penstock("diff", "old", "new").out == "AFlow for kfp is gone.\n"

    def test_what_is_no_folder_of_compiled_flows(self) -> None:
        advice = "  = help: name a folder that `penstock compile -o` wrote\n"
        no_list = "penstock.json does not list flows and their files"
        for damage, reason in (
            (None, "new/penstock.json: No such file or directory"),
            ("<<<<<<<", "penstock.json: Expecting value: line 1 column 1 (char 0)"),
            ("[]", no_list),
            (
                '{"format": 7, "flows": {}}',
                "penstock.json: it has the format 7, and this is Penstock for the format 1",
            ),
            ('{"format": 1, "flows": {"AFlow": {}}}', no_list),
        ):
            if damage is None:
                self.manifest.unlink()
            else:
                self.manifest.write_text(damage)
            done = self.penstock("diff", "old", "new")
            assert (done.code, done.out) == (1, "")
            assert done.err == f"error[P512]: new is no folder of compiled flows: {reason}\n{advice}"
