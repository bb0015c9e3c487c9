"""Flows as pipelines: what is there, what waits for what, and what each task is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from compiler_flows import load_file
from corpus_flows import CORPUS, load
from generated_flows import linear, nested_foreach
from kubeflow_target import documents, fixed_settings, schema_problems, step_counts

from penstock.backends.conformance import FlowCase
from penstock.backends.kubeflow import BACKEND
from penstock.backends.kubernetes.documents import dump
from penstock.backends.protocol import gaps
from penstock.compiler.diagnostics import has_errors
from penstock.compiler.pipeline import demand_program
from penstock.compiler.program import Program


def program_of(name: str) -> Program:
    flow = load(name)
    return demand_program(FlowCase(flow.name, flow.file, flow.flow).load())


def lowered(program: Program) -> bytes:
    bundle = BACKEND.lower(program, fixed_settings(program))
    return bundle.files[bundle.main]


def compiled(flow_file: Any, body: str) -> dict[str, Any]:
    source = f"from penstock import *\nclass TheFlow(FlowSpec):\n{body}"
    program = demand_program(load_file(flow_file(source)))
    data = lowered(program)
    assert schema_problems(data) == []
    pipeline: dict[str, Any] = documents(data)[0]
    return pipeline


def tasks(pipeline: dict[str, Any], component: str = "") -> dict[str, Any]:
    found: dict[str, Any] = (pipeline["components"][component] if component else pipeline["root"])["dag"]["tasks"]
    return found


def waits(pipeline: dict[str, Any], component: str = "") -> dict[str, list[str]]:
    return {key: task.get("dependentTasks", []) for key, task in tasks(pipeline, component).items()}


LOWERABLE = [flow for flow in CORPUS if not has_errors(gaps(program_of(flow.name), BACKEND))]


def test_all_of_the_corpus_is_lowered_but_for_its_loops() -> None:
    refused = {flow.name for flow in CORPUS} - {flow.name for flow in LOWERABLE}
    looping = {"loop", "loop_to_itself", "loop_exits", "nested_loops", "loop_in_foreach", "foreach_in_loop"}
    assert refused == {*looping, "crossing_with_all"}


@pytest.mark.parametrize("flow", LOWERABLE, ids=[flow.name for flow in LOWERABLE])
def test_kubeflow_s_own_schemas_take_it_and_every_step_is_one_task(flow: Any) -> None:
    program = program_of(flow.name)
    data = lowered(program)
    assert schema_problems(data) == []
    assert step_counts(data) == dict.fromkeys(program.graph.steps, 1)
    assert lowered(program) == data


def test_a_misspelt_field_is_found_at_every_level() -> None:
    data = lowered(program_of("decorated")).decode()
    for old, new in (
        ("taskInfo", "taskInfos"),
        ("        image: python", "        imagee: python"),
        ("activeDeadlineSeconds", "deadline"),
    ):
        assert old in data
        assert schema_problems(data.replace(old, new, 1).encode()), old


def test_crossing_branches_are_one_graph() -> None:
    pipeline = documents(lowered(program_of("crossing_branches")))[0]
    assert waits(pipeline) == {
        "start": [], "a": ["start"], "b": ["start"], "a1": ["a"], "a2": ["a"], "b1": ["b"], "b2": ["b"],
        "first": ["a1", "b1"], "second": ["a2", "b2"], "join": ["first", "second"], "end": ["join"],
    }  # fmt: skip


def test_a_foreach_binds_the_path_of_its_body() -> None:
    pipeline = documents(lowered(program_of("foreach")))[0]
    (loop,) = [task for task in tasks(pipeline).values() if "parameterIterator" in task]
    assert loop["parameterIterator"] == {"itemInput": "path", "items": {"inputParameter": "splits"}}
    assert loop["iteratorPolicy"] == {"parallelismLimit": 100}
    body = tasks(pipeline, loop["componentRef"]["name"])
    given = [task["inputs"]["parameters"]["path"] for task in body.values()]
    assert given == [{"componentInputParameter": "path"}] * len(body)


def test_the_run_id_is_a_constant_of_every_step_and_goes_through_no_component() -> None:
    pipeline = documents(lowered(program_of("everything_nested")))[0]
    for component in [pipeline["root"], *pipeline["components"].values()]:
        for task in component.get("dag", {}).get("tasks", {}).values():
            given = task["inputs"]["parameters"]
            if "step" in given:
                assert given["run"] == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}
            else:
                assert "run" not in given


def test_what_follows_a_switch_waits_for_its_arms_and_not_for_the_switch() -> None:
    pipeline = documents(lowered(program_of("switch")))[0]
    assert waits(pipeline) == {"start": [], "choice-start": ["start"], "report": ["choice-start"], "end": ["report"]}
    arms = tasks(pipeline, "comp-choice-start")
    assert {key: task["triggerPolicy"]["condition"] for key, task in arms.items()} == {
        "arm-start-fast": "inputs.parameter_values['next'] == 'fast'",
        "arm-start-slow": "inputs.parameter_values['next'] == 'slow'",
    }


def test_steps_that_some_arms_share_stand_in_each_of_them() -> None:
    pipeline = documents(lowered(program_of("switch_shared_tail")))[0]
    assert waits(pipeline, "comp-arm-choose-rinse") == {"rinse": [], "polish": ["rinse"]}
    assert waits(pipeline, "comp-arm-choose-scrub") == {"scrub": [], "polish": ["scrub"]}
    assert waits(pipeline, "comp-arm-choose-leave") == {"leave": []}
    assert waits(pipeline, "comp-foreach-start") == {
        "choose": [], "choice-choose": ["choose"], "pack": ["choice-choose"]
    }  # fmt: skip


NESTED_SWITCHES = """
    @step
    def start(self):
        self.v = "a"
        self.next({"a": self.a, "b": self.b, "t": self.tail, "m": self.meet}, condition="v")
    @step
    def a(self):
        self.next({"a": self.tail, "b": self.other, "m": self.meet}, condition="v")
    @step
    def b(self):
        self.next(self.other)
    @step
    def tail(self):
        self.next(self.meet)
    @step
    def other(self):
        self.next(self.meet)
    @step
    def meet(self):
        self.next(self.end)
    @step
    def end(self): pass
