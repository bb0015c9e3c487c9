"""The interpreter of workflows, on manifests written by hand: what runs, in which order, with which values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workflow_manifests import NAME, dag, inputs_of, leaf, manifest, output, places, run, stream, succeeds, task

from penstock.backends.argo.rehearsal.dependencies import Phase
from penstock.backends.argo.rehearsal.interpreter import Interpreter, Pod, PodEnd
from penstock.backends.argo.rehearsal.reading import read_manifests
from penstock.backends.rehearsal.fields import BadDocument

LEAF = leaf("leaf")
TELLING = leaf("leaf", inputs={"x": None})


def ends(**phases: Phase) -> Any:
    """Ends the tasks of these names so, all others well."""

    def behave(pod: Pod) -> PodEnd:
        phase = phases.get(pod.place.rpartition(".")[2].replace("-", "_"), Phase.SUCCEEDED)
        return PodEnd(phase, message="as told") if phase.unsuccessful else succeeds(pod)

    return behave


def gives(**outputs: dict[str, str]) -> Any:
    """Ends the tasks of these names with these outputs."""
    return lambda pod: succeeds(pod, **outputs.get(pod.place.rpartition(".")[2], {}))


def test_tasks_run_after_what_they_depend_on() -> None:
    tasks = [task("d", "b && c"), task("c", "a"), task("b", "a.Succeeded"), task("a")]
    ended, ran = run(manifest(dag("main", *tasks), LEAF))
    assert (ended.phase, places(ran)) == (Phase.SUCCEEDED, ["a", "c", "b", "d"])


def test_a_workflow_may_begin_with_a_container() -> None:
    ended, ran = run(manifest(LEAF, entrypoint="leaf"))
    assert (ended.phase, [pod.place for pod in ran]) == (Phase.SUCCEEDED, [NAME])


@pytest.mark.parametrize(
    ("depends", "a", "runs"),
    [
        ("a", Phase.SUCCEEDED, True),
        ("a", Phase.FAILED, False),
        ("a.Failed", Phase.FAILED, True),
        ("a.Errored", Phase.ERROR, True),
        ("a.Failed", Phase.ERROR, False),
        ("!a.Succeeded", Phase.FAILED, True),
        ("a.Succeeded || a.Failed", Phase.FAILED, True),
        ("(a.Failed) && b.Succeeded", Phase.FAILED, True),
        ("a.Failed && b-2.Failed", Phase.FAILED, False),
        ("b-2.Succeeded && a.Failed", Phase.FAILED, True),
        ("a.Omitted || a.Skipped || a.Daemoned", Phase.SUCCEEDED, False),
    ],
)
def test_depends_reads_the_results_of_tasks(depends: str, a: Phase, runs: bool) -> None:
    tasks = [task("a"), task("b"), task("b-2"), task("c", depends)]
    _, ran = run(manifest(dag("main", *tasks), LEAF), behave=ends(a=a))
    assert ("c" in places(ran)) is runs


def test_dependencies_are_success_or_being_skipped() -> None:
    tasks = [task("a", when="1 == 2"), task("b"), task("c", dependencies=["a", "b"]), task("d", dependencies=["c"])]
    ended, ran = run(manifest(dag("main", *tasks), LEAF), behave=ends(c=Phase.FAILED))
    assert (ended.phase, places(ran)) == (Phase.FAILED, ["b", "c"])


def test_continue_on_lets_those_go_on_that_name_the_task_in_dependencies() -> None:
    tasks = [
        task("a", continueOn={"failed": True}),
        task("b", dependencies=["a"]),
        task("c", continueOn={"error": True}),
    ]
    ended, ran = run(manifest(dag("main", *tasks), LEAF), behave=ends(a=Phase.FAILED, c=Phase.ERROR))
    assert (ended.phase, places(ran)) == (Phase.SUCCEEDED, ["a", "c", "b"])


def test_a_failure_ends_nothing_beside_it() -> None:
    tasks = [task("a"), task("b", "a"), task("c"), task("d", "c")]
    for fail_fast in (True, False):
        main = dag("main", *tasks)
        main["dag"]["failFast"] = fail_fast
        ended, ran = run(manifest(main, LEAF), behave=ends(a=Phase.FAILED))
        assert (ended.phase, places(ran)) == (Phase.FAILED, ["a", "c", "d"])
        assert ended.failures == ((f"{NAME}.a", "as told"),)


@pytest.mark.parametrize(
    ("tasks", "phase"),
    [
        ([task("a"), task("b", "a.Failed")], Phase.SUCCEEDED),
        ([task("a"), task("b", "a.Succeeded")], Phase.FAILED),
        ([task("a"), task("b", "a.Failed", when="1 == 2")], Phase.FAILED),
        ([task("a"), task("b", "a.Succeeded"), task("c", "b.Omitted")], Phase.SUCCEEDED),
        ([task("a"), task("b", "a.Succeeded"), task("c", "b.Succeeded")], Phase.FAILED),
        ([task("a"), task("ok"), task("b", "a.Succeeded && ok.Succeeded")], Phase.FAILED),
    ],
)
def test_a_dag_ends_as_the_last_of_its_tasks_did_or_what_they_would_have_followed(tasks: Any, phase: Phase) -> None:
    ended, _ = run(manifest(dag("main", *tasks), LEAF), behave=ends(a=Phase.FAILED))
    assert ended.phase is phase


def choice(chosen: str) -> Any:
    arms = [
        task(name, "decide", template="leaf", when=f"{output('decide', 'next')} == {name}", arguments={"x": name})
        for name in ("left", "right")
    ]
    merge = task(
        "merge", "(left || right) && (left.Succeeded || right.Succeeded)", arguments={"x": output("decide", "next")}
    )
    document = manifest(
        dag("main", task("decide", template="decide"), *arms, merge), TELLING, leaf("decide", outputs={"next": ""})
    )
    return run(document, behave=gives(decide={"next": chosen}))


@pytest.mark.parametrize(("chosen", "ran"), [("left", ["left", "merge"]), ("right", ["right", "merge"]), ("none", [])])
def test_a_condition_chooses_what_runs(chosen: str, ran: list[str]) -> None:
    ended, pods = choice(chosen)
    assert (ended.phase, places(pods)) == (Phase.SUCCEEDED, ["decide", *ran])


def test_an_output_of_a_skipped_task_is_the_default_of_its_template() -> None:
    tasks = [
        task("a", template="gives", when="false"),
        task("b", "a.Skipped", arguments={"x": output("a", "o")}),
        task("c", "a.Skipped", arguments={"x": f"<{output('a', 'o')}>"}),
    ]
    _, ran = run(manifest(dag("main", *tasks), TELLING, leaf("gives", outputs={"o": "so"})))
    assert [inputs_of(pod) for pod in ran] == [{"x": "so"}, {"x": "<so>"}]


def test_an_output_without_default_leaves_the_default_of_the_input() -> None:
    tasks = [task("a", template="gives", when="false"), task("b", "a.Skipped", arguments={"x": output("a", "o")})]
    templates = (leaf("leaf", inputs={"x": "own"}), leaf("gives", outputs=["o"]))
    _, ran = run(manifest(dag("main", *tasks), *templates))
    assert [inputs_of(pod) for pod in ran] == [{"x": "own"}]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (output("a", "o"), "inputs.parameters.x was not supplied"),
        (
            f"<{output('a', 'o')}>",
            "{{tasks.a.outputs.parameters.o}} has no value: its task was skipped, and the output has no default",
        ),
        (output("a", "other"), "failed to resolve {{tasks.a.outputs.parameters.other}}"),
        (output("z", "o"), "failed to resolve {{tasks.z.outputs.parameters.o}}"),
    ],
)
def test_a_reference_to_nothing_is_an_error(value: str, message: str) -> None:
    tasks = [
        task("a", template="gives", when="false"),
        task("z", template="gives"),
        task("b", "a.Skipped", arguments={"x": value}),
    ]
    ended, ran = run(manifest(dag("main", *tasks), TELLING, leaf("gives", outputs=["o"])))
    assert (ended.phase, places(ran)) == (Phase.ERROR, ["z"])
    assert ended.failures == ((f"{NAME}.b", message),)


def test_a_sequence_runs_its_task_for_each_number() -> None:
    each = task(
        "each", "open", withSequence={"count": output("open", "n")}, arguments={"x": "{{workflow.name}}/{{item}}"}
    )
    tasks = [task("open", template="open"), each, task("shut", "each", arguments={"x": ""})]
    document = manifest(dag("main", *tasks), TELLING, leaf("open", outputs=["n"]))
    ended, ran = run(document, behave=gives(open={"n": "3"}))
    assert ended.phase is Phase.SUCCEEDED
    assert places(ran) == ["open", "each(0:0)", "each(1:1)", "each(2:2)", "shut"]
    assert [inputs_of(pod)["x"] for pod in ran[1:4]] == [f"{NAME}/{number}" for number in range(3)]


def test_a_sequence_of_nothing_is_skipped_and_what_needs_it_left_out() -> None:
    tasks = [task("each", withSequence={"count": "0"}), task("b", "each.Succeeded"), task("c", "each")]
    ended, ran = run(manifest(dag("main", *tasks), LEAF))
    assert (ended.phase, places(ran)) == (Phase.SUCCEEDED, ["c"])


def test_a_template_around_a_sequence_of_nothing_succeeds() -> None:
    inner = dag("each", task("one", withSequence={"count": "{{inputs.parameters.n}}"}), inputs={"n": None})
    tasks = [task("wrap", template="each", arguments={"n": "0"}), task("b", "wrap.Succeeded")]
    ended, ran = run(manifest(dag("main", *tasks), inner, LEAF))
    assert (ended.phase, places(ran)) == (Phase.SUCCEEDED, ["b"])


@pytest.mark.parametrize(
    ("given", "items"),
    [
        ({"withSequence": {"start": 2, "end": "4"}}, ["2", "3", "4"]),
        ({"withSequence": {"start": "3", "end": "1"}}, ["3", "2", "1"]),
        ({"withSequence": {"count": 2, "start": 5, "format": "n%03d"}}, ["n005", "n006"]),
        ({"withItems": ["a", 1, 2.5, True]}, ["a", "1", "2.5", "true"]),
        ({"withParam": '["it\'s \\"x\\"", {"k": [1]}]'}, ['it\'s "x"', '{"k":[1]}']),
        ({"withParam": "[]"}, []),
    ],
)
def test_items_become_texts(given: dict[str, Any], items: list[str]) -> None:
    document = manifest(dag("main", task("each", arguments={"x": "{{item}}"}, **given)), TELLING)
    assert [inputs_of(pod)["x"] for pod in run(document)[1]] == items


def test_fields_of_an_item_have_tags_of_their_own() -> None:
    each = task("each", withItems=[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], when="{{item.b}} == y")
    each["arguments"] = {"parameters": [{"name": "x", "value": "{{item.a}}{{item.b}}"}]}
    ended, ran = run(manifest(dag("main", each), TELLING))
    assert (ended.phase, [inputs_of(pod)["x"] for pod in ran]) == (Phase.SUCCEEDED, ["2y"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"withSequence": {"count": "x"}}, "the count of a withSequence is 'x', which is no whole number"),
        ({"withParam": "x"}, "withParam is 'x', which is no JSON list"),
        ({"when": "x =="}, "cannot be read: it ends too early"),
        ({"when": "{{item}} == x"}, "`{{item}} == x` cannot be read from `{{item}} == x` on"),
        ({"when": "a-b == c"}, '`-` cannot be applied to "a" and "b"'),
    ],
)
def test_what_has_no_items_or_no_condition_is_an_error(given: dict[str, Any], message: str) -> None:
    ended, ran = run(manifest(dag("main", task("each", **given)), LEAF))
    assert (ended.phase, ran) == (Phase.ERROR, [])
    assert message in ended.failures[0][1]


def test_results_of_items_together() -> None:
    tasks = [
        task("some", withItems=[0, 1]),
        task("none", withItems=[0, 1]),
        task("after-some", "some.AnySucceeded"),
        task("after-none", "none.AllFailed"),
        task("never", "some.AllFailed || none.AnySucceeded"),
    ]
    failed = ("some(0:0)", "none(0:0)", "none(1:1)")
    behave = lambda pod: (  # noqa: E731
        PodEnd(Phase.FAILED) if pod.place.rpartition(".")[2] in failed else succeeds(pod)
    )
    _, ran = run(manifest(dag("main", *tasks), LEAF), behave=behave)
    assert places(ran)[4:] == ["after-some", "after-none"]


class Counting:
    """Ends pods later, in order, and counts how many run at once."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.pending: list[Any] = []

    def launch(self, pod: Pod, ended: Any) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.pending.append((pod, ended))

    def stop(self) -> None:
        pass


