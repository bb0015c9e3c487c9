"""What `trigger --wait` understands and says: told events, told jobs, a clock that the test moves."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from compiler_flows import load_file
from corpus_flows import load

from penstock.backends.reporting import LineReporter
from penstock.backends.step_functions.aws import AwsClients
from penstock.backends.step_functions.executions import Started
from penstock.backends.step_functions.watching.ending import run_failed
from penstock.backends.step_functions.watching.history import certain_steps
from penstock.backends.step_functions.watching.watch import Watch
from penstock.compiler.diagnostics import Refused
from penstock.compiler.pipeline import demand_program
from penstock.compiler.planning import plan_of
from penstock.runtime_shim.configuration import Configuration
from penstock.runtime_shim.plan import Plan

RUN = "sfn-one"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:F:one"
MAP_RUN = "arn:aws:states:eu-west-1:123456789012:mapRun:F/start foreach:1"
EXITED = "Essential container in task exited"
MACHINE = {
    "StartAt": "start",
    "States": {
        "start": {
            "Type": "Task",
            "Resource": "arn:aws:states:::batch:submitJob.sync",
            "Parameters": {"ContainerOverrides": {"Environment": [{"Name": "PENSTOCK_STEP", "Value": "start"}]}},
            "Next": "start foreach",
        },
        "start foreach": {
            "Type": "Map",
            "End": True,
            "ItemProcessor": {
                "StartAt": "fit",
                "States": {
                    "fit": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:::batch:submitJob.sync",
                        "Parameters": {
                            "ContainerOverrides": {"Environment": [{"Name": "PENSTOCK_STEP", "Value": "fit"}]}
                        },
                        "End": True,
                    }
                },
            },
        },
    },
}


class Told:
    """AWS as a test tells it: a history that grows by one list of events a turn, and a clock that sleeping moves."""

    def __init__(self, page: int = 1000, *, oldest_first: bool = False) -> None:
        self.turns: list[list[dict[str, Any]]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.map_run: dict[str, Any] = {}
        self.histories: dict[str, list[dict[str, Any]]] = {ARN: []}
        self.asked: list[str] = []
        self.fault: Callable[[str], Exception | None] = lambda operation: None
        self.now = 1_000_000.0
        self.page = page
        self.oldest_first = oldest_first
        self._numbers = itertools.count(1)

    # What the test says.

    def event(self, kind: str, before: int = 0, /, **details: Any) -> dict[str, Any]:
        name = "stateEntered" if kind.endswith("StateEntered") else kind[0].lower() + kind[1:]
        return {"id": next(self._numbers), "previousEventId": before, "type": kind, f"{name}EventDetails": details}

    def submitted(self, step: str, path: str, job: str, after: int | None = None) -> list[dict[str, Any]]:
        """A job's events up to the submission, the last of which is the one that goes on."""
        variables = [{"Name": "PENSTOCK_STEP", "Value": step}, {"Name": "PENSTOCK_PATH", "Value": path}]
        parameters = json.dumps({"ContainerOverrides": {"Environment": variables}})
        events = [self.event("TaskStateEntered", name=step)] if after is None else []
        events.append(self.event("TaskScheduled", events[-1]["id"] if after is None else after, parameters=parameters))
        events.append(self.event("TaskStarted", events[-1]["id"]))
        events.append(self.event("TaskSubmitted", events[-1]["id"], output=json.dumps({"JobId": job})))
        self.jobs[job] = {"jobId": job, "status": "RUNNING", "createdAt": self.now * 1000}
        return events

    def ended(self, kind: str, after: dict[str, Any], *codes: int, reason: str = EXITED, **more: Any) -> dict[str, Any]:
        attempts = [
            {"Container": {"ExitCode": code, "Reason": reason}, "StartedAt": 1000, "StoppedAt": 3500} for code in codes
        ]
        detail = json.dumps({"JobId": "x", "Attempts": attempts, "StatusReason": reason, **more})
        if kind == "TaskSucceeded":
            return self.event(kind, after["id"], output=detail)
        return self.event(kind, after["id"], error="States.TaskFailed", cause=detail)

    # What the watcher asks.

    def client(self, operation: str, answer: Any) -> Any:
        self.asked.append(operation)
        if error := self.fault(operation):
            raise error
        return answer

    def get_execution_history(self, **given: Any) -> Any:
        assert (given["reverseOrder"], given["maxResults"]) == (True, 1000)
        arn, token = given["executionArn"], given.get("nextToken", "0")
        if arn == ARN and token == "0" and self.turns and not self.fault("history"):
            self.histories[ARN] += self.turns.pop(0)
        first = int(token)
        newest = sorted(self.histories[arn], key=lambda event: int(event["id"]), reverse=not self.oldest_first)
        more = {"nextToken": str(first + self.page)} if first + self.page < len(newest) else {}
        return self.client("history", {"events": newest[first : first + self.page], **more})

    def describe_state_machine_for_execution(self, **_: str) -> Any:
        return self.client("machine", {"definition": json.dumps(MACHINE)})

    def describe_jobs(self, *, jobs: list[str]) -> Any:
        assert len(jobs) <= 100
        return self.client("jobs", {"jobs": [self.jobs[job] for job in jobs]})

    def describe_map_run(self, **_: str) -> Any:
        return self.client("map run", self.map_run)

    def list_executions(self, **_: object) -> Any:
        children = [{"executionArn": arn} for arn in self.histories if arn != ARN]
        return self.client("children", {"executions": children})

    # The watcher.

    def follow(
        self, timeout: float | None = None, *, plan: Plan | None = None, quiet: bool = False, table: bool = False
    ) -> tuple[Any, list[str], Watch]:
        lines: list[str] = []
        clients = cast("AwsClients", _Clients(self, self))
        reporter = LineReporter(lambda line: lines.append(line[24:].rstrip("\n")), quiet=quiet)
        clock = {"clock": lambda: self.now, "sleep": self.sleep, "wall": lambda: self.now}
        watch = Watch(clients, Started(RUN, ARN), reporter, plan=plan, table=table, **clock)
        return watch.follow(timeout), lines, watch

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1_100_000, "the watcher does not see that the run is over"


