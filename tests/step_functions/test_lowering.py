"""A program becomes a state machine: its plumbing, its names, its size."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lowered_programs import SETTINGS, all_states, definitions, line, machine, nested, order, program

from penstock.backends.step_functions.lowering import STATE_MACHINE, lower
from penstock.compiler.program import Branches, Each, Program, Region, Run

DIAMOND_BRANCHES = (Region((Run("a"), Run("a2"))), Region((Run("b"),)))
DIAMOND = (Run("start"), Branches("start", DIAMOND_BRANCHES, "join"), Run("join"))
FOREACH = (Run("start"), Each("start", Region((Run("body"),)), "join"), Run("join"))


def test_the_first_state_stores_the_input_and_makes_the_run_id() -> None:
    first = machine(line(2))["States"]["put input"]
    assert first["Resource"] == "arn:aws:states:::aws-sdk:s3:putObject"
    assert first["Parameters"] == {
        "Bucket": "bucket",
        "Key.$": "States.Format('metaflow/TestFlow/sfn-{}/_input.json', $$.Execution.Name)",
        "Body.$": "$$.Execution.Input",
    }
    assert first["ResultSelector"] == {"r.$": "States.Format('sfn-{}', $$.Execution.Name)", "p": ""}
    assert "ResultPath" not in first  # run id and path are the state from here on


def test_a_root_without_a_prefix_gives_keys_without_one() -> None:
    states = machine(program(*FOREACH), replace(SETTINGS, datastore_root="s3://bucket"))["States"]
    assert states["put input"]["Parameters"]["Key.$"].startswith("States.Format('TestFlow/sfn-{}/")
    assert states["start splits"]["Parameters"]["Key.$"].startswith("States.Format('TestFlow/{}/_record/start{}")


def test_a_step_is_a_job_that_leaves_the_state_as_it_is() -> None:
    state = machine(line(2))["States"]["step_0"]
    assert state["Resource"] == "arn:aws:states:::batch:submitJob.sync"
    assert state["ResultPath"] is None
    assert state["Next"] == "step_1"
    assert state["Parameters"] == {
        "JobName": "TestFlow-step_0",
        "JobDefinition": definitions(line(2))[0]["jobDefinitionName"],
        "JobQueue": SETTINGS.job_queue,
        "ContainerOverrides": {
            "Environment": [
                {"Name": "PENSTOCK_STEP", "Value": "step_0"},
                {"Name": "PENSTOCK_RUN", "Value.$": "$.r"},
                {"Name": "PENSTOCK_PATH", "Value.$": "$.p"},
            ]
        },
    }
    assert state["Retry"] == [
        {"ErrorEquals": ["Batch.AWSBatchException"], "IntervalSeconds": 2, "MaxAttempts": 10, "JitterStrategy": "FULL"}
    ]


def test_a_foreach_reads_its_record_and_maps_over_the_splits() -> None:
    document = machine(program(*FOREACH))
    assert order(document) == ["put input", "start", "start splits", "start foreach", "join"]
    read, mapped = document["States"]["start splits"], document["States"]["start foreach"]
    assert read["Parameters"] == {
        "Bucket": "bucket",
        "Key.$": "States.Format('metaflow/TestFlow/{}/_record/start{}.json', $.r, $.p)",
    }
    assert read["ResultSelector"] == {"s.$": "States.StringToJson($.Body)"}
    assert read["OutputPath"] == "$.s"
    assert mapped["ItemsPath"] == "$.splits"
    assert mapped["ItemSelector"] == {"r.$": "$.r", "p.$": "States.Format('{}/{}', $.p, $$.Map.Item.Value)"}
    assert mapped["ResultPath"] is None
    assert mapped["MaxConcurrency"] == 100
    assert order(mapped["ItemProcessor"]) == ["body"]


def test_branches_run_side_by_side_in_declaration_order() -> None:
    document = machine(program(*DIAMOND))
    assert order(document) == ["put input", "start", "start branches", "join"]
    parallel = document["States"]["start branches"]
    assert parallel["ResultPath"] is None
    assert [order(branch) for branch in parallel["Branches"]] == [["a", "a2"], ["b"]]


def test_a_split_whose_branches_end_in_an_outer_join_ends_its_branch() -> None:
    inner = Branches("b", (Region((Run("x"),)), Region((Run("y"),))), None)
    outer = Branches("start", (Region((Run("a"),)), Region((Run("b"), inner))), "join")
    parallel = machine(program(Run("start"), outer, Run("join")))["States"]["start branches"]
    assert order(parallel["Branches"][1]) == ["b", "b branches"]
    assert [order(branch) for branch in parallel["Branches"][1]["States"]["b branches"]["Branches"]] == [["x"], ["y"]]


def test_options_reach_the_document() -> None:
    document = machine(program(*FOREACH), replace(SETTINGS, max_workers=7, workflow_timeout=3600))
    assert document["TimeoutSeconds"] == 3600
    assert document["States"]["start foreach"]["MaxConcurrency"] == 7
    assert "TimeoutSeconds" not in machine(line(1))


def test_the_execution_is_looked_at_in_the_first_state_only() -> None:
    document = machine(program(*FOREACH))
    rest = {name: state for name, state, _ in all_states(document) if name != "put input"}
    assert "$$.Execution" not in json.dumps(rest)


def test_200_nested_foreach_are_written_without_recursion() -> None:
    document = machine(nested(200))
    assert sum(1 for _ in all_states(document)) == 1 + 2 + 4 * 200 + 1


@pytest.mark.parametrize("count", [500, 10_000])
def test_a_long_line_stays_compact(count: int) -> None:
    size = len(lower(line(count), SETTINGS).files[STATE_MACHINE])
    assert size <= 620 * count
    assert count != 500 or size <= 450_000


@pytest.mark.parametrize("of", [line(2), program(*DIAMOND, Run("end")), nested(1), nested(3), nested(200)])
def test_a_document_has_at_most_900_bytes_a_step(of: Program) -> None:
    text = lower(of, SETTINGS).files[STATE_MACHINE]
    jobs = [name for name, state, _ in all_states(json.loads(text)) if "submitJob" in state.get("Resource", "")]
    assert len(text) <= 900 * len(jobs)


def test_overrides_stay_under_one_kilobyte() -> None:
    long_name = "s" * 80
    states = machine(program(Run(long_name), Each(long_name, Region((Run("body"),)), "join"), Run("join")))["States"]
    assert len(json.dumps(states[long_name]["Parameters"]["ContainerOverrides"])) < 1024


def test_every_name_is_unique_and_has_at_most_80_characters() -> None:
    names = [f"{'s' * 75}_{number:04}" for number in range(4)]
    items: list[Run | Each] = []
    for name in names:
        items += [Run(name), Each(name, Region((Run(f"in_{name[-4:]}"),)), f"j_{name[-4:]}"), Run(f"j_{name[-4:]}")]
    states = list(all_states(machine(program(*items, name="F" * 128))))
    assert len({name for name, _, _ in states}) == len(states) == 1 + 5 * 4
    assert max(len(name) for name, _, _ in states) == 80
    jobs = [state["Parameters"]["JobName"] for _, state, _ in states if "JobName" in state.get("Parameters", {})]
    assert len(set(jobs)) == len(jobs)
    assert max(map(len, jobs)) <= 80


def test_a_flow_name_that_batch_does_not_take_is_told_apart_by_a_hash() -> None:
    names = [definitions(program(Run("start"), name=name))[0]["jobDefinitionName"] for name in ("Fl.w", "Fl=w")]
    assert names[0].startswith("penstock-Fl_w-")
    assert names[1].startswith("penstock-Fl_w-")
    assert names[0] != names[1]


def events(of: Program) -> dict[str, int]:
    found = {}
    for name, state, _ in all_states(machine(of)):
        if "ContainerOverrides" in state.get("Parameters", {}):
            env = {e["Name"]: e.get("Value") for e in state["Parameters"]["ContainerOverrides"]["Environment"]}
            if "PENSTOCK_EVENTS_PER_SPLIT" in env:
                found[name] = int(str(env["PENSTOCK_EVENTS_PER_SPLIT"]).partition("+")[0])
    return found


def test_openers_know_the_events_of_one_split() -> None:
    """2 an iteration, 6 a job, 5 a read, 4 a Map or a Parallel; inner iterations are their own opener's."""
    assert events(program(*FOREACH)) == {"start": 2 + 6}
    assert events(nested(2)) == {"open_0": 2 + 6 + 5 + 4 + 6, "open_1": 2 + 6}
    branches = Each("start", Region((Run("s"), Branches("s", DIAMOND_BRANCHES, "k"), Run("k"))), "join")
    assert events(program(Run("start"), branches, Run("join"))) == {"start": 2 + 6 + 4 + 3 * 6 + 6}
    assert events(line(3)) == {}