@pytest.mark.parametrize(("parallelism", "most"), [(None, 6), (2, 2)])
def test_parallelism_bounds_the_tasks_of_its_dag(parallelism: int | None, most: int) -> None:
    body = dag("body", task("x"))
    bound = {} if parallelism is None else {"parallelism": parallelism}
    each = dag("main", task("each", template="body", withSequence={"count": "6"}), **bound)
    counting = Counting()
    interpreter = Interpreter(read_manifests(stream(manifest(each, body, LEAF))), "by-hand", lambda _: counting, NAME)
    consumed = interpreter._events.get

    def end_one(*args: Any, **kwargs: Any) -> Any:
        if counting.pending:
            pod, ended = counting.pending.pop(0)
            counting.running -= 1
            ended(succeeds(pod))
        return consumed(*args, **kwargs)

    interpreter._events.get = end_one  # type: ignore[method-assign]  # pods end when the interpreter waits for one
    assert interpreter.run({}).phase is Phase.SUCCEEDED
    assert counting.most == most


def loop(turns: int, each: int = 1) -> Any:
    """A template that calls itself ``turns`` times, ``each`` levels deeper with each."""
    again = task("again", "body.Succeeded", template="inner0", when=f"{output('body', 'next')} == again")
    stay = [dag(f"inner{n}", task("in", template=f"inner{n + 1}")) for n in range(each - 1)]
    last = dag(f"inner{each - 1}", task("body", template="body"), again)
    document = manifest(dag("main", task("loop", template="inner0")), *stay, last, leaf("body", outputs=["next"]))
    seen: list[str] = []

    def behave(pod: Pod) -> PodEnd:
        seen.append(pod.place)
        return succeeds(pod, next="again" if len(seen) <= turns else "done")

    return run(document, behave=behave)