class _Clients:
    def __init__(self, states: Any, batch: Any) -> None:
        self.states = states
        self.batch = batch


def test_a_run_that_succeeds_is_told_task_by_task() -> None:
    told = Told()
    start = told.submitted("start", "", "job-1")
    told.turns = [start, [told.ended("TaskSucceeded", start[-1], 0)], [told.event("ExecutionSucceeded")]]
    ended, lines, watch = told.follow()
    assert ended.status == "SUCCEEDED"
    assert lines == [
        "[sfn-one/start/t] Task is submitted (job job-1).",
        "[sfn-one/start/t] Task finished successfully (2.5 s).",
    ]
    assert watch.summary == "1 task"
    assert watch.first_failure is None


@pytest.mark.parametrize("page", [2, 1000])
def test_a_server_that_gives_the_oldest_events_first_is_understood(page: int) -> None:
    """moto and other stand-ins for AWS know no ``reverseOrder``: a watcher that relied on it would wait for ever."""
    told = Told(page, oldest_first=True)
    start = told.submitted("start", "", "job-1")
    told.turns = [start, [told.ended("TaskSucceeded", start[-1], 0)], [told.event("ExecutionSucceeded")]]
    ended, lines, _ = told.follow()
    assert ended.status == "SUCCEEDED"
    assert lines == [
        "[sfn-one/start/t] Task is submitted (job job-1).",
        "[sfn-one/start/t] Task finished successfully (2.5 s).",
    ]


def test_a_task_in_a_loop_is_named_with_the_first_turn_that_its_path_leaves_out() -> None:
    told = Told()
    first, second = told.submitted("halve", "/1", "job-1"), told.submitted("halve", "/1/t1", "job-2")
    other = told.submitted("gone", "/t3", "job-3")
    told.turns = [first, second, other, [told.event("ExecutionSucceeded")]]
    _, lines, _ = told.follow(plan=plan_of(demand_program(load_file(load("loop_in_foreach").file))))
    assert [line.partition("]")[0] for line in lines] == [
        "[sfn-one/halve/t.1.t0",
        "[sfn-one/halve/t.1.t1",
        "[sfn-one/gone/t.t3",
    ]


