"""`diff`: what is deployed against what is compiled, in the order of the flow and in words that people use."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.backends.differences import Change, Description, differences, flattened, lines
from penstock.backends.step_functions.comparing.code import CodeFiles
from penstock.backends.step_functions.comparing.description import Parts, describe

Command = Callable[..., "subprocess.CompletedProcess[str]"]

FLOW = """
from penstock import FlowSpec, Parameter, batch, resources, retry, step, timeout

class Diffed(FlowSpec):
    alpha = Parameter("alpha", default=0.1)

    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.fit, foreach="items")

    @retry(times=1)
    @batch(image="python:3.11")
    @step
    def fit(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.next(self.join)

    @step
    def right(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Diffed()
"""


@pytest.fixture
def deployed(aws: Callable[[str], Any], command: Command, flow_file: Callable[[str, str], Path]) -> Command:
    """Runs ``step-functions …`` of the flow, which is deployed: ``deployed("diff", source=…)``."""

    def run(*arguments: str, source: str = FLOW, **environment: str) -> subprocess.CompletedProcess[str]:
        flow_file(source, "flow.py")
        return command("flow.py", "step-functions", *arguments, **environment)

    created = run("create")
    assert created.returncode == 0, created.stderr
    return run


def changed(deployed: Command, before: str, after: str) -> list[str]:
    """The lines of `diff` once the flow has another text, without those about its code."""
    assert before in FLOW
    done = deployed("diff", source=FLOW.replace(before, after))
    assert (done.returncode, done.stderr) == (4, "")
    heading, *told = done.stdout.splitlines()
    assert heading == "Diffed differs, deployed → compiled:"
    return [line for line in told if not line.startswith(("~ code file ", "~ code package: "))]


def test_nothing_differs_after_create(deployed: Command) -> None:
    done = deployed("diff")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Diffed is deployed as it is compiled.\n", "")


def test_what_decorators_say_is_told_at_their_step(deployed: Command) -> None:
    given = '@retry(times=1)\n    @batch(image="python:3.11")'
    other = (
        '@timeout(minutes=5)\n    @retry(times=3)\n    @resources(memory=9000)\n    @batch(image="x:2", queue="gpu")'
    )
    told = changed(deployed, given, other)
    fit = "~ state start branches [left] / left foreach / fit: "
    assert {line.removeprefix(fit) for line in told} >= {
        "image python:3.11 → x:2",
        "attempts 2 → 4",
        "timeout (none) → 420",
        "memory (MiB) 4096 → 9000",
        "queue penstock-tests → gpu",
    }
    assert all(line.startswith(fit) for line in told)


def test_a_step_that_is_added_and_one_that_is_renamed(deployed: Command) -> None:
    told = changed(
        deployed,
        "self.next(self.end)",
        "self.next(self.more)\n\n    @step\n    def more(self):\n        self.next(self.end)",
    )
    # What a run costs in events changes too, which the opener is told to count.
    assert told[0].startswith("~ state start branches [left] / left: variable PENSTOCK_EVENTS_PER_SPLIT ")
    assert told[1:] == ["~ state join: next end → more", "+ state more"]
    renamed = FLOW.replace("def right", "def west").replace("self.right", "self.west")
    told = deployed("diff", source=renamed).stdout.splitlines()
    assert "+ state start branches [west] / west" in told
    assert "- state start branches [right] / right" in told
    assert "~ state start branches: starts at [1] right → west" in told


def test_a_change_of_all_steps_is_one_line(deployed: Command) -> None:
    done = deployed("diff", METAFLOW_BATCH_CONTAINER_IMAGE="python:3.13")
    assert done.returncode == 4
    (line,) = (each for each in done.stdout.splitlines() if " image " in each)
    assert line.startswith(
        "~ state start, start branches [left] / left, start branches [left] / collect and 3 more: image"
    )


def test_only_the_code(deployed: Command) -> None:
    done = deployed("diff", source=FLOW.replace("[1, 2]", "[1, 2, 3]"))
    assert done.returncode == 4
    lines = done.stdout.splitlines()
    assert lines[0] == "Diffed differs in its code only:"
    assert [line.rpartition(": ")[0] for line in lines[1:]] == ["~ code file flow.py", "~ code package"]


def test_another_version_of_penstock_is_one_change() -> None:
    def description(files: dict[str, str]) -> Description:
        return describe(Parts({"States": {}, "StartAt": ""}, {}, "role", {}, {}, code=CodeFiles(files, {})))

    files = {"flow.py": "1", "penstock/__init__.py": "2", "penstock/runtime_shim/plan.py": "3"}
    newer = {**files, "penstock/__init__.py": "4", "penstock/runtime_shim/plan.py": "5"}
    changes = differences(description(files), description(newer))
    assert [(change.kind, change.sort, change.name) for change in changes] == [("changed", "code file", "penstock/…")]
    assert differences(description(files), description(dict(reversed(files.items())))) == []


def test_a_parameter_is_told_as_it_is_declared(deployed: Command) -> None:
    assert changed(deployed, "default=0.1", "default=0.5") == [
        "~ parameter alpha: declared Parameter('alpha', default=0.1) → Parameter('alpha', default=0.5)"
    ]
    assert changed(deployed, "default=0.1)", "default=0.1)\n    beta = Parameter('beta')") == ["+ parameter beta"]


def test_role_tags_and_time_limit_are_the_machines(deployed: Command) -> None:
    other = "arn:aws:iam::123456789012:role/other"
    done = deployed(
        "diff",
        "--aws-tag",
        "team=growth",
        "--workflow-timeout",
        "60",
        "--max-workers",
        "5",
        METAFLOW_SFN_IAM_ROLE=other,
    )
    told = done.stdout.splitlines()
    assert "~ state machine: time limit (none) → 60" in told
    assert f"~ state machine: role arn:aws:iam::123456789012:role/penstock-tests → {other}" in told
    assert "~ state machine: tag team (none) → growth" in told
    assert "~ state start branches [left] / left foreach: max workers 100 → 5" in told


def test_what_is_not_deployed_is_all_new(deployed: Command) -> None:
    done = deployed("diff", "--name", "nightly")
    assert done.returncode == 4
    heading, *told = done.stdout.splitlines()
    assert heading == "nightly is not deployed: all of it is new."
    assert {line[0] for line in told} == {"+"}
    assert "+ state start branches [left] / left foreach / fit" in told


def test_a_bundle_is_compared_as_it_stands(deployed: Command) -> None:
    assert deployed("create", "-o", "bundle").returncode == 0
    same = deployed("diff", "bundle")
    assert (same.returncode, same.stdout) == (0, "Diffed is deployed as it is compiled.\n")
    longer = FLOW.replace("times=1", "times=2")
    assert deployed("create", "-o", "bundle", source=longer).returncode == 0
    assert "attempts 2 → 3" in deployed("diff", "bundle").stdout


def test_json_holds_every_change(deployed: Command) -> None:
    done = deployed("diff", "--format", "json", source=FLOW.replace("times=1", "times=2"))
    document = json.loads(done.stdout)
    assert (document["state_machine"], document["deployed"], document["only_code"]) == ("Diffed", True, False)
    assert document["changes"][0] == {
        "kind": "changed",
        "sort": "state",
        "name": "start branches [left] / left foreach / fit",
        "field": "attempts",
        "before": "2",
        "after": "3",
    }
    assert done.stdout == deployed("diff", "--format", "json", source=FLOW.replace("times=1", "times=2")).stdout


def test_another_flows_machine_is_an_error(deployed: Command) -> None:
    done = deployed("diff", "--name", "Diffed", source=FLOW.replace("Diffed", "Other"))
    assert done.returncode == 1
    assert "P538" in done.stderr


def test_without_the_permission_to_read_the_code_the_rest_is_compared(
    deployed: Command, aws: Callable[[str], Any]
) -> None:
    s3 = aws("s3")
    for each in s3.list_objects_v2(Bucket="penstock-tests")["Contents"]:
        s3.delete_object(Bucket="penstock-tests", Key=each["Key"])
    done = deployed("diff", source=FLOW.replace("times=1", "times=2").replace("0.1", "0.2"))
    _, first, *rest = done.stdout.splitlines()
    assert first.endswith("attempts 2 → 3")
    assert not [line for line in rest if "parameter" in line or "code file" in line]
    assert rest[-1].startswith("~ code package: sha1 ")


def test_changes_stand_in_the_order_of_what_is_new() -> None:
    before = {"state": {"b": {"x": "1", "z": "1"}, "a": {}}, "old": {"gone": {"x": "1"}}}
    after = {"state": {"new": {}, "b": {"y": "2", "z": "1"}}}
    assert differences(before, after) == [
        Change("added", "state", "new"),
        Change("changed", "state", "b", "y", None, "2"),
        Change("changed", "state", "b", "x", "1", None),
        Change("removed", "state", "a"),
        Change("removed", "old", "gone"),
    ]
    assert differences(after, after) == []


def test_long_values_are_cut_and_few_things_are_named_one_by_one() -> None:
    changes = [Change("changed", "state", name, "image", "x" * 100, "") for name in "abc"]
    assert lines(changes)[0] == f'~ state a: image {"x" * 69}… → ""'
    assert len(lines(changes)) == 3
    assert lines([*changes, changes[0]._replace(name="d")]) == [f'~ state a, b, c and 1 more: image {"x" * 69}… → ""']


def test_documents_of_any_depth_are_flattened() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = {"a": [deep]}
    ((path, text),) = flattened(deep)
    assert (path.count("a[0]"), text) == (5000, "1")