"""


def test_a_switch_among_the_arms_may_lead_to_what_the_outer_arms_share(flow_file: Any) -> None:
    pipeline = compiled(flow_file, NESTED_SWITCHES)
    assert waits(pipeline) == {"start": [], "choice-start": ["start"], "meet": ["choice-start"], "end": ["meet"]}
    assert waits(pipeline, "comp-arm-start-a") == {"a": [], "choice-a": ["a"]}
    assert waits(pipeline, "comp-arm-a-tail") == waits(pipeline, "comp-arm-start-tail") == {"tail": []}
    assert waits(pipeline, "comp-arm-a-other") == {"other": []}
    assert waits(pipeline, "comp-arm-start-b") == {"b": [], "other": ["b"]}


def test_names_that_kubernetes_would_take_for_one_have_a_hash(flow_file: Any) -> None:
    pipeline = compiled(
        flow_file,
        """
    @step
    def start(self):
        self.next(self.a_b, self.a__b, self.foreach_start)
    @step
    def a_b(self): self.next(self.join)
    @step
    def a__b(self): self.next(self.join)
    @step
    def foreach_start(self): self.next(self.join)
    @step
    def join(self, inputs): self.next(self.end)
    @step
    def end(self): pass
""",
    )
    found = set(tasks(pipeline))
    assert {"start", "join", "end", "foreach-start"} < found
    assert len(found) == 6
    assert sum(key.startswith("a-b-") for key in found) == 2
    long = compiled(flow_file, linear_with(f"long_{'x' * 90}"))
    assert max(map(len, tasks(long))) <= 40


def linear_with(name: str) -> str:
    return f"""
    @step
    def start(self): self.next(self.{name})
    @step
    def {name}(self): self.next(self.end)
    @step
    def end(self): pass
