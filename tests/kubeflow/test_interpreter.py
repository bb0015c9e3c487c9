"""The interpreter of pipelines, on documents written by hand: what runs, in which order, with which inputs."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ir_documents import (
    UUID,
    ScriptedLauncher,
    component,
    constant,
    loop,
    outer,
    output,
    parsed,
    pipeline,
    run,
    task,
)

from penstock.backends.kubeflow.rehearsal.interpreter import Container, ContainerEnded, Interpreter, Phase
from penstock.backends.rehearsal.fields import BadDocument

LEAF = component()


def places(containers: list[Container]) -> list[str]:
    return [each.place for each in containers]


def gives(**outputs: Any) -> Any:
    """Ends the tasks of these names with these outputs, all others with none."""
    return lambda each: ContainerEnded(outputs.get(each.place.rpartition(".")[2], {}))


def fails(*names: str) -> Any:
    return lambda each: ContainerEnded(failure="as told" if each.place in names else "")


def test_tasks_run_after_what_they_depend_on() -> None:
    tasks = {"d": task("leaf", "b", "c"), "c": task("leaf", "a"), "b": task("leaf", "a"), "a": task("leaf")}
    ended, ran = run(pipeline(tasks, {"leaf": LEAF}))
    assert ended.phase is Phase.SUCCEEDED
    assert places(ran) == ["a", "b", "c", "d"]


def test_an_output_that_is_read_is_a_dependency() -> None:
    reads, gives_n = component({"n": "NUMBER_INTEGER"}), component(outputs={"n": "NUMBER_INTEGER"})
    tasks = {"a": task("reads", inputs={"n": output("z", "n")}), "z": task("gives")}
    _, ran = run(pipeline(tasks, {"reads": reads, "gives": gives_n}), behave=gives(z={"n": 7}))
    assert [(each.place, each.inputs) for each in ran] == [("z", {}), ("a", {"n": 7})]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{$.pipeline_job_uuid}}", UUID),
        ("{{$.pipeline_job_name}}", f"by-hand-{UUID[:5]}"),
        ("plain", "plain"),
        ("{{other}}", "{{other}}"),
    ],
)
def test_placeholders_of_the_run_are_replaced_where_they_are_all_of_a_constant(value: str, expected: str) -> None:
    leaf = component({"run": "STRING"})
    _, ran = run(pipeline({"a": task("leaf", inputs={"run": constant(value)})}, {"leaf": leaf}))
    assert ran[0].inputs == {"run": expected}


def test_a_placeholder_inside_of_a_constant_is_refused() -> None:
    leaf = component({"run": "STRING"})
    document = pipeline({"a": task("leaf", inputs={"run": constant("kfp-{{$.pipeline_job_uuid}}")})}, {"leaf": leaf})
    with pytest.raises(BadDocument, match="only where it is all of the constant"):
        run(document)


def test_a_placeholder_in_an_input_of_the_pipeline_is_not_replaced() -> None:
    leaf = component({"x": "STRING"})
    document = pipeline({"a": task("leaf", inputs={"x": outer("x")})}, {"leaf": leaf}, {"x": "STRING"})
    _, ran = run(document, {"x": "{{$.pipeline_job_uuid}}"})
    assert ran[0].inputs == {"x": "{{$.pipeline_job_uuid}}"}


def choices(**conditions: str) -> dict[str, Any]:
    """A wrapper around one DAG for each arm, as a pipeline needs it whose arms merge."""
    arms = {
        name: task(f"arm-{name}", inputs={"next": outer("next")}, triggerPolicy={"condition": condition})
        for name, condition in conditions.items()
    }
    inner = {f"arm-{name}": component({"next": "STRING"}, dag={name: task("leaf")}) for name in conditions}
    switch = component(outputs={"next": "STRING"})
    wrapped = component({"next": "STRING"}, dag=arms)
    tasks = {
        "switch": task("switch"),
        "choice": task("choice", inputs={"next": output("switch", "next")}),
        "merge": task("leaf", "choice"),
    }
    return pipeline(tasks, {"leaf": LEAF, "switch": switch, "choice": wrapped, **inner})


@pytest.mark.parametrize(("chosen", "arms"), [("x", ["choice.x.x"]), ("y", ["choice.y.y"]), ("z", [])])
def test_a_choice_runs_one_arm_and_what_follows_the_wrapper(chosen: str, arms: list[str]) -> None:
    document = choices(x="inputs.parameter_values['next'] == 'x'", y="inputs.parameter_values['next'] == 'y'")
    ended, ran = run(document, behave=gives(switch={"next": chosen}))
    assert ended.phase is Phase.SUCCEEDED
    assert places(ran) == ["switch", *arms, "merge"]


def test_what_depends_on_a_skipped_task_itself_is_left_out_and_so_is_what_follows() -> None:
    conditional = component({"n": "STRING"})
    tasks = {
        "a": task(
            "cond", inputs={"n": constant("0")}, triggerPolicy={"condition": "inputs.parameter_values['n'] == '1'"}
        ),
        "b": task("leaf", "a"),
        "c": task("leaf", "b"),
        "d": task("leaf"),
    }
    ended, ran = run(pipeline(tasks, {"leaf": LEAF, "cond": conditional}))
    assert (ended.phase, places(ran)) == (Phase.SUCCEEDED, ["d"])


def each_of(inner: dict[str, Any] | None = None, limit: int = 0) -> dict[str, Any]:
    """A foreach over the output of `open`, with `shut` after it."""
    body = component(
        {"path": "STRING", "splits": "LIST"}, dag=inner or {"body": task("leaf", inputs={"path": outer("path")})}
    )
    tasks = {
        "open": task("open"),
        "each": loop("each", "each", "splits", "path", limit=limit, inputs={"splits": output("open", "splits")}),
        "shut": task("plain", "each"),
    }
    components = {
        "open": component(outputs={"splits": "LIST"}),
        "each": body,
        "leaf": component({"path": "STRING"}),
        "plain": LEAF,
    }
    return pipeline(tasks, components)


def test_a_loop_runs_its_body_for_each_item_and_is_over_after_all() -> None:
    ended, ran = run(each_of(), behave=gives(open={"splits": ["/0", "/1", "/2"]}))
    assert ended.phase is Phase.SUCCEEDED
    assert places(ran) == ["open", "each[0].body", "each[1].body", "each[2].body", "shut"]
    assert [each.inputs for each in ran[1:4]] == [{"path": "/0"}, {"path": "/1"}, {"path": "/2"}]


def test_a_loop_over_nothing_has_succeeded() -> None:
    ended, ran = run(each_of(), behave=gives(open={"splits": []}))
    assert (ended.phase, places(ran)) == (Phase.SUCCEEDED, ["open", "shut"])


def test_items_of_another_type_than_the_body_takes_become_text_or_fail() -> None:
    _, ran = run(each_of(), behave=gives(open={"splits": [1, True]}))
    assert [each.inputs for each in ran[1:3]] == [{"path": "1"}, {"path": "true"}]
    number = component({"n": "NUMBER_INTEGER"})
    document = pipeline({"each": loop("leaf", "each", ["x"], "n")}, {"leaf": number})
    ended, ran = run(document)
    assert ended.phase is Phase.FAILED
    assert ended.failures == (("each", 'task each, item 0: the value "x" is no NUMBER_INTEGER'),)


def test_loops_nest_and_read_outputs_of_the_loop_around() -> None:
    inner_loop = loop("inner", "deep", "splits", "path", inputs={"splits": output("again", "splits")})
    inner = {"again": task("open", inputs={}), "deep": inner_loop, "shut": task("plain", "deep")}
    document = each_of(inner)
    body = {"leaf": task("leaf", inputs={"path": outer("path")})}
    document["components"]["inner"] = component({"path": "STRING", "splits": "LIST"}, dag=body)
    ended, ran = run(document, behave=gives(open={"splits": ["/0", "/1"]}, again={"splits": ["/9"]}))
    assert ended.phase is Phase.SUCCEEDED
    assert set(places(ran)) == {
        "open", "shut", "each[0].again", "each[1].again", "each[0].deep[0].leaf", "each[1].deep[0].leaf",
        "each[0].shut", "each[1].shut",
    }  # fmt: skip


def test_a_failure_ends_its_dag_and_what_runs_beside_it_ends_in_order() -> None:
    side = component(dag={"one": task("leaf"), "two": task("leaf", "one")})
    tasks = {"a": task("leaf"), "b": task("leaf", "a"), "side": task("side")}
    ended, ran = run(pipeline(tasks, {"leaf": LEAF, "side": side}), behave=fails("a"))
    assert ended.phase is Phase.FAILED
    assert ended.failures == (("a", "as told"),)
    assert places(ran) == ["a", "side.one", "side.two"]


def test_a_failed_iteration_stops_further_ones() -> None:
    behave = lambda each: (  # noqa: E731
        ContainerEnded({"splits": ["/0", "/1", "/2"]}) if each.place == "open"
        else ContainerEnded(failure="as told" if each.place == "each[1].body" else "")
    )  # fmt: skip
    ended, ran = run(each_of(limit=1), behave=behave)
    assert (ended.phase, places(ran)) == (Phase.FAILED, ["open", "each[0].body", "each[1].body"])


@pytest.mark.parametrize(("limit", "widest"), [(1, 1), (3, 3), (0, 7)])
def test_as_many_iterations_run_at_once_as_the_policy_allows(limit: int, widest: int) -> None:
    launcher = SlowLauncher(gives(open={"splits": [f"/{split}" for split in range(7)]}))
    ended = Interpreter(parsed(each_of(limit=limit)), launcher, UUID).run({})
    assert ended.phase is Phase.SUCCEEDED
    assert len(launcher.launched) == 9
    assert launcher.widest == widest


class SlowLauncher(ScriptedLauncher):
    """Ends a container once no other has been started for a while; ``widest`` is how many ran at once at the most."""

    def __init__(self, behave: Any) -> None:
        super().__init__(behave)
        self.widest = 0
        self._running: list[tuple[Container, Any]] = []
        self._timer: threading.Timer | None = None

    def launch(self, container: Container, ended: Any) -> None:
        self.launched.append(container)
        self._running.append((container, ended))
        self.widest = max(self.widest, len(self._running))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(0.05, self._end_all)
        self._timer.start()

    def _end_all(self) -> None:
        running, self._running = self._running, []
        for container, ended in running:
            ended(self._behave(container))


def test_retry_policies_count_outside_of_loops_only() -> None:
    policy = {"maxRetryCount": 3, "backoffDuration": "30s", "backoffFactor": 2, "backoffMaxDuration": "100s"}
    body = component({"n": "NUMBER_INTEGER"}, dag={"body": task("leaf", retryPolicy=policy)})
    tasks = {"a": task("leaf", retryPolicy=policy), "each": loop("body", "each", [1], "n")}
    _, ran = run(pipeline(tasks, {"leaf": LEAF, "body": body}))
    by_place = {each.place: each.retry for each in ran}
    assert by_place["each[0].body"] is None
    retry = by_place["a"]
    assert retry is not None
    assert [retry.seconds(attempt) for attempt in (1, 2, 3)] == [30, 60, 100]


def test_outputs_of_a_dag_are_those_of_its_tasks() -> None:
    inner = component(outputs={"n": "NUMBER_INTEGER"}, dag={"gives": task("gives")})
    selector = {"valueFromParameter": {"producerSubtask": "gives", "outputParameterKey": "n"}}
    inner["dag"]["outputs"] = {"parameters": {"n": selector}}
    tasks = {"inner": task("inner"), "reads": task("reads", inputs={"n": output("inner", "n")})}
    reads = component({"n": "NUMBER_INTEGER"})
    giving = component(outputs={"n": "NUMBER_INTEGER"})
    _, ran = run(pipeline(tasks, {"inner": inner, "gives": giving, "reads": reads}), behave=gives(gives={"n": 3}))
    assert ran[-1].inputs == {"n": 3}


@pytest.mark.parametrize(
    ("kind", "value", "seen"),
    [
        ("STRING", "a' $(x)\n", "a' $(x)\n"),
        ("NUMBER_INTEGER", 7, 7),
        ("NUMBER_INTEGER", 2**53 + 1, 2**53),  # numbers of google.protobuf.Value are doubles
        ("NUMBER_DOUBLE", 1.0, 1),
        ("BOOLEAN", True, True),
        ("LIST", [1, None], [1, None]),
        ("STRUCT", {"a": []}, {"a": []}),
    ],
)
def test_parameters_of_the_run_reach_tasks_as_protobuf_values(kind: str, value: Any, seen: Any) -> None:
    leaf = component({"x": kind})
    document = pipeline({"a": task("leaf", inputs={"x": outer("x")})}, {"leaf": leaf}, {"x": kind})
    _, ran = run(document, {"x": value})
    assert ran[0].inputs == {"x": seen}


def test_an_optional_parameter_that_is_not_given_is_missing_in_the_container() -> None:
    leaf = component({"x": "STRING?"})
    document = pipeline({"a": task("leaf", inputs={"x": outer("x")})}, {"leaf": leaf}, {"x": "STRING?"})
    _, ran = run(document)
    assert ran[0].inputs == {}


def test_a_null_for_an_input_that_is_not_optional_fails_the_task() -> None:
    leaf = component({"x": "STRING"})
    document = pipeline({"a": task("leaf", inputs={"x": outer("x")})}, {"leaf": leaf}, {"x": "STRING?"})
    ended, _ = run(document)
    assert ended.failures == (("a", "task a: the input `x` is null, and not optional"),)


def test_defaults_of_the_pipeline_count() -> None:
    leaf = component({"x": "STRING"})
    document = pipeline({"a": task("leaf", inputs={"x": outer("x")})}, {"leaf": leaf}, {"x": "STRING?"})
    document["root"]["inputDefinitions"]["parameters"]["x"]["defaultValue"] = "so"
    _, ran = run(document)
    assert ran[0].inputs == {"x": "so"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "parameter `x` is required and not given"),
        ({"x": "1"}, 'parameter `x`: the value "1" is no NUMBER_INTEGER'),
        ({"x": 1.5}, "parameter `x`: the value 1.5 is no NUMBER_INTEGER"),
        ({"x": 1, "y": 2}, "the pipeline has no parameter `y`"),
    ],
)
def test_parameters_that_the_pipeline_does_not_take_are_refused(given: dict[str, Any], message: str) -> None:
    document = pipeline({"a": task("leaf")}, {"leaf": LEAF}, {"x": "NUMBER_INTEGER"})
    with pytest.raises(BadDocument) as caught:
        run(document, given)
    assert str(caught.value) == f"error[R187]: {message}"


def test_deep_and_long_pipelines_need_no_recursion() -> None:
    levels = {f"l{n}": component(dag={"in": task(f"l{n + 1}")}) for n in range(300)}
    tasks = {f"t{n}": task("leaf", *([f"t{n - 1}"] if n else [])) for n in range(2_000)}
    document = pipeline({**tasks, "deep": task("l0")}, {**levels, "l300": LEAF, "leaf": LEAF})
    ended, ran = run(document)
    assert (ended.phase, len(ran)) == (Phase.SUCCEEDED, 2_001)