def test_a_step_of_many_tasks_is_counted_and_not_listed() -> None:
    told = Told(page=7)  # the newest events come on many pages
    width = 400
    entered = told.event("MapStateEntered", name="start foreach")
    begin = [entered, told.event("MapStateStarted", entered["id"], length=width)]
    jobs = [told.submitted("fit", f"/{index}", f"job-{index}") for index in range(width)]
    first = [event for job in jobs[:100] for event in job]
    rest = [event for job in jobs[100:] for event in job]
    over = [told.ended("TaskSucceeded", job[-1], 0) for job in jobs]
    told.turns = [begin, first, rest, over[:150], over[150:], [told.event("ExecutionSucceeded")]]
    ended, lines, watch = told.follow()
    assert ended.status == "SUCCEEDED"
    assert lines == [
        "[sfn-one/fit] 0 of 400 done, 100 under way.",
        "[sfn-one/fit] 400 of 400 done, 0 under way.",
    ]
    assert watch.summary == "400 tasks"


def test_counts_of_a_step_are_told_every_half_minute() -> None:
    told = Told()
    jobs = [told.submitted("fit", f"/{index}", f"job-{index}") for index in range(100)]
    over = [[told.ended("TaskSucceeded", job[-1], 0)] for job in jobs]
    told.turns = [[event for job in jobs for event in job], *over, [told.event("ExecutionSucceeded")]]
    _, lines, _ = told.follow()
    counts = [int(line.split()[1]) for line in lines[5:]]  # the first five are told by their names
    assert len(counts) <= 20  # of a hundred turns
    assert counts == sorted(counts)
    assert counts[-1] == 100


def test_few_requests_are_enough() -> None:
    """An hour's run costs a question about events and one about jobs every ten seconds."""
    told = Told()
    start = told.submitted("start", "", "job-1")
    told.turns = [start, *[[] for _ in range(399)], [told.event("ExecutionSucceeded")]]
    begin = told.now
    told.follow()
    assert told.now - begin > 3000
    assert told.asked.count("history") == 401
    assert told.asked.count("jobs") <= 401
    assert set(told.asked) == {"machine", "history", "jobs"}


def test_pages_are_asked_for_until_the_first_known_event() -> None:
    told = Told(page=10)
    start = told.submitted("start", "", "job-1")
    told.turns = [start, [told.ended("TaskSucceeded", start[-1], 0)], [told.event("ExecutionSucceeded")]]
    _, lines, _ = told.follow()
    assert len(lines) == 2
    assert told.asked.count("history") == 3


def test_attempts_that_are_tried_again_are_told_while_the_job_runs() -> None:
    told = Told()
    start = told.submitted("start", "", "job-1")
    told.jobs["job-1"]["attempts"] = [{"container": {"exitCode": 137}, "stoppedAt": 1}, {"container": {}}]
    told.turns = [start, [], [told.ended("TaskSucceeded", start[-1], 137, 0)], [told.event("ExecutionSucceeded")]]
    _, lines, _ = told.follow()
    assert lines[1:] == [
        "[sfn-one/start/t] Attempt 1 failed (exit code 137: killed, most often for want of memory): it is tried again.",
        "[sfn-one/start/t] Task finished successfully (2.5 s, attempt 2).",
    ]


def test_jobs_that_wait_for_a_machine_are_told_after_two_minutes_and_then_more_rarely() -> None:
    told = Told()
    start = told.submitted("start", "", "job-1")
    queue = "arn:aws:batch:eu-west-1:123456789012:job-queue/gpu"
    told.jobs["job-1"].update(status="RUNNABLE", jobQueue=queue)
    told.turns = [start, *[[] for _ in range(100)], [told.event("ExecutionSucceeded")]]
    _, lines, _ = told.follow()
    waiting = [line for line in lines if "wait" in line]
    assert waiting[0].startswith("[sfn-one/start] 1 job waits for a machine in the queue gpu, for 2m0")
    assert waiting[0].endswith(
        "its compute environments may be full, disabled, or without machines that are large enough."
    )
    assert len(waiting) == 3  # after 2, 4 and 8 minutes


def test_the_reason_that_batch_gives_for_waiting_is_told() -> None:
    told = Told()
    jobs = [told.submitted("fit", f"/{index}", f"job-{index}") for index in range(150)]
    reason = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job needs more vCPUs than any instance has."
    for job in told.jobs.values():
        job.update(status="RUNNABLE", jobQueue="a/gpu", statusReason=reason)
    told.turns = [
        [event for job in jobs for event in job],
        *[[] for _ in range(70)],
        [told.event("ExecutionSucceeded")],
    ]
    _, lines, _ = told.follow(quiet=True)
    assert lines[0].startswith("[sfn-one/fit] 150 jobs wait for a machine in the queue gpu, for 2m")
    assert lines[0].endswith(f": {reason}")