def test_a_template_may_call_itself() -> None:
    ended, ran = loop(3)
    assert ended.phase is Phase.SUCCEEDED
    assert places(ran) == ["loop.body", "loop.again.body", "loop.again.again.body", "loop.again.again.again.body"]


@pytest.mark.parametrize(("turns", "each", "well"), [(96, 1, True), (97, 1, False), (31, 3, True), (32, 3, False)])
def test_templates_nest_99_deep(turns: int, each: int, well: bool) -> None:
    ended, ran = loop(turns, each)
    assert ended.phase is (Phase.SUCCEEDED if well else Phase.ERROR)
    assert len(ran) == turns + well
    if not well:
        deepest = "body" if each == 1 else "inner2"
        assert ended.failures[0][1] == f"Maximum recursion depth exceeded: by-hand/{deepest} is 100 templates deep"


def test_templates_of_other_objects_are_used_with_their_neighbours() -> None:
    other = manifest(dag("way", task("x", template="near")), leaf("near"), name="other", entrypoint="")
    reference = {"templateRef": {"name": "other", "template": "way"}, "template": None}
    document = manifest(dag("main", task("far", **reference)))
    ended, ran = run(document, other)
    assert (ended.phase, places(ran)) == (Phase.SUCCEEDED, ["far.x"])


