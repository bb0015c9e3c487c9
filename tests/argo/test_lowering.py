"""Flows as manifests: what is there, what waits for what, and what each task is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from argo_target import fixed_settings, objects_of, schema_problems, step_counts, templates_of
from compiler_flows import graph_from, load_file
from corpus_flows import CORPUS, load
from generated_flows import linear, nested_foreach
from hypothesis import given, settings
from hypothesis import strategies as st
from named_flows import make
from random_flows import any_blocks

from penstock.backends.argo import BACKEND
from penstock.backends.argo.documents import as_json
from penstock.backends.argo.lowering import bundle_of, objects
from penstock.backends.conformance import FlowCase
from penstock.backends.protocol import gaps
from penstock.compiler.diagnostics import has_errors
from penstock.compiler.pipeline import demand_program
from penstock.compiler.program import Program
from penstock.compiler.regions import program_of as program_of_graph

Object = dict[str, Any]
PATH = {"name": "path", "value": "{{inputs.parameters.path}}"}


def program_of(name: str) -> Program:
    flow = load(name)
    return demand_program(FlowCase(flow.name, flow.file, flow.flow).load())


def of_corpus(name: str) -> dict[str, Object]:
    """The templates of a flow of the corpus."""
    program = program_of(name)
    return templates_of(objects_of(BACKEND.lower(program, fixed_settings(program))))


def tasks(template: Object) -> dict[str, Object]:
    return {task["name"]: task for task in template["dag"]["tasks"]}


def waits(template: Object) -> dict[str, str]:
    return {name: task.get("depends", "") for name, task in tasks(template).items()}


def arguments(task: Object) -> dict[str, str]:
    return {each["name"]: each["value"] for each in task.get("arguments", {}).get("parameters", [])}


def test_all_of_the_corpus_is_lowered_but_for_a_schedule_with_years() -> None:
    refused = {flow.name for flow in CORPUS if has_errors(gaps(program_of(flow.name), BACKEND))}
    assert refused == {"scheduled"}


def test_a_task_of_a_line_is_given_its_step_and_nothing_else() -> None:
    main = of_corpus("linear")["main"]
    assert all(set(arguments(task)) == {"step"} for task in tasks(main).values())
    assert "inputs" not in main


def test_crossing_branches_are_one_graph() -> None:
    assert waits(of_corpus("crossing_branches")["main"]) == {
        "start": "", "a": "start", "b": "start", "a1": "a", "a2": "a", "b1": "b", "b2": "b",
        "first": "a1 && b1", "second": "a2 && b2", "join": "first && second", "end": "join",
    }  # fmt: skip


def test_a_foreach_is_a_template_around_a_sequence() -> None:
    templates = of_corpus("nested_foreach")
    outer = tasks(templates["main"])["foreach-start"]
    assert outer["depends"] == "start"
    assert arguments(outer) == {"num-splits": "{{tasks.start.outputs.parameters.num-splits}}"}
    wrapper = templates["foreach-start"]
    assert wrapper["parallelism"] == 100
    assert wrapper["inputs"]["parameters"] == [{"name": "num-splits", "value": "0"}, {"name": "path", "value": ""}]
    (body,) = wrapper["dag"]["tasks"]
    assert body["withSequence"] == {"count": "{{inputs.parameters.num-splits}}"}
    assert arguments(body) == {"path": "{{inputs.parameters.path}}/{{item}}"}
    assert body["template"] == "body-start"
    assert templates["body-start"]["inputs"]["parameters"] == [{"name": "path", "value": ""}]


def test_a_body_of_one_step_is_that_step_s_own_task() -> None:
    templates = of_corpus("foreach")
    (body,) = templates["foreach-start"]["dag"]["tasks"]
    assert "container" in templates[body["template"]]
    assert arguments(body)["path"] == "{{inputs.parameters.path}}/{{item}}"


def test_what_follows_a_switch_waits_for_the_template_around_its_arms() -> None:
    templates = of_corpus("switch")
    assert waits(templates["main"]) == {
        "start": "", "choice-start": "start", "report": "choice-start", "end": "report"
    }  # fmt: skip
    given = arguments(tasks(templates["main"])["choice-start"])
    assert given == {name: f"{{{{tasks.start.outputs.parameters.{name}}}}}" for name in ("next", "path")}
    arms = tasks(templates["choice-start"])
    assert {name: arm["when"] for name, arm in arms.items()} == {
        "arm-start-fast": "'{{inputs.parameters.next}}' == 'fast'",
        "arm-start-slow": "'{{inputs.parameters.next}}' == 'slow'",
    }


def test_where_nothing_follows_the_arms_stand_beside_their_switch() -> None:
    """Templates nest 99 deep, and a loop's turn is an arm: without a template around, twice as many turns fit."""
    loop = of_corpus("loop")["loop-fit"]
    assert waits(loop) == {"fit": "", "score": "fit", "loop-fit": "score"}
    turn = tasks(loop)["loop-fit"]
    assert turn["when"] == "'{{tasks.score.outputs.parameters.next}}' == 'fit'"
    assert arguments(turn) == {"path": "{{tasks.score.outputs.parameters.path}}"}
    assert turn["template"] == "loop-fit"