def test_a_job_that_runs_is_not_waiting() -> None:
    told = Told()
    start = told.submitted("start", "", "job-1")
    told.turns = [start, *[[] for _ in range(100)], [told.event("ExecutionSucceeded")]]
    assert len(told.follow()[1]) == 1


def test_without_the_permission_for_batch_the_run_is_followed_all_the_same() -> None:
    told = Told()
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeJobs")
    told.fault = lambda operation: denied if operation == "jobs" else None
    start = told.submitted("start", "", "job-1")
    told.turns = [start, [], [told.ended("TaskSucceeded", start[-1], 0)], [told.event("ExecutionSucceeded")]]
    ended, lines, _ = told.follow()
    assert ended.status == "SUCCEEDED"
    assert lines[1] == (
        "[sfn-one] What jobs wait for can't be told: could not ask how sfn-one is doing: access denied (no)."
    )
    assert told.asked.count("jobs") == 1


def test_a_network_that_is_gone_for_a_while_does_not_end_the_watching() -> None:
    told = Told()
    gone = EndpointConnectionError(endpoint_url="https://states")
    begin = told.now
    told.fault = lambda operation: gone if operation == "history" and begin < told.now < begin + 300 else None
    start = told.submitted("start", "", "job-1")
    told.turns = [start, [told.ended("TaskSucceeded", start[-1], 0)], [told.event("ExecutionSucceeded")]]
    ended, lines, _ = told.follow()
    assert ended.status == "SUCCEEDED"
    assert [line for line in lines if "no answer" in line] == [
        "[sfn-one] AWS gives no answer (EndpointConnectionError); asking again, the run goes on."
    ]
    assert lines[-1] == "[sfn-one/start/t] Task finished successfully (2.5 s)."


def test_a_network_that_is_gone_for_ten_minutes_does() -> None:
    told = Told()
    begin = told.now
    gone = EndpointConnectionError(endpoint_url="https://states")
    told.fault = lambda operation: None if operation == "machine" else gone
    with pytest.raises(Refused, match="can't be reached"):
        told.follow()
    assert 600 < told.now - begin < 620


def test_the_time_is_up() -> None:
    told = Told()
    told.turns = [told.submitted("start", "", "job-1")]
    begin = told.now
    assert told.follow(timeout=90)[0] is None
    assert told.now - begin == 90


def failure_of(told: Told, **settings: str) -> tuple[str, str]:
    ended, _, watch = told.follow()
    configuration = Configuration(settings, {}, "")
    failed = run_failed(RUN, ended, watch.first_failure, command="python f.py", configuration=configuration)
    return failed.message, failed.help


def test_a_failed_task_is_named_with_its_reason_and_its_log() -> None:
    told = Told()
    first, second = told.submitted("fit", "/0/t1", "job-1"), told.submitted("fit", "/1/t0", "job-2")
    failed = told.ended("TaskFailed", first[-1], 1, 1)
    told.turns = [first, second, [failed, told.event("ExecutionFailed", error="States.TaskFailed", cause="x")]]
    assert failure_of(told) == (
        "step `fit` failed: task sfn-one/fit/t.0.t1 ended with exit code 1, in the last of 2 attempts",
        "`python f.py logs sfn-one/fit/t.0.t1` shows what it wrote",
    )


@pytest.mark.parametrize(
    ("codes", "reason", "words"),
    [
        (
            (137,),
            "OutOfMemoryError: Container killed due to memory usage",
            "exit code 137: OutOfMemoryError: Container",
        ),
        ((), "Host EC2 (instance i-0b) terminated.", "ended with Host EC2 (instance i-0b) terminated"),
        ((), "CannotPullContainerError: no such image", "ended with CannotPullContainerError: no such image"),
    ],
)
def test_what_batch_says_of_a_job_is_told(codes: tuple[int, ...], reason: str, words: str) -> None:
    told = Told()
    start = told.submitted("start", "", "job-1")
    failed = told.ended("TaskFailed", start[-1], *codes, reason=reason)
    told.turns = [start, [failed], [told.event("ExecutionFailed", error="States.TaskFailed", cause="x")]]
    assert words in failure_of(told)[0]