def test_a_job_definition_stands_once_and_is_named_by_its_content() -> None:
    (definition,) = definitions(line(3))
    again = definitions(nested(2))
    assert [definition] == again
    other = definitions(line(3), replace(SETTINGS, package_sha="cd" * 20))[0]
    assert other["jobDefinitionName"] != definition["jobDefinitionName"]
    assert definition["jobDefinitionName"].startswith("penstock-TestFlow-")
    container = definition["containerProperties"]
    assert container["command"][:2] == ["python", "-c"]
    assert container["jobRoleArn"] == SETTINGS.job_role
    assert container["resourceRequirements"] == [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "4096"}]
    assert definition["retryStrategy"] == {"attempts": 1}


def test_a_job_definition_holds_the_configuration_and_nothing_else() -> None:
    settings = replace(
        SETTINGS, config={"METAFLOW_AWS_S3_REGION": "eu-west-1"}, tags=("a b", 'q"'), user="ada", namespace="user:ada"
    )
    container = definitions(line(1), settings)[0]["containerProperties"]
    assert {entry["name"]: entry["value"] for entry in container["environment"]} == {
        "METAFLOW_AWS_S3_REGION": "eu-west-1",
        "METAFLOW_USER": "ada",
        "PENSTOCK_ENTRY": '["flow.py"]',
        "PENSTOCK_FLOW": "TestFlow",
        "PENSTOCK_IMAGE": "python:3.11",
        "PENSTOCK_NAMESPACE": "user:ada",
        "PENSTOCK_PACKAGE": "ab" * 20,
        "PENSTOCK_ROOT": "s3://bucket/metaflow",
        "PENSTOCK_TAGS": '["a b","q\\""]',
    }


def test_a_state_stands_on_a_line_of_its_own() -> None:
    text = lower(program(*DIAMOND), SETTINGS).files[STATE_MACHINE].decode()
    assert [text_line.split('"')[1] for text_line in text.splitlines()[1:]] == [
        "put input", "start", "start branches", "a", "a2", "b", "join",
    ]  # fmt: skip