def test_outputs_of_a_dag_are_those_of_its_tasks() -> None:
    inner = dag("inner", task("a", template="gives"), task("b", "a", template="gives", when="false"))
    inner["outputs"] = {
        "parameters": [
            {"name": "one", "valueFrom": {"parameter": output("a", "o")}},
            {"name": "two", "valueFrom": {"expression": "tasks.a.outputs.parameters.o + '!'"}},
            {"name": "three", "valueFrom": {"parameter": output("b", "o"), "default": "none"}},
            {"name": "four", "valueFrom": {"expression": "tasks.b.outputs.parameters.o ?? 'nil'"}},
        ]
    }
    told = {name: output("inner", name) for name in ("one", "two", "three", "four")}
    tasks = [task("inner", template="inner"), task("tell", "inner", arguments={"x": json.dumps(told)})]
    document = manifest(dag("main", *tasks), inner, TELLING, leaf("gives", outputs=["o"]))
    ended, ran = run(document, behave=gives(a={"o": "7"}))
    assert ended.phase is Phase.SUCCEEDED
    assert json.loads(inputs_of(ran[-1])["x"]) == {"one": "7", "two": "7!", "three": "none", "four": "nil"}


def test_an_output_of_a_dag_that_has_no_value_is_an_error() -> None:
    inner = dag("main", task("a", template="gives", when="false"))
    inner["outputs"] = {"parameters": [{"name": "o", "valueFrom": {"parameter": output("a", "o")}}]}
    ended, _ = run(manifest(inner, leaf("gives", outputs=["o"])))
    assert ended.failures == ((NAME, "the output `o` has no value, and no default"),)
    assert ended.phase is Phase.ERROR


