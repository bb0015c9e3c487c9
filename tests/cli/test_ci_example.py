"""The commands of `examples/ci/github-actions.yml`, run in a repository as GitHub would run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import environment

from penstock.backends.rehearsal.object_store import ObjectStore

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "ci" / "github-actions.yml").read_text("utf-8"))
INSTALL = "python -m pip install penstock"
"""What is left out: the distribution has tests of its own."""


def commands(job: str) -> dict[str, str]:
    """The commands of a job by the names of its steps, in their order."""
    return {step["name"]: step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step}


class Runner:
    """A machine of GitHub's with a checkout in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary = folder.parent / "summary.md"
        self.surroundings = environment(folder.parent, {**WORKFLOW["env"], "GITHUB_BASE_REF": "main"}) | {
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "ci@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

    def __call__(self, command: str, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a step's command with GitHub's own options."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
            cwd=self.folder,
            env={**self.surroundings, **(extra or {})},
            capture_output=True,
            text=True,
        )

    def well(self, command: str) -> str:
        done = self(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A clone of a repository whose main branch has a flow, and what it compiles to."""
    folder = tmp_path / "checkout"
    (folder / "flows").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "hello.py", folder / "flows")
    runner = Runner(folder)
    runner.well("penstock compile flows/*.py $TARGETS -o deploy")
    runner.well("git init -q -b main && git add . && git commit -q -m flows && git clone -q --bare . ../origin.git")
    runner.well("git remote add origin ../origin.git")
    return runner


def test_a_pull_request_is_told_what_changes_and_that_deploy_is_old(runner: Runner) -> None:
    steps = commands("check")
    assert list(steps) == [
        "Install",
        "Check the flows",
        "Tell what would change on the main branch",
        "See that deploy/ is what the flows compile to",
        "Compile them for whoever has to commit it",
    ]
    install, check, tell, compare, compile_them = steps.values()
    assert install == INSTALL
    flow = runner.folder / "flows" / "hello.py"
    flow.write_text(
        flow.read_text().replace("    @step\n    def english", "    @resources(cpu=4)\n    @step\n    def english")
    )
    broken = runner(check)
    assert broken.returncode == 1
    assert broken.stdout.startswith("::error file=flows/hello.py,line=")
    assert "title=P506::flows/hello.py fails when it is loaded: NameError: name 'resources'" in broken.stdout
    flow.write_text(flow.read_text().replace("import FlowSpec", "import resources, FlowSpec"))
    assert runner.well(check) == ""
    runner.well(tell)
    summary = runner.summary.read_text().splitlines()
    assert (summary[0], summary[-1]) == ("```", "```")
    assert "HelloFlow for argo-workflows differs:" in summary
    assert "  ~ state start branches [english] / english: vCPUs 1 → 4" in summary
    assert runner(compare).returncode == 4
    runner.well(compile_them)
    assert (
        runner.well(compare) == "HelloFlow for argo-workflows is the same.\nHelloFlow for step-functions is the same.\n"
    )
    assert runner.well("git status --porcelain --untracked-files=no deploy").split()[1::2] == [
        "deploy/HelloFlow/argo-workflows/workflow-template.yaml",
        "deploy/HelloFlow/step-functions/job-definitions.json",
        "deploy/HelloFlow/step-functions/state-machine.json",
        "deploy/penstock.json",
    ]


def test_what_is_uploaded_is_what_the_compiled_flows_fetch(runner: Runner) -> None:
    steps = commands("upload")
    assert steps.pop("Install") == INSTALL
    (upload,) = steps.values()
    with ObjectStore() as store:
        client = store.client("s3")
        client.create_bucket(Bucket="example-bucket")
        keys = {"AWS_ACCESS_KEY_ID": store.secret, "AWS_SECRET_ACCESS_KEY": store.secret}
        done = runner(upload, {**keys, "METAFLOW_S3_ENDPOINT_URL": store.endpoint})
        assert done.returncode == 0, done.stderr
        listed = client.list_objects_v2(Bucket="example-bucket")["Contents"]
    stored = {f"s3://example-bucket/{each['Key']}" for each in listed}
    targets = json.loads((runner.folder / "deploy" / "penstock.json").read_text())["flows"]["HelloFlow"]["targets"]
    assert {target["package"]["url"] for target in targets.values()} == stored
