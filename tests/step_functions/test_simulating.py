"""`simulate`: counted by formula what the engine counts by doing."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compiler_flows import load_file
from corpus_flows import CORPUS
from rehearsals import compiled, rehearsed

from penstock.backends.rehearsal.embedded import REGION
from penstock.backends.step_functions.rehearsal.engine import ACCOUNT, Engine
from penstock.backends.step_functions.simulation.assumptions import Assumptions
from penstock.backends.step_functions.simulation.costs import Prices, cost_of
from penstock.backends.step_functions.simulation.limits import limits, record_bytes
from penstock.backends.step_functions.simulation.past_runs import assumptions_of
from penstock.backends.step_functions.simulation.simulating import Leg, Simulation, simulate
from penstock.cli.state import CliState
from penstock.compiler.diagnostics import Refused

Command = Callable[..., "subprocess.CompletedProcess[str]"]
SUBMIT = "arn:aws:states:::batch:submitJob.sync"


def job(step: str, following: str | None = None) -> dict[str, Any]:
    overrides = {"Environment": [{"Name": "PENSTOCK_STEP", "Value": step}]}
    parameters = {"JobDefinition": "one", "ContainerOverrides": overrides}
    return {"Type": "Task", "Resource": SUBMIT, "Parameters": parameters, **after(following)}


def read(following: str) -> dict[str, Any]:
    return {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", **after(following)}


def after(following: str | None) -> dict[str, Any]:
    return {"End": True} if following is None else {"Next": following}


def choice(**cases: str) -> dict[str, Any]:
    rules = [{"Variable": "$.next[0]", "StringEquals": step, "Next": state} for step, state in cases.items()]
    return {"Type": "Choice", "Choices": rules}


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def each(body: dict[str, Any], following: str | None, **more: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": body, **more, **after(following)}


NESTED = machine(
    a=job("a", "a splits"),
    **{"a splits": read("a foreach")},
    **{
        "a foreach": each(
            machine(
                b=job("b", "b splits"),
                **{"b splits": read("b foreach")},
                **{
                    "b foreach": each(
                        machine(
                            c=job("c", "c splits"),
                            **{"c splits": read("c foreach"), "c foreach": each(machine(d=job("d")), None)},
                        ),
                        None,
                    )
                },
            ),
            "e",
        )
    },
    e=job("e"),
)


def test_three_nested_foreaches_of_ten_thousand_are_computed_and_not_enumerated() -> None:
    width = 10_000
    begin = time.process_time()
    found = simulate(NESTED, Assumptions(default_width=width, default_seconds=1))
    assert time.process_time() - begin < 0.1
    assert found.tasks == {"a": 1, "b": width, "c": width**2, "d": width**3, "e": 1}
    # a: job, read, Map; b and c the same in each iteration; d and e a job.
    assert found.transitions == 4 + 3 * width + 3 * width**2 + width**3
    waves = width / 40
    assert found.seconds == 2 + waves * (1 + waves * (1 + waves))
    assert found.jobs_at_once == 40**3
    assert [(leg.step, leg.times) for leg in found.path] == [
        ("a", 1),
        ("b", waves),
        ("c", waves**2),
        ("d", waves**3),
        ("e", 1),
    ]


def test_ten_thousand_states_are_walked_in_a_moment() -> None:
    states = {f"s{number}": job(f"s{number}", f"s{number + 1}") for number in range(10_000)}
    line = machine(**states, s10000=job("s10000"))
    begin = time.process_time()
    assert simulate(line, Assumptions()).transitions == 10_001
    assert time.process_time() - begin < 3


def test_deeply_nested_maps_do_not_recurse() -> None:
    body = machine(x0=job("x0"))
    for depth in range(1, 1500):
        opener, reading, mapped = f"x{depth}", f"x{depth} splits", f"x{depth} foreach"
        body = machine(**{opener: job(opener, reading), reading: read(mapped), mapped: each(body, None)})
    assert simulate(body, Assumptions(default_width=1)).tasks["x0"] == 1


LOOP = machine(
    start=job("start", "fit"),
    fit=job("fit", "fit record"),
    **{"fit record": read("fit choice"), "fit choice": choice(fit="fit", judge="judge", end="end")},
    judge=job("judge", "end"),
    end=job("end"),
)


def test_a_loop_turns_as_often_as_it_is_told_and_then_goes_the_longest_way() -> None:
    found = simulate(LOOP, Assumptions(turns={"fit": 5}))
    assert found.tasks == {"start": 1, "fit": 5, "judge": 1, "end": 1}
    assert found.transitions == 1 + 3 * 5 + 2
    shorter = simulate(LOOP, Assumptions(turns={"fit": 1}, choices={"fit": "end"}))
    assert shorter.tasks == {"start": 1, "fit": 1, "end": 1}


NESTED_LOOPS = machine(
    start=job("start", "outer"),
    outer=job("outer", "inner"),
    inner=job("inner", "inner record"),
    **{"inner record": read("inner choice"), "inner choice": choice(inner="inner", last="last")},
    last=job("last", "last record"),
    **{"last record": read("last choice"), "last choice": choice(outer="outer", end="end")},
    end=job("end"),
)


def test_a_loop_in_a_loop_begins_anew_in_each_turn() -> None:
    found = simulate(NESTED_LOOPS, Assumptions(turns={"inner": 3, "outer": 4}))
    assert found.tasks == {"start": 1, "outer": 4, "inner": 12, "last": 4, "end": 1}


def test_a_loop_may_be_left_in_its_middle() -> None:
    """`while`: the header chooses, and what follows it always goes back."""
    found = simulate(
        machine(
            check=job("check", "check choice"),
            **{"check choice": choice(work="work", end="end")},
            work=job("work", "check"),
            end=job("end"),
        ),
        Assumptions(turns={"check": 4}),
    )
    assert found.tasks == {"check": 4, "work": 3, "end": 1}


def test_absurdly_many_turns_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        simulate(LOOP, Assumptions(turns={"fit": 10**9}))
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.code, diagnostic.message, diagnostic.help) == (
        "P419",
        "a loop enters more than 1,000,000 states, an execution ends with 25,000 events",
        "simulate it with fewer --turns",
    )


def test_of_branches_the_run_waits_for_the_longest() -> None:
    parallel = {"Type": "Parallel", "Branches": [machine(b=job("b")), machine(c=job("c"))], "Next": "d"}
    found = simulate(machine(a=job("a", "both"), both=parallel, d=job("d")), Assumptions(seconds={"c": 100}))
    assert found.seconds == 60 + 100 + 60
    assert found.path == [Leg("a", 1, 60), Leg("c", 1, 100), Leg("d", 1, 60)]
    assert found.jobs_at_once == 2


def test_an_empty_foreach_costs_nothing_inside() -> None:
    found = simulate(NESTED, Assumptions(widths={"a": 0}))
    assert found.tasks == {"a": 1, "b": 0, "c": 0, "d": 0, "e": 1}
    assert [leg.step for leg in found.path] == ["a", "e"]


def test_iterations_of_a_distributed_map_have_histories_of_their_own() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **machine(b=job("b", "c"), c=job("c"))}
    mapped = each(processor, "d", ItemReader={}, MaxConcurrency=100)
    document = machine(a=job("a", "a foreach"), **{"a foreach": mapped}, d=job("d"))
    found = simulate(document, Assumptions(default_width=20_000, default_seconds=1))
    assert (found.children, found.child_events, found.events) == (20_000, 14, 2 + 6 + 6 + 6)
    assert found.jobs_at_once == 100
    assert found.seconds == 2 + 200 * 2
    assert [limit.name for limit in limits(found, 1000) if not limit.met] == []


def test_limits_that_are_broken_say_what_helps() -> None:
    found = simulate(NESTED, Assumptions(default_width=50_000))
    broken = {limit.name: limit.advice for limit in limits(found, 2_000_000) if not limit.met}
    assert broken == {
        "bytes of the state machine": "split the flow",
        "events of the execution": "compile with --distributed-map",
        "events that Penstock allows": "the step that would pass it refuses: compile with --distributed-map",
        "bytes of the widest foreach's record": "compile with --distributed-map",
    }


def test_turns_that_are_too_many_are_not_told_to_be_distributed() -> None:
    found = simulate(LOOP, Assumptions(turns={"fit": 5_000}))
    broken = {limit.name: limit.advice for limit in limits(found, 1000) if not limit.met}
    assert broken == {
        "events of the execution": "let the code of one step do several turns",
        "events that Penstock allows": "the step that would pass it refuses: let the code of one step do several turns",
    }


def test_foreaches_inside_a_distributed_one_are_not_told_to_be_distributed() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **machine(b=job("b", "b foreach"))}
    processor["States"]["b foreach"] = each(machine(c=job("c")), None)
    document = machine(a=job("a", "a foreach"), **{"a foreach": each(processor, None, ItemReader={})})
    found = simulate(document, Assumptions(widths={"a": 2, "b": 100_000}))
    broken = {limit.name: limit.advice for limit in limits(found, 1000) if not limit.met}
    assert broken == {
        "events of an iteration": "narrower foreaches inside, or fewer turns",
        "bytes of the widest foreach's record": "fewer, larger items in the foreaches inside",
    }


@pytest.mark.parametrize("width", [0, 1, 9, 10, 11, 100, 12_345])
def test_the_bytes_of_a_record_are_those_of_its_indices(width: int) -> None:
    indices = json.dumps(list(range(width)), separators=(",", ":"))
    assert record_bytes(width) == 300 + len(indices) - 2


def test_the_cost_is_that_of_transitions_and_machines() -> None:
    asked = [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "4096"}]
    definitions = {"one": {"containerProperties": {"resourceRequirements": asked}}}
    assumed = Assumptions(default_width=3600, default_seconds=1)
    document = machine(a=job("a", "a foreach"), **{"a foreach": each(machine(b=job("b")), None)})
    cost = cost_of(simulate(document, assumed), document, definitions, assumed, Prices(1.0, 10.0, 100.0))
    assert cost.vcpu_hours == pytest.approx(2 * 3601 / 3600)
    assert cost.gb_hours == pytest.approx(4 * 3601 / 3600)
    assert cost.transitions == pytest.approx(3.602)
    assert cost.total == pytest.approx(3.602 + 3601 / 3600 * (20 + 400))


def counted(engine: Engine, flow: str, run: str) -> tuple[int, int, Counter[str]]:
    """Transitions, events, and tasks by step of an execution, from its history."""
    client = engine.client("stepfunctions")
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{flow}:{run.removeprefix('sfn-')}"
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if event["type"].endswith("StateEntered")]
    submitted = [
        json.loads(event["taskScheduledEventDetails"]["parameters"])["ContainerOverrides"]["Environment"][0]["Value"]
        for event in events
        if event.get("taskScheduledEventDetails", {}).get("resource") == "submitJob.sync"
    ]
    return len(entered), len(events), Counter(submitted)


SMALL = ("branches", "nested_foreach", "loop")
MORE = (
    "linear",
    "foreach_chain",
    "everything_nested",
    "crossing_branches",
    "switch",
    "switch_to_end",
    "nested_loops",
    "empty_outer_foreach",
    "join_two_splits",
    "foreach_in_branch",
    "loop_to_itself",
)


def agrees(name: str, engine: Engine, folder: Path) -> Simulation:
    """Rehearse a flow of the corpus, and simulate it as that run went."""
    (case,) = (each for each in CORPUS if each.name == name)
    flow = compiled(case.file)
    run = rehearsed(flow, engine, folder)
    assert run.done.status == "SUCCEEDED", "".join(run.lines)
    transitions, events, tasks = counted(engine, run.flow, run.done.run)
    graph = CliState(load_file(case.file), (str(case.file),)).program().graph
    assumed = assumptions_of(run.store, graph, run.done.run, Assumptions())
    found = simulate(json.loads(flow.deployment.definition), assumed)
    assert {step: count for step, count in found.tasks.items() if count} == dict(tasks)
    assert (found.transitions, found.events) == (transitions, events)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_engine_does_what_is_simulated(name: str, engine: Engine, tmp_path: Path) -> None:
    assert agrees(name, engine, tmp_path).seconds > 0


@pytest.mark.scale
@pytest.mark.parametrize("name", MORE)
def test_the_engine_does_what_is_simulated_in_more_flows(name: str, engine: Engine, tmp_path: Path) -> None:
    assert agrees(name, engine, tmp_path).seconds > 0


FLOW = """
from penstock import FlowSpec, step