"""


def test_parameters_are_inputs_with_their_types_and_defaults(flow_file: Any) -> None:
    pipeline = compiled(
        flow_file,
        """
    text = Parameter("text", default="é\\n'\\"$(x)", help="words")
    path = Parameter("path", default="a/b")
    number = Parameter("number", default=3)
    huge = Parameter("huge", default=2**60)
    share = Parameter("share", default=0.5)
    flag = Parameter("flag", default=True)
    holes = Parameter("holes", default="{{$.inputs}}")
    config = Parameter("config", type=JSONType, default='{"a": [1]}')
    needed = Parameter("needed", required=True, type=int)
    @step
    def start(self): self.next(self.end)
    @step
    def end(self): pass
""",
    )
    assert pipeline["root"]["inputDefinitions"]["parameters"] == {
        "text": {"parameterType": "STRING", "isOptional": True, "defaultValue": "é\n'\"$(x)", "description": "words"},
        "path": {"parameterType": "STRING", "isOptional": True, "defaultValue": "a/b"},
        "number": {"parameterType": "NUMBER_INTEGER", "isOptional": True, "defaultValue": 3},
        "huge": {"parameterType": "NUMBER_INTEGER", "isOptional": True},
        "share": {"parameterType": "NUMBER_DOUBLE", "isOptional": True, "defaultValue": 0.5},
        "flag": {"parameterType": "BOOLEAN", "isOptional": True, "defaultValue": True},
        "holes": {"parameterType": "STRING", "isOptional": True},
        "config": {"parameterType": "STRING", "isOptional": True, "defaultValue": '{"a": [1]}'},
        "needed": {"parameterType": "NUMBER_INTEGER"},
    }
    given = tasks(pipeline)["start"]["inputs"]["parameters"]
    assert given["path"] == {"runtimeValue": {"constant": ""}}
    assert given["param_path"] == {"componentInputParameter": "path"}


def test_libyaml_changes_no_byte() -> None:
    hostile = [
        "",
        " a",
        "a ",
        "a: b",
        "- x",
        "no",
        "1e3",
        "é\n",
        "a\nb",
        "x" * 500,
        "\t",
        "a\n b\n",
        "{{$}}",
        "# c",
        "\x85",
    ]
    document = {"values": hostile, "by name": {f"key {number}": text for number, text in enumerate(hostile)}}
    assert dump([document]) == dump([document], pure=True)
    assert yaml.safe_load(dump([document])) == document
    for name in ("everything_nested", "hostile_defaults", "parameters", "decorated"):
        data = lowered(program_of(name))
        assert dump(documents(data), pure=True) == data


def test_long_and_deep_flows_stay_small(flow_file: Any) -> None:
    program = demand_program(load_file(flow_file(linear(1_000))))
    assert len(lowered(program)) <= 1_300 * 1_000
    deep = demand_program(load_file(flow_file(nested_foreach(200), "deep.py")))
    data = lowered(deep)
    assert len(data) <= 1_300 * len(deep.graph)
    assert len([c for c in documents(data)[0]["components"] if c.startswith("comp-foreach")]) == 200


def test_compiling_needs_no_kfp(flow_file: Any, tmp_path: Path) -> None:
    file = flow_file(linear(3))
    script = (
        "import runpy, sys\n"
        "sys.argv = ['flow.py', 'generate-kfp-yaml', '--datastore-root', 's3://bucket/x', '-o', '-']\n"
        f"try: runpy.run_path({str(file)!r}, run_name='__main__')\n"
        "finally: print('loaded', [name for name in ('kfp', 'kubernetes', 'boto3', 'google') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("loaded []\n")
