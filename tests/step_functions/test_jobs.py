"""What decorators make of a step's job: how often it is tried, when it is ended, what it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lowered_programs import SETTINGS, SPAN, definitions, machine

from penstock.backends.step_functions.jobs import job_problems
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.program import Program, Region, Run
from penstock.compiler.render import render_text
from penstock.compiler.steps import Decorator, Goto, Step, Stop

ROLE = "arn:aws:iam::123456789012:role/other"


def decorated(*decorators: Decorator) -> Program:
    """A plain step `start`, and `end` with the decorators."""
    steps = [Step("start", Goto("end"), False, SPAN, SPAN), Step("end", Stop(), False, SPAN, SPAN, decorators)]
    return Program(FlowGraph("TestFlow", steps, span=SPAN), Region((Run("start"), Run("end"))))


def parameters(*decorators: Decorator) -> dict[str, Any]:
    found: dict[str, Any] = machine(decorated(*decorators))["States"]["end"]["Parameters"]
    return found


def retried(of: dict[str, Any]) -> str | None:
    environment = of["ContainerOverrides"]["Environment"]
    return next((e["Value"] for e in environment if e["Name"] == "PENSTOCK_MAX_USER_CODE_RETRIES"), None)


def test_a_plain_step_is_tried_once_for_as_long_as_it_takes() -> None:
    plain = machine(decorated())["States"]["start"]["Parameters"]
    assert plain.keys() == {"JobName", "JobDefinition", "JobQueue", "ContainerOverrides"}
    assert retried(plain) is None


def test_retries_are_batch_attempts_which_know_what_not_to_try_again() -> None:
    found = parameters(Decorator("retry", {"times": 2}))
    assert found["RetryStrategy"] == {"Attempts": 3, "EvaluateOnExit": [{"OnExitCode": "202", "Action": "EXIT"}]}
    assert retried(found) == "2"


def test_a_retry_for_the_platform_leaves_the_code_of_the_user_alone() -> None:
    found = parameters(Decorator("retry", {"times": "1", "on": "platform"}))
    assert found["RetryStrategy"] == {
        "Attempts": 2,
        "EvaluateOnExit": [{"OnExitCode": "202", "Action": "EXIT"}, {"OnExitCode": "1", "Action": "EXIT"}],
    }


@pytest.mark.parametrize(("times", "attempts"), [(None, 4), (1, 5), (4, 6)])
def test_catch_adds_three_tries_and_there_are_six_in_all(times: int | None, attempts: int) -> None:
    retry = [] if times is None else [Decorator("retry", {"times": times})]
    found = parameters(*retry, Decorator("catch", {"var": "failed"}))
    assert found["RetryStrategy"]["Attempts"] == attempts
    assert retried(found) == (None if times is None else str(times))


def test_the_timeout_of_batch_is_two_minutes_behind_that_of_the_step() -> None:
    assert parameters(Decorator("timeout", {"seconds": 30}))["Timeout"] == {"AttemptDurationSeconds": 150}
    long = parameters(Decorator("timeout", {"hours": 1, "minutes": 2, "seconds": 3}))
    assert long["Timeout"] == {"AttemptDurationSeconds": 3723 + 120}


def test_resources_make_a_job_definition_of_their_own() -> None:
    of = decorated(Decorator("resources", {"cpu": 2, "memory": "16000", "gpu": 1, "shared_memory": 64}))
    plain, shaped = definitions(of)
    assert shaped["containerProperties"]["resourceRequirements"] == [
        {"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "16000"}, {"type": "GPU", "value": "1"},
    ]  # fmt: skip
    assert shaped["containerProperties"]["linuxParameters"] == {"sharedMemorySize": 64}
    states = machine(of)["States"]
    assert states["start"]["Parameters"]["JobDefinition"] == plain["jobDefinitionName"]
    assert states["end"]["Parameters"]["JobDefinition"] == shaped["jobDefinitionName"]


def test_steps_of_one_shape_share_a_job_definition() -> None:
    assert len(definitions(decorated(Decorator("resources", {"cpu": SETTINGS.vcpus})))) == 1
    assert len(definitions(decorated(Decorator("retry"), Decorator("timeout", {"seconds": 9})))) == 1


def test_batch_says_where_a_job_runs_and_counts_before_resources() -> None:
    batch = {
        "image": "team/images:1", "queue": "gpus", "cpu": 0.5, "iam_role": ROLE, "execution_role": f"{ROLE}-2",
        "max_swap": 10, "swappiness": 60,
    }  # fmt: skip
    of = decorated(Decorator("resources", {"cpu": 8, "memory": 100}), Decorator("batch", batch))
    settings = replace(SETTINGS, registry="registry.example/")
    container = definitions(of, settings)[1]["containerProperties"]
    assert container["image"] == "registry.example/team/images:1"
    assert {"name": "PENSTOCK_IMAGE", "value": container["image"]} in container["environment"]
    assert (container["jobRoleArn"], container["executionRoleArn"]) == (ROLE, f"{ROLE}-2")
    assert [each["value"] for each in container["resourceRequirements"]] == ["0.5", "100"]
    assert container["linuxParameters"] == {"maxSwap": 10, "swappiness": 60}
    assert machine(of, settings)["States"]["end"]["Parameters"]["JobQueue"] == "gpus"
    rehearsed = machine(of, replace(settings, one_queue=True))
    assert rehearsed["States"]["end"]["Parameters"]["JobQueue"] == SETTINGS.job_queue


def test_variables_of_a_step_are_in_no_document() -> None:
    """The plan carries them: overrides stay small, and what a secret is worth does not stand in a console."""
    of = decorated(Decorator("environment", {"vars": {"PASSPHRASE": "$(touch x)" * 1000}}))
    assert "PASSPHRASE" not in str(machine(of)) + str(definitions(of))


def test_a_pause_that_batch_does_not_make_is_told() -> None:
    (warning,) = job_problems(decorated(Decorator("retry", {"minutes_between_retries": 2}, SPAN)))
    assert render_text([warning], sources={"flow.py": "\n\n    @retry(minutes=2)\n"}).splitlines() == [
        "warning[P310]: AWS Batch tries again at once: `minutes_between_retries` has no effect there",
        " --> flow.py:3:1",
        "  |",
        "3 |     @retry(minutes=2)",
        "  | ^^^^^^^^^^^^^^^^^^^",
        "  = help: set it to 0 to do without this warning",
    ]
    assert list(job_problems(decorated(Decorator("retry", {"minutes_between_retries": 0}), Decorator("retry")))) == []


def test_a_pause_of_many_steps_is_told_once() -> None:
    """`--with retry:minutes_between_retries=1` of a long flow would be a page of warnings for each step."""
    pause = (Decorator("retry", {"minutes_between_retries": 1}),)
    names = ["start", *(f"s{number}" for number in range(8)), "end"]
    spans = [replace(SPAN, line=line, end_line=line) for line in range(1, 11)]
    exits = [*(Goto(name) for name in names[1:]), Stop()]
    steps = [Step(*each, pause) for each in zip(names, exits, [False] * 10, spans, spans, strict=True)]
    program = Program(FlowGraph("TestFlow", steps, span=SPAN), Region(tuple(Run(name) for name in names)))
    (warning,) = job_problems(program)
    assert [(label.span.line, label.text) for label in warning.others] == [(2, ""), (3, ""), (4, ""), (5, "and 5 more")]


def test_a_role_of_batch_that_is_none_is_refused() -> None:
    (error,) = job_problems(decorated(Decorator("batch", {"iam_role": "jobs", "execution_role": ROLE}, SPAN)))
    assert (error.code, error.message) == ("P531", "`iam_role` is 'jobs', which is not a role's ARN")