class Simulated(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.fit, foreach="items")

    @step
    def fit(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.next(self.judge)

    @step
    def judge(self):
        self.verdict = "good"
        self.next({"good": self.end, "bad": self.judge_again}, condition="verdict")

    @step
    def judge_again(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Simulated()
"""


@pytest.fixture
def simulated(command: Command, flow_file: Callable[[str, str], Path]) -> Command:
    """Runs ``step-functions simulate`` of somebody who has configured nothing."""
    flow_file(FLOW, "flow.py")
    nothing = dict.fromkeys(
        (
            "METAFLOW_DATASTORE_SYSROOT_S3",
            "METAFLOW_BATCH_JOB_QUEUE",
            "METAFLOW_ECS_S3_ACCESS_IAM_ROLE",
            "METAFLOW_SFN_IAM_ROLE",
            "AWS_ACCESS_KEY_ID",
        ),
        "",
    )
    return lambda *arguments: command("flow.py", "step-functions", "simulate", *arguments, **nothing)


def test_the_command_says_what_it_assumed(simulated: Command) -> None:
    done = simulated("--width", "start=100", "--seconds", "fit=30", "--choose", "judge=good")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "Simulated: 11 states, 104 tasks in 5m30s",
        "  state transitions  109",
        "  jobs at once       40",
    ]
    assert "  fit                                      100  of 30s" in lines
    assert "  fit                                    1m30s  3 one after the other" in lines
    assert lines[-4:] == [
        "Assumed:",
        "  10 splits of a foreach, 1m00s of a task,",
        "  2 turns of a loop, of a choice the longest way, unless given; no task fails",
        "  prices, unless given: us-east-1, list prices of 2024, Linux on Fargate; AWS Batch itself costs nothing",
    ]


def test_the_longest_way_is_gone_unless_another_is_chosen(simulated: Command) -> None:
    longest = json.loads(simulated("--format", "json").stdout)
    assert "judge_again" in longest["tasks"]
    chosen = json.loads(simulated("--format", "json", "--choose", "judge=end").stdout)
    assert chosen["assumed"]["choices"] == {"judge": "end"}
    assert chosen["seconds"] == longest["seconds"] - 60
    assert all(limit["met"] for limit in chosen["limits"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--width", "fit=3"), "--width fit=3: the flow has no such step for it; it has: start"),
        (("--width", "start"), "--width start: write it as STEP=VALUE"),
        (("--width", "start=-1"), "--width start=-1: '-1' is no value for it"),
        (("--choose", "judge=ugly"), "--choose judge=ugly: it is none of good, bad, end, judge_again"),
        (("--seconds", "nobody=3"), "it has: start, fit, collect, judge, judge_again, end"),
        (("--seconds", "fit=inf"), "--seconds fit=inf: 'inf' is no value for it"),
        (("--width", "start=x", "--choose", "judge=x"), "no value for it\n       --choose judge=x: it is none of"),
    ],
)
def test_what_the_flow_has_not_is_told(simulated: Command, arguments: tuple[str, ...], sentence: str) -> None:
    done = simulated(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_past_run_is_the_measure(simulated: Command, command: Command) -> None:
    assert command("flow.py", "run", "--run-id-file", "id").returncode == 0
    run = Path("id").read_text(encoding="utf-8")
    done = simulated("--format", "json", "--from-run", run)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["tasks"] == {"start": 1, "fit": 3, "collect": 1, "judge": 1, "end": 1}
    assert document["assumed"]["choices"] == {"judge": "end"}
    assert document["assumed"]["widths"] == {"start": 3}
    assert 0 < document["seconds"] < 30
    assert simulated("--from-run", "nothing").returncode == 1
    for file in Path(".metaflow").glob(f"*/{run}/*/*/0.data.json"):  # as Metaflow stores a task
        file.write_text(json.dumps({**json.loads(file.read_text()), "penstock": None}))
    without = json.loads(simulated("--format", "json", "--from-run", run).stdout)
    assert (without["assumed"]["widths"], without["assumed"]["choices"]) == ({}, {})
    assert without["assumed"]["seconds"].keys() == document["assumed"]["seconds"].keys()
