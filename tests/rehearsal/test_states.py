"""The interpreter behaves as AWS documents it, where moto alone does not: each test fails without its mend."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from machine_rig import BUCKET, Rig

from penstock.backends.step_functions.rehearsal.engine import Engine

pytestmark = pytest.mark.slow

GET = "arn:aws:states:::aws-sdk:s3:getObject"


def passing(**parameters: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Parameters": parameters, "End": True}


def failing(error: str) -> dict[str, Any]:
    return {"Type": "Fail", "Error": error, "Cause": "on purpose"}


def test_a_definite_path_gives_the_value_and_any_other_a_list(rig: Rig) -> None:
    states = {"p": passing(**{"one.$": "$.a[0].b", "all.$": "$.a[*].b", "deep.$": "$..b", "none.$": "$.a[?(@.b > 9)]"})}
    assert rig.run_states(states, {"a": [{"b": 1}]}).output == {"one": 1, "all": [1], "deep": [1], "none": []}


def test_a_definite_path_that_leads_nowhere_fails_the_execution(rig: Rig) -> None:
    ended = rig.run_states({"p": passing(**{"x.$": "$.nothing"})}, {"a": 1})
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    assert "$.nothing" in (ended.cause or "")


def test_the_start_time_of_an_execution_is_text(rig: Rig) -> None:
    output = rig.run_states({"p": passing(**{"at.$": "$$.Execution.StartTime"})}).output
    assert time.strptime(output["at"], "%Y-%m-%dT%H:%M:%S.%fZ")


def test_format_fills_places_and_takes_nothing_else_for_one(rig: Rig) -> None:
    template = r"States.Format('\{{}\} {} \'', $.a, $.b)"
    assert rig.run_states({"p": passing(**{"x.$": template})}, {"a": "{0!r}", "b": 1}).output == {"x": "{{0!r}} 1 '"}


def test_a_backslash_in_a_function_stands_for_what_follows(rig: Rig) -> None:
    states = {"p": passing(**{"x.$": r"States.Array('it\'s', 'a\\b', '\{\}')"})}
    assert rig.run_states(states).output == {"x": ["it's", r"a\b", "{}"]}


def test_texts_of_a_definition_are_json(rig: Rig) -> None:
    states = {
        "Wört 🌊": {"Type": "Pass", "Result": {"key": '水 🌊 " \\'}, "Next": "p"},
        "p": passing(**{"x.$": "States.Format('é 🌊 {}', $.key)", "y": '🌊 \n "'}),
    }
    assert rig.run_states(states).output == {"x": 'é 🌊 水 🌊 " \\', "y": '🌊 \n "'}


def test_an_object_is_read_as_text_and_parsed(rig: Rig) -> None:
    rig.put("read/record.json", '{"r": "sfn-1", "splits": [0, 1]}')
    state = {
        "Type": "Task",
        "Resource": GET,
        "Parameters": {"Bucket": BUCKET, "Key": "read/record.json"},
        "ResultSelector": {"it.$": "States.StringToJson($.Body)"},
        "OutputPath": "$.it",
        "End": True,
    }
    assert rig.run_states({"get": state}).output == {"r": "sfn-1", "splits": [0, 1]}


def test_a_whole_result_of_a_service_is_plain_json(rig: Rig) -> None:
    rig.put("read/plain", "x")
    state = {"Type": "Task", "Resource": GET, "Parameters": {"Bucket": BUCKET, "Key": "read/plain"}, "End": True}
    output = rig.run_states({"get": state}).output
    assert output["Body"] == "x"
    assert output["ContentLength"] == 1
    assert time.strptime(output["LastModified"], "%Y-%m-%dT%H:%M:%SZ")


def test_an_object_written_by_a_state_is_its_json(rig: Rig) -> None:
    given = {"text": "$(touch x) \"quoted\" 'twice' \\ \n {} 水 🌊", "n": [1, None, 1.5]}
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Parameters": {"Bucket": BUCKET, "Key": "written", "Body.$": "$$.Execution.Input"},
        "ResultSelector": {"name.$": "$$.Execution.Name"},
        "End": True,
    }
    ended = rig.run_states({"put": state}, given)
    assert json.loads(rig.get("written")) == given
    assert ended.output == {"name": ended.arn.rpartition(":")[2]}


def test_errors_of_services_carry_the_name_aws_gives_them(rig: Rig) -> None:
    state = {"Type": "Task", "Resource": GET, "Parameters": {"Bucket": BUCKET, "Key": "no/such"}, "End": True}
    assert rig.run_states({"get": state}).error == "S3.NoSuchKeyException"


@pytest.mark.parametrize(
    ("error", "caught"),
    [("States.TaskFailed", True), ("Mine", True), ("States.Timeout", True), ("States.Runtime", False)],
)
def test_states_all_around_a_map_catches_what_is_not_terminal(rig: Rig, error: str, caught: bool) -> None:
    item = {"StartAt": "f", "States": {"f": failing(error)}}
    states = {
        "map": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **item},
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "caught"}],
            "End": True,
        },
        "caught": {"Type": "Pass", "OutputPath": "$.error.Error", "End": True},
    }
    ended = rig.run_states(states, {"items": [1]})
    assert (ended.status == "SUCCEEDED") is caught
    assert (ended.output if caught else ended.error) == error


@pytest.mark.parametrize(("error", "caught"), [("States.TaskFailed", True), ("Mine", True), ("States.Timeout", False)])
def test_task_failed_around_a_parallel_stands_for_every_error_but_timeouts(rig: Rig, error: str, caught: bool) -> None:
    states = {
        "both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "bad", "States": {"bad": failing(error)}},
                {"StartAt": "good", "States": {"good": passing(x=1)}},
            ],
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "caught"}],
            "End": True,
        },
        "caught": passing(x="caught"),
    }
    ended = rig.run_states(states)
    assert (ended.status, ended.error) == (("SUCCEEDED", None) if caught else ("FAILED", error))


def test_a_choice_without_a_match_has_an_error_of_its_own(rig: Rig) -> None:
    states = {
        "which": {"Type": "Choice", "Choices": [{"Variable": "$.next[0]", "StringEquals": "a", "Next": "a"}]},
        "a": passing(x=1),
    }
    assert rig.run_states(states, {"next": ["a"]}).output == {"x": 1}
    assert rig.run_states(states, {"next": ["b"]}).error == "States.NoChoiceMatched"


def test_a_map_keeps_order_and_passes_its_input_through(rig: Rig) -> None:
    states = {
        "each": {
            "Type": "Map",
            "ItemsPath": "$.splits",
            "ItemSelector": {"p.$": "States.Format('{}/{}', $.p, $$.Map.Item.Value)", "i.$": "$$.Map.Item.Index"},
            "MaxConcurrency": 3,
            "ResultPath": "$.out",
            "ItemProcessor": {"StartAt": "q", "States": {"q": {"Type": "Pass", "End": True}}},
            "End": True,
        }
    }
    output = rig.run_states(states, {"p": "/1", "splits": list(range(7, 17))}).output
    assert output["p"] == "/1"
    assert output["out"] == [{"p": f"/1/{7 + index}", "i": index} for index in range(10)]


def test_a_map_over_nothing_succeeds(rig: Rig) -> None:
    processor = {"StartAt": "q", "States": {"q": failing("Never")}}
    states = {
        "each": {"Type": "Map", "ItemsPath": "$.none", "ItemProcessor": processor, "ResultPath": None, "End": True}
    }
    assert rig.run_states(states, {"none": []}).output == {"none": []}


def test_one_worker_goes_through_more_items_than_python_recurses(rig: Rig) -> None:
    processor = {"StartAt": "q", "States": {"q": {"Type": "Pass", "End": True}}}
    each = {
        "Type": "Map",
        "ItemsPath": "$.n",
        "ItemProcessor": processor,
        "MaxConcurrency": 1,
        "ResultPath": "$.n",
        "End": True,
    }
    numbers = list(range(1100))
    assert rig.run_states({"each": each}, {"n": numbers}).output == {"n": numbers}


def distributed(processor: dict[str, Any], **more: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return {
        "Type": "Map",
        "MaxConcurrency": 4,
        "ItemProcessor": {"ProcessorConfig": config, **processor},
        **more,
    }


def test_children_of_a_distributed_map_are_executions_of_their_own(rig: Rig) -> None:
    rig.put("splits.json", json.dumps([3, 5]))
    own = {"StartAt": "q", "States": {"q": passing(**{"input.$": "$$.Execution.Input", "id.$": "$$.Execution.Id"})}}
    each = distributed(
        own,
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket": BUCKET, "Key": "splits.json"},
        },
        ItemSelector={"parent.$": "$$.Execution.Id", "v.$": "$$.Map.Item.Value", "r.$": "$.r"},
        End=True,
    )
    ended = rig.run_states({"each": each}, {"r": "sfn-1"})
    assert [child["input"] for child in ended.output] == [
        {"parent": ended.arn, "v": value, "r": "sfn-1"} for value in (3, 5)
    ]
    assert len({child["id"] for child in ended.output} | {ended.arn}) == 3


@pytest.mark.parametrize(("tolerated", "status"), [(0.0, "FAILED"), (20.0, "FAILED"), (25.0, "SUCCEEDED")])
def test_a_distributed_map_fails_when_more_items_failed_than_are_tolerated(
    rig: Rig, tolerated: float, status: str
) -> None:
    rules = [{"Variable": "$.v", "NumericEquals": 2, "Next": "bad"}]
    states = {
        "which": {"Type": "Choice", "Choices": rules, "Default": "good"},
        "bad": failing("Mine"),
        "good": {"Type": "Succeed"},
    }
    each = distributed(
        {"StartAt": "which", "States": states},
        ItemsPath="$.n",
        ItemSelector={"v.$": "$$.Map.Item.Value"},
        ToleratedFailurePercentage=tolerated,
        End=True,
    )
    ended = rig.run_states({"each": each}, {"n": [1, 2, 3, 4]})
    assert ended.status == status
    assert ended.error == ("States.ExceedToleratedFailureThreshold" if status == "FAILED" else None)


@pytest.mark.parametrize(("added", "error"), [("ab", None), ("abc", "States.DataLimitExceeded")])
def test_a_payload_has_256_kb_and_not_one_byte_more(rig: Rig, added: str, error: str | None) -> None:
    text = "x" * (262_144 - len('{"x":""}') - 2)
    assert rig.run_states({"p": passing(**{"x.$": f"States.Format('{{}}{added}', $.x)"})}, {"x": text}).error == error


def test_a_payload_is_counted_in_utf_8(rig: Rig) -> None:
    given = {"x": "ü" * 20_000}
    states = {"p": passing(**{"a.$": "$.x", "b.$": "$.x", "c.$": "$.x", "d.$": "$.x"})}  # 160 KB, 480 KB with escapes
    assert rig.run_states(states, given).output == dict.fromkeys("abcd", given["x"])


def test_nothing_catches_a_result_that_is_too_large(rig: Rig) -> None:
    rig.put("payload", "x" * 262_145)
    state = {
        "Type": "Task",
        "Resource": GET,
        "Parameters": {"Bucket": BUCKET, "Key": "payload"},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "caught"}],
        "End": True,
    }
    assert rig.run_states({"get": state, "caught": passing(x=1)}).error == "States.DataLimitExceeded"


def test_a_definition_above_one_megabyte_is_refused(rig: Rig) -> None:
    machine = {"Comment": "x" * 1_048_576, "StartAt": "p", "States": {"p": passing(x=1)}}
    with pytest.raises(ClientError, match="1,048,576 are allowed"):
        rig.start(machine)


def test_a_definition_with_a_missing_target_is_refused(rig: Rig) -> None:
    with pytest.raises(ClientError, match=r"InvalidDefinition.*'nowhere' is not one of the states"):
        rig.start({"StartAt": "p", "States": {"p": {"Type": "Pass", "Next": "nowhere"}}})


@pytest.mark.parametrize("name", ["a" * 81, "with space", "semi;colon", "sla/sh"])
def test_names_of_executions_are_checked(rig: Rig, name: str) -> None:
    with pytest.raises(ClientError, match="InvalidName"):
        rig.start({"StartAt": "p", "States": {"p": passing(x=1)}}, name=name)


def test_executions_without_a_name_get_one_each(rig: Rig) -> None:
    client = rig.engine.client("stepfunctions")
    machine = client.describe_execution(executionArn=rig.run_states({"p": passing(x=1)}).arn)["stateMachineArn"]
    started = [client.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(2)]
    assert len(set(started)) == 2
    assert [rig.ended(arn).status for arn in started] == ["SUCCEEDED"] * 2


def test_input_above_256_kb_is_refused(rig: Rig) -> None:
    with pytest.raises(ClientError, match="InvalidExecutionInput"):
        rig.start({"StartAt": "p", "States": {"p": passing(x=1)}}, {"x": "y" * 262_144})


def test_an_execution_whose_history_is_full_fails_and_nothing_catches_it() -> None:
    states = {
        "again": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "which"},
        "which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThan": 60, "Next": "again"}],
            "Default": "done",
        },
        "done": {"Type": "Succeed"},
    }
    around = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "again", "States": states}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "caught"}],
        "End": True,
    }
    machine = {"StartAt": "around", "States": {"around": around, "caught": passing(x=1)}}
    with Engine(history_limit=100) as engine:
        rig = Rig(engine)
        ended = rig.run(machine, {"n": 0})
        assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
        assert ended.cause == "The execution reached the maximum number of history events (100)."
        history = engine.client("stepfunctions").get_execution_history(executionArn=ended.arn)["events"]
        assert len(history) == 100
        assert rig.run(machine, {"n": 40}).status == "SUCCEEDED"
        children = distributed({"StartAt": "again", "States": states}, ItemsPath="$.all", ResultPath=None, End=True)
        assert rig.run_states({"each": children}, {"all": [{"n": 40}] * 4}).status == "SUCCEEDED"
