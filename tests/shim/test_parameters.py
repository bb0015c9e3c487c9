"""Parameters: types, defaults, text and JSON, and everything that is wrong in one message."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from record_walk import Walk

from penstock import FlowSpec, JSONType, Parameter, step
from penstock.runtime_shim.parameters import (
    InvalidParameters,
    ParameterContext,
    attributes_of,
    parameters_of,
    resolve,
    stored_input,
)

WalkOf = Callable[[type[FlowSpec]], Walk]


class KindsFlow(FlowSpec):
    text = Parameter("text", default="it's $(touch x) \"\n水")
    count = Parameter("count", default=3)
    ratio = Parameter("ratio", default=0.5)
    flag = Parameter("flag", default=False)
    config = Parameter("config", type=JSONType, default='{"a": [1, null]}')
    listed = Parameter("listed", default="a,b", separator=",")
    nothing = Parameter("nothing", type=int)
    named = Parameter("other-name", default="x")
    computed = Parameter("computed", default=lambda context: f"{context.flow_name}:{context.parameter_name}")

    @step
    def start(self):
        self.values = {
            name: getattr(self, name)
            for name in ("text", "count", "ratio", "flag", "config", "listed", "nothing", "named", "computed")
        }
        self.next(self.end)

    @step
    def end(self):
        pass


DEFAULTS = {
    "text": "it's $(touch x) \"\n水",
    "count": 3,
    "ratio": 0.5,
    "flag": False,
    "config": {"a": [1, None]},
    "listed": ["a", "b"],
    "nothing": None,
    "named": "x",
    "computed": "KindsFlow:computed",
}
GIVEN = {
    "text": "--quoted 'x' $(rm -rf /) \\ \"",
    "count": -7,
    "ratio": 2.0,
    "flag": True,
    "config": ["x", {"y": "水"}],
    "listed": ["p", "q", ""],
    "nothing": 4,
    "named": "",
    "computed": "given",
}
AS_TEXT = {
    "text": GIVEN["text"],
    "count": "-7",
    "ratio": "2",
    "flag": "True",
    "config": '["x", {"y": "水"}]',
    "listed": "p,q,",
    "nothing": "4",
    "other-name": "",
    "computed": "given",
}


def test_defaults_have_their_types(walk_of: WalkOf) -> None:
    walk = walk_of(KindsFlow)
    assert walk.step("start").err == ""
    assert walk.task("start").load("values") == DEFAULTS


def test_values_of_the_command_line_are_read_by_type(walk_of: WalkOf) -> None:
    walk = walk_of(KindsFlow)
    options = [f"--{name}={value}" for name, value in AS_TEXT.items()]
    assert walk.command("init", "--run-id", "1", *options).err == ""
    walk.step("start")
    assert walk.task("start").load("values") == GIVEN


@pytest.mark.parametrize("how", ["environment", "object", "init variables"])
def test_values_of_a_scheduler_arrive_byte_equal(walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    walk = walk_of(KindsFlow)
    if how == "environment":
        monkeypatch.setenv("PENSTOCK_PARAMETERS", json.dumps(AS_TEXT))
    elif how == "object":
        walk.give({**AS_TEXT, "count": -7, "ratio": 2, "flag": True, "config": GIVEN["config"], "nothing": 4})
    else:
        for name, value in AS_TEXT.items():
            monkeypatch.setenv(f"METAFLOW_INIT_{name.replace('-', '_').upper()}", str(value))
        walk.command("init", "--run-id", "1")
    assert walk.step("start").err == ""
    assert walk.task("start").load("values") == GIVEN


def test_init_happens_once(walk_of: WalkOf) -> None:
    walk = walk_of(KindsFlow)
    walk.command("init", "--run-id", "1", "--count", "1")
    assert walk.command("init", "--run-id", "1", "--count", "2").code == 0
    walk.give({"count": 9})
    walk.step("start")
    assert walk.task("start").load("values")["count"] == 1


def test_stored_input_resolves_to_the_same_values() -> None:
    for given in (AS_TEXT, {"config": '"a string"'}, {"config": '"{}"'}, {"config": "null"}, {}):
        stored = json.loads(json.dumps(stored_input(KindsFlow, given, {})))
        assert resolve(KindsFlow, stored, {}) == resolve(KindsFlow, given, {})


def test_deployed_defaults_win_over_the_function() -> None:
    assert resolve(KindsFlow, {}, {"computed": "then"})["computed"] == "then"
    context = ParameterContext("F", "ann", "")
    assert parameters_of(KindsFlow)["computed"].deployed_default(context) == "F:computed"
    assert parameters_of(KindsFlow)["config"].deployed_default(context) == {"a": [1, None]}


class StrictFlow(FlowSpec):
    size = Parameter("size", type=int, required=True)
    name_of = Parameter("name-of", type=str, required=True)
    flag = Parameter("flag", default=True)
    config = Parameter("config", type=JSONType)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


def test_everything_wrong_is_one_failure(walk_of: WalkOf) -> None:
    walk = walk_of(StrictFlow)
    walk.give({"size": "many", "flag": "perhaps", "config": "{", "sise": 3, "SIZE": 1})
    outcome = walk.step("start")
    assert outcome.code == 202
    assert outcome.err == (
        "error[R120]: StrictFlow/1/start/t: the flow has no parameter `sise`; parameter `size` is given twice;"
        " parameter `size` must be an integer, not 'many'; parameter `name-of` is required and has no value;"
        " parameter `flag` must be true or false, not 'perhaps'; parameter `config` must be valid JSON, not '{'\n"
        "  = help: parameters: size (int), name-of (str), flag (bool), config (json)\n"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("size", 1.5), ("size", True), ("size", "1.5"), ("size", [1]), ("flag", 1), ("name-of", 5), ("name-of", {"a": 1})],
)
def test_json_values_must_have_the_type(name: str, value: object) -> None:
    given = {"size": 1, "name_of": "x"} | {name.replace("-", "_"): value}
    with pytest.raises(InvalidParameters, match=f"parameter `{name}` must be "):
        resolve(StrictFlow, given, {})


def test_null_is_no_value_for_a_required_parameter_but_one_for_json() -> None:
    with pytest.raises(InvalidParameters, match="parameter `size` is required and has no value"):
        resolve(StrictFlow, {"size": None, "name-of": "x"}, {})
    assert resolve(StrictFlow, {"size": 1, "name-of": "x", "config": None}, {})["config"] is None


@pytest.mark.parametrize(
    ("text", "sentence"), [("{", "are not JSON: "), ("[1]", 'are no JSON object, like {"alpha": 1}\n')]
)
def test_input_that_is_no_object_is_one_sentence(
    walk_of: WalkOf, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.setenv("PENSTOCK_PARAMETERS", text)
    outcome = walk_of(StrictFlow).step("start")
    where = "the environment variable PENSTOCK_PARAMETERS"
    assert outcome.code == 202
    assert outcome.err.startswith(f"error[R130]: StrictFlow/1/start/t: the parameters in {where} {sentence}")


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        (Parameter("a b"), "'a b' cannot be the name of a parameter: use letters, digits, `_` and `-`"),
        (Parameter("run-id"), "the name `run-id` is reserved: it is an option of Penstock's own"),
        (Parameter("a", color="red"), "parameter `a` has no setting `color`"),
        (Parameter("a", type=set), "parameter `a` has the type <class 'set'>: use str, int, float, bool or JSONType"),
        (Parameter("a", type=["x"]), "parameter `a` has the type ['x']: use str, int, float, bool or JSONType"),
        (Parameter("a", default={1}), "the default of parameter `a` must be a string, not {1}"),
        (Parameter("a", type=int, separator=","), "parameter `a` has a separator, which only a string can have"),
        (Parameter("a", separator=""), "the separator of parameter `a` is not a text of at least one character"),
        (Parameter("a", type=int, default="x"), "the default of parameter `a` must be an integer, not 'x'"),
        (Parameter("a", type=JSONType, default="{"), "the default of parameter `a` must be valid JSON, not '{'"),
        (
            Parameter("a", type=JSONType, default={1: {2}}),
            "the default of parameter `a` must be valid JSON, and Object of",
        ),
    ],
)
def test_a_definition_says_what_is_wrong_with_it(parameter: Parameter, problem: str) -> None:
    (found,) = parameter.problems()
    assert found.startswith(problem)


def test_a_good_definition_has_no_problems() -> None:
    assert [parameter.problems() for parameter in attributes_of(KindsFlow).values()] == [[]] * 9


@pytest.mark.parametrize(
    ("default", "name"),
    [("a", "str"), (1, "int"), (1.5, "float"), (True, "bool"), ({}, "json"), ([1], "json"), (None, "str")],
)
def test_the_type_follows_from_the_default(default: object, name: str) -> None:
    assert Parameter("p", default=default).type_name == name


class FailingDefaultFlow(FlowSpec):
    broken = Parameter("broken", default=lambda context: 1 // 0)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class WrongDefaultFlow(FlowSpec):
    wrong = Parameter("wrong", type=int, default=lambda context: "many")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_default_that_cannot_be_computed_names_its_function(walk_of: WalkOf) -> None:
    assert walk_of(FailingDefaultFlow).step("start").err == (
        "error[R120]: FailingDefaultFlow/1/start/t: the default of parameter `broken` could not be computed:"
        " ZeroDivisionError: integer division or modulo by zero\n  = help: the function `<lambda>` raised it\n"
    )
    assert walk_of(WrongDefaultFlow).step("start").err == (
        "error[R120]: WrongDefaultFlow/1/start/t: the computed default of parameter `wrong` must be an integer,"
        " not 'many'\n"
    )


class BaseFlow(FlowSpec):
    first = Parameter("first", default=1)
    second = Parameter("second", default=2)
    third: Any = Parameter("third", default=3)


class DerivedFlow(BaseFlow):
    second = Parameter("second", default=22)
    third = "a constant now"
    fourth = Parameter("fourth", default=4)

    @step
    def start(self):
        self.values = (self.first, self.second, self.third, self.fourth)
        self.next(self.end)

    @step
    def end(self):
        pass


def test_parameters_are_inherited_and_overridden(walk_of: WalkOf) -> None:
    assert list(parameters_of(DerivedFlow)) == ["first", "second", "fourth"]
    walk = walk_of(DerivedFlow)
    assert walk.step("start").err == ""
    assert walk.task("start").load("values") == (1, 22, "a constant now", 4)