def test_parameters_of_the_workflow_are_texts_with_defaults() -> None:
    tags = "{{workflow.parameters.a}} {{workflow.parameters.b}}"
    document = manifest(
        dag("main", task("t", arguments={"x": tags})), TELLING, parameters={"a": 1.5, "b": None, "c": True}
    )
    _, ran = run(document, parameters={"b": 'it\'s "quoted" \n\\ é 🌊'})
    assert inputs_of(ran[0])["x"] == '1.5 it\'s "quoted" \n\\ é 🌊'


def test_all_parameters_at_once_are_json_with_what_is_said_of_them() -> None:
    document = manifest(dag("main", task("t", arguments={"x": "{{workflow.parameters}}"})), TELLING)
    listed = [{"name": "a", "value": "<&>\u2028", "description": "an a"}, {"name": "b", "value": '{"x": "\\n"}'}]
    document["spec"]["arguments"] = {"parameters": listed}
    _, ran = run(document)
    text = inputs_of(ran[0])["x"]
    assert json.loads(text) == [{"name": "a", "value": "<&>\u2028", "description": "an a"}, listed[1]]
    assert "<" not in text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "parameter `b` is required and not given"),
        ({"b": "1", "z": "2"}, "WorkflowTemplate by-hand: it has no parameter `z`"),
    ],
)
def test_parameters_that_the_workflow_does_not_take_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(BadDocument) as caught:
        run(manifest(dag("main", task("t")), LEAF, parameters={"b": None}), parameters=given)
    assert str(caught.value) == f"error[R187]: {message}"


def test_the_exit_handler_hears_how_it_went() -> None:
    handler = dag("bye", task("tell", arguments={"x": "{{workflow.status}} {{workflow.failures}}"}))
    document = manifest(dag("main", task("a", template="plain")), handler, TELLING, leaf("plain"), onExit="bye")
    for phase, status in ((Phase.SUCCEEDED, "Succeeded"), (Phase.FAILED, "Failed")):
        ended, ran = run(document, behave=ends(a=phase))
        assert (ended.phase, places(ran)[1]) == (phase, "onExit.tell")
        told, _, failures = inputs_of(ran[1])["x"].partition(" ")
        assert told == status
        listed = json.loads(json.loads(failures)) or []
        assert [each["message"] for each in listed] == (["as told"] if phase is Phase.FAILED else [])


def test_an_exit_handler_that_fails_fails_the_run() -> None:
    document = manifest(dag("main", task("a")), dag("bye", task("b")), LEAF, onExit="bye")
    ended, _ = run(document, behave=ends(b=Phase.FAILED))
    assert ended.phase is Phase.FAILED


def test_an_exit_handler_that_only_the_cluster_has_is_not_run_and_named() -> None:
    handler = dag("bye", task("tell", template=None, templateRef={"name": "alerts", "template": "mail"}))
    ended, ran = run(manifest(dag("main", task("a")), handler, LEAF, onExit="bye"))
    assert (ended.phase, ended.not_run, places(ran)) == (Phase.SUCCEEDED, "alerts/mail", ["a"])


def test_deep_and_long_workflows_need_no_recursion() -> None:
    levels = [dag(f"l{n}", task("in", template=f"l{n + 1}" if n < 90 else "leaf")) for n in range(91)]
    tasks = [task(f"t{n}", f"t{n - 1}" if n else "") for n in range(2_000)]
    wide = [task(f"w{n}") for n in range(1_000)]
    all_of = task("all", " && ".join(f"(w{n}.Succeeded || w{n}.Skipped)" for n in range(1_000)))
    ended, ran = run(manifest(dag("main", task("deep", template="l0"), *tasks, *wide, all_of), *levels, LEAF))
    assert (ended.phase, len(ran)) == (Phase.SUCCEEDED, 3_002)