def test_a_failure_that_step_functions_made_up_for_is_none() -> None:
    told = Told()
    start = told.submitted("start", "", "job-1")
    hiccup = told.event("TaskFailed", start[-1]["id"], error="Batch.AWSBatchException", cause="Too Many Requests")
    again = told.submitted("start", "", "job-2", after=hiccup["id"])
    told.turns = [
        start,
        [hiccup, *again],
        [told.ended("TaskSucceeded", again[-1], 0)],
        [told.event("ExecutionSucceeded")],
    ]
    _, lines, watch = told.follow()
    assert lines[1:3] == [
        "[sfn-one/start/t] Task failed: Batch.AWSBatchException: Too Many Requests.",
        "[sfn-one/start/t] Task is submitted again (job job-2).",
    ]
    assert watch.first_failure is None
    assert watch.summary == "1 task"


def test_a_state_without_a_job_is_named_too() -> None:
    told = Told()
    entered = told.event("TaskStateEntered", name="put input")
    failed = told.event("TaskFailed", entered["id"], error="S3.AccessDenied", cause="Access Denied (Service: S3)")
    told.turns = [[entered, failed, told.event("ExecutionFailed", error="S3.AccessDenied", cause="Access Denied")]]
    assert failure_of(told) == (
        "run sfn-one failed in the state `put input`: S3.AccessDenied: Access Denied (Service: S3)",
        "`step-functions create --show-policy` prints what the role of the state machine must allow",
    )


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            ("ExecutionAborted", "terminated with penstock"),
            "run sfn-one was ended before its time: terminated with penstock",
        ),
        (("ExecutionTimedOut", ""), "run sfn-one took longer than its state machine allows, and was ended"),
        (("ExecutionFailed", "too many events"), "run sfn-one failed: States.Runtime: too many events"),
    ],
)
def test_runs_that_end_without_a_failed_task(event: tuple[str, str], message: str) -> None:
    told = Told()
    told.turns = [[told.event(event[0], error="States.Runtime", cause=event[1])]]
    assert failure_of(told)[0] == message


def test_iterations_of_a_distributed_map_are_counted_and_the_one_that_failed_is_read() -> None:
    told = Told()
    entered = told.event("MapStateEntered", name="start foreach")
    run = told.event("MapRunStarted", entered["id"], mapRunArn=MAP_RUN)
    counts = {"total": 3000, "running": 40, "succeeded": 10, "failed": 1, "timedOut": 0, "aborted": 0}
    told.map_run = {"status": "FAILED", "itemCounts": counts}
    told.turns = [
        [entered, run],
        [told.event("ExecutionFailed", error="States.ExceedToleratedFailureThreshold", cause="")],
    ]
    child = told.submitted("fit", "/7", "job-7")
    told.histories["child"] = [*child, told.ended("TaskFailed", child[-1], 3), told.event("ExecutionFailed")]
    message, _ = failure_of(told)
    assert message == "step `fit` failed: task sfn-one/fit/t.7 ended with exit code 3"
    assert told.asked.count("children") == 1


def test_the_steps_that_an_iteration_is_sure_to_run_are_known_before() -> None:
    assert certain_steps(MACHINE) == {"start foreach": ("fit",)}


def test_beside_a_table_only_bad_news_are_lines() -> None:
    told = Told()
    first, second = told.submitted("start", "", "job-1"), told.submitted("other", "", "job-2")
    over = [told.ended("TaskSucceeded", first[-1], 0), told.ended("TaskFailed", second[-1], 1)]
    told.turns = [first, second, over, [told.event("ExecutionFailed", error="x", cause="")]]
    assert told.follow(table=True)[1] == ["[sfn-one/other/t] Task failed: exit code 1."]


def test_the_sixth_failure_of_a_step_is_counted_only() -> None:
    told = Told()
    jobs = [told.submitted("fit", f"/{index}", f"job-{index}") for index in range(9)]
    over = [told.ended("TaskFailed", job[-1], 1) for job in jobs]
    told.turns = [[event for job in jobs for event in job], over, [told.event("ExecutionFailed", error="x", cause="")]]
    _, lines, watch = told.follow()
    failures = [line for line in lines if "Task failed" in line]
    assert len(failures) == 5
    assert failures[-1].endswith("exit code 1. More of this step is counted only.")
    assert lines[-1] == "[sfn-one/fit] 0 of 9 done, 0 under way, 9 failed."
    assert str(watch.first_failure.task) == "fit/t.0" if watch.first_failure else False
