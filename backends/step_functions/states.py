"""The states of a compiled machine, one function each.

The state of an execution is ``{r, p}``: the run id and the path of what runs next.  Every state passes it on, and the
record of a step that opens a foreach, chooses or moves in a loop takes its place: it has these two, ``splits`` and
``next``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.backends.step_functions.jobs import Job
from penstock.backends.step_functions.names import job_name
from penstock.backends.step_functions.settings import StepFunctionsSettings
from penstock.runtime_shim.records import input_key

RUN_ID_PREFIX = "sfn-"

_RETRY_OF_JOBS = [
    # Batch itself hiccups (throttling, a 5xx of SubmitJob); a job that failed is another error and is not run again
    # here. The delay doubles from 2 seconds: BackoffRate is 2.0 where it is left out.
    {"ErrorEquals": ["Batch.AWSBatchException"], "IntervalSeconds": 2, "MaxAttempts": 10, "JitterStrategy": "FULL"}
]
_RETRY_OF_OBJECTS = [
    # With what holds where nothing is said: 3 attempts, after 1, 2 and 4 seconds.
    {"ErrorEquals": ["States.TaskFailed"]}
]


def put_input(flow: str, settings: StepFunctionsSettings) -> dict[str, Any]:
    """The first state: stores the execution's input for the start task, and gives the state its run id and path.

    The only state that reads ``$$.Execution``.
    """
    key = settings.key_prefix + input_key(flow, RUN_ID_PREFIX + "{}")
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Parameters": {
            "Bucket": settings.bucket,
            "Key.$": f"States.Format('{key}', $$.Execution.Name)",
            "Body.$": "$$.Execution.Input",
        },
        "ResultSelector": {"r.$": f"States.Format('{RUN_ID_PREFIX}{{}}', $$.Execution.Name)", "p": ""},
        "Retry": _RETRY_OF_OBJECTS,
    }


def job(flow: str, step: str, definition: str, job: Job, variables: Mapping[str, str]) -> dict[str, Any]:
    """A step: one Batch job.  ``variables`` are those of its environment that only this step has."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::batch:submitJob.sync",
        "Parameters": {
            "JobName": job_name(flow, step),
            "JobDefinition": definition,
            "JobQueue": job.queue,
            "ContainerOverrides": overrides(step, variables),
            **job.parameters,
        },
        "ResultPath": None,
        "Retry": _RETRY_OF_JOBS,
    }


def overrides(step: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """What of a job is not in its definition."""
    environment = [
        {"Name": "PENSTOCK_STEP", "Value": step},
        {"Name": "PENSTOCK_RUN", "Value.$": "$.r"},
        {"Name": "PENSTOCK_PATH", "Value.$": "$.p"},
    ]
    environment += [{"Name": name, "Value": value} for name, value in variables.items()]
    return {"Environment": environment}


def read_record(flow: str, step: str, settings: StepFunctionsSettings) -> dict[str, Any]:
    """After a step that says how to go on: its record becomes the state."""
    key = f"{settings.key_prefix}{flow}/{{}}/_record/{step}{{}}.json"
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": settings.bucket, "Key.$": f"States.Format('{key}', $.r, $.p)"},
        "ResultSelector": {"s.$": "States.StringToJson($.Body)"},
        "OutputPath": "$.s",
        "Retry": _RETRY_OF_OBJECTS,
    }


def foreach(settings: StepFunctionsSettings) -> dict[str, Any]:
    """A Map over the splits, without its ``ItemProcessor``; results are thrown away, the state passes through."""
    return {
        "Type": "Map",
        "ItemsPath": "$.splits",
        "ItemSelector": {"r.$": "$.r", "p.$": "States.Format('{}/{}', $.p, $$.Map.Item.Value)"},
        "MaxConcurrency": settings.max_workers,
        "ResultPath": None,
    }


def distributed_foreach(flow: str, opener: str, settings: StepFunctionsSettings) -> dict[str, Any]:
    """A Distributed Map over the splits in an object: each iteration is an execution with a history of its own."""
    key = f"{settings.key_prefix}{flow}/{{}}/_record/{opener}{{}}.splits.json"
    mapped = foreach(settings)
    del mapped["ItemsPath"]
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": settings.bucket, "Key.$": f"States.Format('{key}', $.r, $.p)"},
    }
    return {**mapped, "ItemReader": reader}


def choice(states: Mapping[str, str]) -> dict[str, Any]:
    """Goes to the state of the step that the record names, ``states`` by step.

    Without a default: a record that names no other step than these fails the execution.
    """
    rules = [{"Variable": "$.next[0]", "StringEquals": step, "Next": state} for step, state in states.items()]
    return {"Type": "Choice", "Choices": rules}


def done() -> dict[str, Any]:
    """The end of a branch or iteration, for a choice, which can't end one itself."""
    return {"Type": "Succeed"}


def parallel() -> dict[str, Any]:
    """A Parallel, without its ``Branches``; results are thrown away, the state passes through."""
    return {"Type": "Parallel", "ResultPath": None}