def test_a_step_that_always_goes_back_is_followed_by_a_turn() -> None:
    templates = of_corpus("loop_exits")
    arm = templates["arm-judge-repair"]
    assert waits(arm) == {"repair": "", "turn-repair": "repair"}
    assert arguments(tasks(arm)["turn-repair"]) == {"path": "{{tasks.repair.outputs.parameters.path}}"}
    assert waits(templates["main"]) == {"start": "", "loop-attempt": "start", "tidy": "loop-attempt", "end": "tidy"}


def test_a_loop_in_a_loop_begins_anew_in_each_turn() -> None:
    templates = of_corpus("nested_loops")
    assert waits(templates["loop-outer"]) == {
        "outer": "", "loop-inner": "outer", "round-done": "loop-inner", "loop-outer": "round-done"
    }  # fmt: skip
    assert arguments(tasks(templates["loop-outer"])["loop-inner"]) == {"path": PATH["value"]}
    assert waits(templates["loop-inner"]) == {"inner": "", "loop-inner": "inner"}


def turns_told(templates: dict[str, Object]) -> set[str]:
    variables = [each for leaf in templates.values() if "container" in leaf for each in leaf["container"]["env"]]
    return {each["value"] for each in variables if each["name"] == "PENSTOCK_TURNS"}


def test_steps_that_go_back_are_told_how_many_turns_fit() -> None:
    """Of 99 levels: the main template, then a level a turn, the last with its tasks."""
    assert turns_told(of_corpus("loop")) == {'{"fit":[96,1]}'}
    assert turns_told(of_corpus("loop_exits")) == {'{"attempt":[94,3]}'}
    assert turns_told(of_corpus("nested_loops")) == {'{"outer":[95,1],"inner":[95,1]}'}
    assert turns_told(of_corpus("linear")) == set()


def test_a_step_that_is_tried_again_takes_one_turn_of_its_loop(manifests: Any) -> None:
    body = """
    @step
    def start(self): self.next(self.again)
    {retry}
    @step
    def again(self):
        self.v = "b"
        self.next({{"a": self.again, "b": self.end}}, condition="v")
    @step
    def end(self): pass
"""
    plain = templates_of(manifests(body.format(retry="")))
    tried = templates_of(manifests(body.format(retry="@retry(times=1)")))
    assert (turns_told(plain), turns_told(tried)) == ({'{"again":[96,1]}'}, {'{"again":[95,1]}'})


