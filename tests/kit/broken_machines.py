"""A state machine with everything in it, and the ways to break it, each with what a validator must say."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

SUBMIT = "arn:aws:states:::batch:submitJob.sync"
LOST: Any = object()
"""Instead of a value: the field is taken away."""

GOOD: dict[str, Any] = {
    "Comment": "everything at once",
    "StartAt": "put",
    "TimeoutSeconds": 60,
    "States": {
        "put": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
            "Parameters": {
                "Bucket": "b",
                "Key.$": "States.Format('a/{}', $$.Execution.Name)",
                "Body.$": "$$.Execution.Input",
            },
            "ResultSelector": {"r.$": "States.Format('sfn-{}', $$.Execution.Name)", "p": ""},
            "Retry": [
                {
                    "ErrorEquals": ["S3.S3Exception"],
                    "IntervalSeconds": 2,
                    "BackoffRate": 2,
                    "MaxAttempts": 5,
                    "JitterStrategy": "FULL",
                },
                {"ErrorEquals": ["States.ALL"], "MaxAttempts": 1},
            ],
            "Next": "job",
        },
        "job": {
            "Type": "Task",
            "Resource": SUBMIT,
            "Parameters": {
                "JobName": "j",
                "JobDefinition": "d",
                "JobQueue": "q",
                "ContainerOverrides": {"Environment": [{"Name": "A", "Value.$": "$.r"}, {"Name": "B", "Value": "x"}]},
                "RetryStrategy": {"Attempts": 2},
            },
            "ResultPath": None,
            "TimeoutSeconds": 30,
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "give up"}],
            "Next": "which",
        },
        "which": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.next[0]", "StringEquals": "each", "Next": "each"},
                {
                    "And": [{"Variable": "$.n", "IsPresent": True}, {"Not": {"Variable": "$.n", "NumericEquals": 0}}],
                    "Next": "wait",
                },
            ],
            "Default": "both",
        },
        "wait": {"Type": "Wait", "Seconds": 1, "Next": "job"},
        "each": {
            "Type": "Map",
            "ItemsPath": "$.splits",
            "ItemSelector": {"p.$": "States.Format('{}/{}', $.p, $$.Map.Item.Value)"},
            "MaxConcurrency": 5,
            "ResultPath": None,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "inner",
                "States": {"inner": {"Type": "Pass", "End": True}},
            },
            "Next": "far",
        },
        "far": {
            "Type": "Map",
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}},
            "ToleratedFailurePercentage": 0.0,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "distant",
                "States": {"distant": {"Type": "Succeed"}},
            },
            "End": True,
        },
        "both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "left", "States": {"left": {"Type": "Pass", "Result": "$.plain text", "End": True}}},
                {"StartAt": "right", "States": {"right": {"Type": "Pass", "End": True}}},
            ],
            "ResultPath": None,
            "End": True,
        },
        "give up": {"Type": "Fail", "Error": "E", "Cause": "c"},
    },
}


@dataclass(frozen=True)
class Break:
    """The field at ``path`` below the states gets ``value``; the problem is told at ``where`` (else at that field)."""

    path: str
    value: Any
    message: str
    where: str = ""

    @property
    def place(self) -> str:
        """Where the problem is to be told."""
        return "States/" + (self.where or self.path)

    @property
    def name(self) -> str:
        """The field and what it becomes, in short."""
        return f"{self.path} {'taken away' if self.value is LOST else self.value}"[:60]

    def machine(self) -> dict[str, Any]:
        """The good machine, broken."""
        broken = copy.deepcopy(GOOD)
        at: Any = broken["States"]
        *outer, last = self.path.split("/")
        for key in outer:
            at = at[int(key)] if isinstance(at, list) else at[key]
        if self.value is LOST:
            del at[last]
        elif isinstance(at, list):
            at.insert(int(last), self.value)
        else:
            at[last] = self.value
        return broken


_KEY = "put/Parameters/Key.$"
_BODY = "put/Parameters/Body.$"
_LITERAL = "must end in `.$`"
_TWICE = {"StartAt": "job", "States": {"job": {"Type": "Succeed"}}}
_PROCESSOR = {"StartAt": "x", "States": {"x": {"Type": "Succeed"}}}

BROKEN = (
    Break("job/Next", "whihc", "'whihc' is not one of the states here"),
    Break("which/Default", "x", "'x' is not one of the states here"),
    Break("which/Choices/0/Next", "x", "'x' is not one of the states here"),
    Break("job/Catch/0/Next", "x", "'x' is not one of the states here"),
    Break("each/ItemProcessor/States/inner/Next", "both", "'both' is not one of the states here"),
    Break("which/Default", "wait", "no state leads here", "both"),
    Break("wait/Next", LOST, "either `Next` or", "wait"),
    Break("wait/End", True, "either `Next` or", "wait"),
    Break("far/End", False, "either `Next` or", "far"),
    Break("wait/Type", "Sleep", "'Sleep' is no type"),
    Break("wait/QueryLanguage", "JSONata", "only JSONPath is checked here"),
    Break("each/ItemProcessor/QueryLanguage", "JSONata", "only JSONPath is checked here"),
    Break("wait/Type", LOST, "None is no type"),
    Break("job/ResultsPath", None, "not a field of a Task state"),
    Break("wait/Branches", [], "not a field of a Wait state"),
    Break("x" * 81, {"Type": "Succeed"}, "the name has 81 characters, 80 are allowed"),
    Break("both/Branches/0", _TWICE, "stands for another state too", "both/Branches/0/States/job"),
    Break("both/Branches", [], "at least one branch"),
    Break("each/ItemProcessor/States", {}, "at least one state"),
    Break("each/ItemProcessor/StartAt", "x", "'x' is not one of the states"),
    Break("each/ItemProcessor", LOST, "one `ItemProcessor`", "each"),
    Break("each/Iterator", _PROCESSOR, "one `ItemProcessor`", "each"),
    Break("each/ItemProcessor/ProcessorConfig/Mode", "WIDE", "neither INLINE nor DISTRIBUTED"),
    Break("far/ItemProcessor/ProcessorConfig", {"Mode": "DISTRIBUTED"}, "needs an `ExecutionType`"),
    Break("each/ItemReader", {}, "only a distributed Map"),
    Break("each/MaxConcurrency", -1, "a number from 0"),
    Break("which/Choices", [], "at least one rule"),
    Break("which/Choices/0/StringEquals", LOST, "exactly one comparison", "which/Choices/0"),
    Break("which/Choices/0/IsNull", True, "exactly one comparison", "which/Choices/0"),
    Break("which/Choices/1/And/0/Variable", LOST, "a path is needed"),
    Break("job/Catch/0/ErrorEquals", [], "at least one error name"),
    Break("put/Retry/0", {"ErrorEquals": ["States.ALL"]}, "in the last entry", "put/Retry/0/ErrorEquals"),
    Break("put/Retry/1/ErrorEquals", ["States.ALL", "X"], "stands alone"),
    Break("job/Catch/0/ErrorEquals", ["States.TaskFail"], "no error of Step Functions"),
    Break("put/Retry", {}, "a list is needed"),
    Break("put/Retry/0/BackoffRate", 0.5, "a number from 1"),
    Break("put/Retry/0/MaxAttempt", 1, "not a field of a retrier"),
    Break("put/Retry/0/JitterStrategy", "HALF", "either FULL or NONE"),
    Break("job/Parameters/JobName", "$.name", _LITERAL),
    Break("job/Parameters/JobName", "$$.Execution.Name", _LITERAL),
    Break("put/ResultSelector/p", "States.UUID()", _LITERAL),
    Break("job/Parameters/ContainerOverrides/Environment/0/Name", "$.p", _LITERAL),
    Break("put/ResultSelector/p.$", "text", "neither a path nor a call"),
    Break("put/ResultSelector/p.$", 1, "is needed, not 1"),
    Break("far/ItemsPath", "$.[0]", "'$.[0]' is not a path"),
    Break("each/ItemsPath", "splits", "'splits' is not a path"),
    Break("each/ItemsPath", "$.a['b", "is not a path"),
    Break("job/ResultPath", "$.a[*]", "does not name one place"),
    Break("job/ResultPath", "$$.Execution", "does not name one place"),
    Break(_BODY, "$$.Execution.Inputs", "not in the context object"),
    Break(_BODY, "$$.Executions.Input", "not in the context object"),
    Break(_BODY, "$$.Map.Item.Value", "item selector of a Map only"),
    Break(_BODY, "$$.Task.Token", "wait for their token only"),
    Break(_KEY, "States.Format('{}', $$.Execution.Nam)", "not in the context object"),
    Break(_KEY, "States.Fmt('{}', $.a)", "no intrinsic function"),
    Break(_KEY, "States.StringToJson($.a, $.b)", "does not take 2 arguments"),
    Break(_KEY, "States.Format('{}{}', $.a)", "2 places for 1 values"),
    Break(_KEY, "States.Format('{0}', $.a)", "neither `{}` nor escaped"),
    Break(_KEY, "States.Format('{}, $.a)", "neither a path nor a call"),
    Break(_KEY, "States.Format('{}', $.a", "neither a path nor a call"),
    Break(_KEY, "States.Format('{}' $.a)", "a comma is missing"),
    Break(_KEY, "States.Format('{}', )", "an argument is missing"),
    Break(_KEY, "States.Format('{}', , $.a)", "an argument is missing"),
    Break(_KEY, "States.UUID() $.x", "is left over"),
    Break(_KEY, "States.UUID() x", "neither a path nor a call"),
    Break(_KEY, "States.Array(" * 11 + ")" * 11, "more than 10 functions inside each other"),
    Break("job/Resource", LOST, "no resource of a task"),
    Break("job/Resource", "arn:aws:states:::batch", "no resource of a task"),
    Break("job/Resource", "arn:aws:states:::btach:submitJob", "no operation"),
    Break("job/Resource", "arn:aws:states:::batch:submitJobs.sync", "no operation 'submitJobs'"),
    Break("job/Resource", "arn:aws:states:::batch:SubmitJob.sync", "a small letter"),
    Break("put/Resource", "arn:aws:states:::aws-sdk:s3:putObject.sync", "has no `.sync`"),
    Break("job/Parameters/jobName", "j", "not a field of SubmitJobRequest"),
    Break("job/Parameters/JobQueue", LOST, "the field JobQueue is missing", "job/Parameters"),
    Break("job/Parameters/Queue", "q", "not a field of SubmitJobRequest"),
    Break("job/Parameters/ContainerOverrides/Env", [], "not a field of ContainerOverrides"),
    Break("job/Parameters/RetryStrategy/Attempts", "two", "Invalid type"),
    Break("job/Parameters/ContainerOverrides/Environment", {"A": "x"}, "a list is needed"),
    Break("job/Parameters/RetryStrategy", "twice", "a structure is needed"),
    Break("put/Parameters/ACL", "everybody", "'everybody' is none of"),
)
"""One mistake each."""
