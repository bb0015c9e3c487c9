"""Tags in the sense of AWS: read, checked, put on what is deployed, and taken away again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lowered_programs import SETTINGS, definitions, line

from penstock.backends.step_functions.aws_tags import (
    machine_tags,
    outdated_tags,
    tag_set_problems,
    tags_of,
    unreadable_tags,
)

FLOW = """
from penstock import FlowSpec, step

class CostFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

Command = Callable[..., Any]
Aws = Callable[[str], Any]


def said(given: list[str] | None = None, defaults: str | None = None) -> list[str]:
    problems = [*unreadable_tags(given or [], defaults), *tag_set_problems(tags_of(given or [], defaults))]
    return [f"{problem.code}: {problem.message}" for problem in problems]


def test_tags_of_the_command_line_go_before_those_of_the_configuration() -> None:
    assert tags_of(["team=growth", "note=a=b", "empty="], '{"team": "all", "stage": "prod"}') == {
        "team": "growth",
        "stage": "prod",
        "note": "a=b",
        "empty": "",
    }
    assert said(["team=growth", "note=a=b", "empty="], '{"team": "all", "stage": "prod"}') == []


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("team", "P532: 'team' can't be a tag of AWS"),
        ("=growth", "P532: '' can't be the key of a tag of AWS"),
        ("a b=c", "P532: 'a b' can't be the key of a tag of AWS"),
        ("a,b=c", "P532: 'a,b' can't be the key of a tag of AWS"),
        ("AWS:team=c", "P532: 'AWS:team' can't be the key of a tag of AWS"),
        ("penstock:flow=c", "P532: 'penstock:flow' can't be the key of a tag of AWS"),
        (f"{'k' * 129}=c", f"P532: '{'k' * 129}' can't be the key of a tag of AWS"),
        ("a=b,c", "P532: 'b,c' can't be the value of the tag 'a'"),
        ("a=b\n", "P532: 'b\\n' can't be the value of the tag 'a'"),
        ("a=aws:b", "P532: 'aws:b' can't be the value of the tag 'a'"),
        (f"a={'v' * 257}", f"P532: '{'v' * 257}' can't be the value of the tag 'a'"),
    ],
)
def test_a_tag_that_aws_would_not_take_is_told(tag: str, message: str) -> None:
    assert said([tag]) == [message]


@pytest.mark.parametrize("tag", [f"{'k' * 128}={'v' * 256}", "größe=sehr groß", "a/b:c.d_e-f@g+h=i/j:k = l", "Aws=aws"])
def test_what_aws_takes_is_taken(tag: str) -> None:
    assert said([tag]) == []


def test_a_tag_has_one_value() -> None:
    assert said(["a=b", "a=c"]) == ["P532: the tag 'a' is given twice"]


@pytest.mark.parametrize("defaults", ["[]", "{", '"team"', '{"team": 1}', "team=growth"])
def test_tags_of_the_configuration_are_a_json_object_of_strings(defaults: str) -> None:
    assert said([], defaults) == ["P531: METAFLOW_BATCH_DEFAULT_TAGS is no JSON object of strings"]


def test_there_are_so_many_tags_and_no_more() -> None:
    assert said([f"{number}=x" for number in range(47)]) == []
    assert said([f"{number}=x" for number in range(48)]) == [
        "P532: there are 48 tags of AWS, a state machine takes 47 besides Penstock's own"
    ]
    assert said([f"{'k' * 85}{number}=x" for number in range(3)]) == [
        "P532: the keys of the tags of AWS have 260 characters in all, at most 256 fit"
    ]


def test_a_machine_says_which_tags_a_later_deployment_may_take_away() -> None:
    first = machine_tags("CostFlow", {"team": "growth", "stage": "prod"}, "nightly")
    assert first == {
        "team": "growth",
        "stage": "prod",
        "penstock:flow": "CostFlow",
        "penstock:schedule": "nightly",
        "penstock:tags": "stage team",
    }
    found = {**first, "owner": "somebody else"}
    assert outdated_tags(found, first) == []
    assert outdated_tags(found, machine_tags("CostFlow", {"team": "x"}, None)) == ["penstock:schedule", "stage"]
    assert outdated_tags(found, machine_tags("CostFlow", {}, None)) == [
        "penstock:schedule",
        "penstock:tags",
        "stage",
        "team",
    ]


def test_jobs_pass_the_tags_of_their_definition_on() -> None:
    (definition,) = definitions(line(1), replace(SETTINGS, aws_tags={"team": "growth", "a": "b"}))
    assert (definition["tags"], definition["propagateTags"]) == ({"a": "b", "team": "growth"}, True)
    (other,) = definitions(line(1), replace(SETTINGS, aws_tags={"team": "sales"}))
    (plain,) = definitions(line(1))
    assert "tags" not in plain
    assert len({each["jobDefinitionName"] for each in (definition, other, plain)}) == 3


def test_tags_are_put_on_what_is_deployed_and_taken_away_again(
    flow_file: Callable[[str, str], Path], command: Command, aws: Aws, tmp_path: Path
) -> None:
    flow_file(FLOW, "flow.py")

    def create(*arguments: str, **extra: str) -> str:
        done = command("flow.py", "step-functions", "create", *arguments, **extra)
        assert done.returncode == 0, done.stderr
        return str(done.stdout.split()[-1]) if done.stdout else ""

    def tags() -> dict[str, str]:
        (machine,) = aws("stepfunctions").list_state_machines()["stateMachines"]
        listed = aws("stepfunctions").list_tags_for_resource(resourceArn=machine["stateMachineArn"])["tags"]
        return {tag["key"]: tag["value"] for tag in listed}

    create("--aws-tag", "team=growth", "--aws-batch-tag", "stage=prod", "-o", "bundle")
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    assert manifest["tags"] == {"stage": "prod", "team": "growth"}
    assert create("--aws-tag", "team=growth", "--aws-batch-tag", "stage=prod") == "created"
    own = {"penstock:flow": "CostFlow", "penstock:tags": "stage team"}
    assert tags() == {"team": "growth", "stage": "prod", **own}
    (definition,) = aws("batch").describe_job_definitions()["jobDefinitions"]
    assert (definition["tags"], definition["propagateTags"]) == ({"team": "growth", "stage": "prod"}, True)
    assert create("--aws-tag", "stage=prod", METAFLOW_BATCH_DEFAULT_TAGS='{"team": "growth"}') == "unchanged"

    (machine,) = aws("stepfunctions").list_state_machines()["stateMachines"]
    foreign = [{"key": "owner", "value": "somebody else"}]
    aws("stepfunctions").tag_resource(resourceArn=machine["stateMachineArn"], tags=foreign)
    assert create("--aws-tag", "team=sales") == "updated"
    assert tags() == {"team": "sales", "owner": "somebody else", **own, "penstock:tags": "team"}
    assert create() == "updated"
    assert tags() == {"owner": "somebody else", "penstock:flow": "CostFlow"}
    assert create() == "unchanged"