def test_names_that_argo_could_not_take_are_others(manifests: Any) -> None:
    names = ("matches", "true", "let", "a_b", "a__b", f"long_{'x' * 90}")
    goes = ", ".join(f"self.{name}" for name in names)
    steps = "".join(f"    @step\n    def {name}(self): self.next(self.join)\n" for name in names)
    body = f"""
    @step
    def start(self): self.next({goes})
{steps}
    @step
    def join(self, inputs): self.next(self.end)
    @step
    def end(self): pass
"""
    main = templates_of(manifests(body))["main"]
    found = {arguments(task)["step"]: name for name, task in tasks(main).items()}
    assert set(found) == {"start", *names, "join", "end"}
    assert len(set(found.values())) == len(found)
    assert [found[name] for name in names[:3]] == ["step-matches", "step-true", "step-let"]
    assert all(found[name].startswith("a-b-") for name in ("a_b", "a__b"))
    assert max(map(len, found.values())) == 63


def test_no_template_of_a_step_s_name_takes_another_one_s_place(manifests: Any) -> None:
    """Steps may be called as templates and as what stands around them."""
    body = """
    @step
    def start(self): self.next(self.task, self.main, self.body_task, self.opener)
    @step
    def task(self):
        self.xs = [1]
        self.next(self.foreach_task, foreach="xs")
    @step
    def foreach_task(self): self.next(self.more)
    @step
    def more(self): self.next(self.close)
    @step
    def close(self, inputs): self.next(self.join)
    @step
    def main(self): self.next(self.join)
    @step
    def body_task(self): self.next(self.join)
    @step
    def opener(self): self.next(self.join)
    @step
    def join(self, inputs): self.next(self.end)
    @step
    def end(self): pass
"""
    compiled = manifests(body)
    assert set(step_counts(compiled).values()) == {1}


@pytest.mark.parametrize("count", [500])
def test_a_line_is_small(count: int, flow_file: Any) -> None:
    program = demand_program(load_file(flow_file(linear(count))))
    (whole,) = objects(program, fixed_settings(program))
    leaves = sum(len(as_json(each)) for each in whole["spec"]["templates"] if "container" in each)
    assert (len(as_json(whole)) - leaves) / count <= 130
    assert len(as_json(whole)) <= 1_000 * count


def test_long_and_deep_flows_stay_small(flow_file: Any) -> None:
    deep = demand_program(load_file(flow_file(nested_foreach(48), "deep.py")))
    assert gaps(deep, BACKEND) == ()
    compiled = objects(deep, fixed_settings(deep))
    assert sum(len(as_json(each)) for each in compiled) <= 1_000 * len(deep.graph)
    deeper = demand_program(load_file(flow_file(nested_foreach(200), "deeper.py")))
    assert [gap.code for gap in gaps(deeper, BACKEND)] == ["P333"]


def test_no_text_of_a_manifest_is_taken_for_a_number(manifests: Any) -> None:
    """Argo's parser reads more texts as numbers and truth values than Python's does."""
    body = """
    bound = Parameter("bound", default="1e3")
    @step
    def start(self): self.next(self.y)
    @step
    def y(self): self.next(self.end)
    @step
    def end(self): pass
"""
    text = bundle_of(manifests(body)).files["workflow-template.yaml"].decode()
    assert "name: 'y'" in text
    assert "value: '1e3'" in text


@settings(max_examples=40)
@given(any_blocks, st.booleans())
def test_any_flow_is_sound_and_runs_each_step_once(block: Any, merged: bool) -> None:
    made = make(block, merged=merged)
    program = program_of_graph(graph_from(made.transitions, frozenset(made.joins)))[0]
    assert program is not None
    if has_errors(gaps(program, BACKEND)):
        return
    compiled = objects_of(BACKEND.lower(program, fixed_settings(program)))
    assert schema_problems(compiled) == []
    assert step_counts(compiled) == dict.fromkeys(program.graph.steps, 1)


def test_compiling_needs_no_kubernetes(flow_file: Any, tmp_path: Path) -> None:
    file = flow_file(linear(3))
    script = (
        "import runpy, sys\n"
        "sys.argv = ['flow.py', 'argo-workflows', 'create', '--only-json', '--datastore-root', 's3://bucket/x']\n"
        f"try: runpy.run_path({str(file)!r}, run_name='__main__')\n"
        "finally: print('loaded', [n for n in ('kubernetes', 'boto3', 'urllib3', 'hera') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("loaded []\n")
