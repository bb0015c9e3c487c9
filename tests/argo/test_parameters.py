"""Parameters as arguments of a workflow, through everything that is done to them on their way into a container."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from argo_target import templates_of
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.backends.argo.parameters import argument_value, plain
from penstock.runtime_shim.argo_names import ARGUMENTS_ENV
from penstock.runtime_shim.initialize import PARAMETERS_ENV
from penstock.runtime_shim.platforms.argo import Argo

BODY = """
    text = Parameter("text", default="é\\n'\\"(x)", help="words of {{many}}\\nlines 🚀")
    path = Parameter("path", default="a/b")
    number = Parameter("number", default=3)
    huge = Parameter("huge", default=2**60)
    share = Parameter("share", default=0.5)
    flag = Parameter("flag", default=True)
    holes = Parameter("holes", default="{{workflow.name}} $(HOME) $$")
    rocket = Parameter("rocket", default="🚀")
    prefix = Parameter("prefix", default="penstock-json:1")
    config = Parameter("config", type=JSONType, default='{"a": [1]}')
    nothing = Parameter("nothing", default=None)
    computed = Parameter("computed", default=lambda context: "now")
    long = Parameter("long", default="x" * 4096)
    longer = Parameter("longer", default="x" * 4097)
    needed = Parameter("needed", required=True, type=int)
    @step
    def start(self): self.next(self.end)
    @step
    def end(self): pass
"""


def test_parameters_are_arguments_as_one_would_type_them(manifests: Any) -> None:
    (whole,) = manifests(BODY)
    assert whole["spec"]["arguments"]["parameters"] == [
        {"name": "text", "value": "é\n'\"(x)", "description": "words of { {many}} lines "},
        {"name": "path", "value": "a/b"},
        {"name": "number", "value": "3"},
        {"name": "huge", "value": "1152921504606846976"},
        {"name": "share", "value": "0.5"},
        {"name": "flag", "value": "true"},
        {"name": "holes", "value": 'penstock-json:"\\u007b\\u007bworkflow.name}} \\u0024(HOME) \\u0024\\u0024"'},
        {"name": "rocket", "value": 'penstock-json:"\\ud83d\\ude80"'},
        {"name": "prefix", "value": 'penstock-json:"penstock-json:1"'},
        {"name": "config", "value": '{"a":[1]}'},
        {"name": "nothing", "value": "penstock-json:null"},
        {"name": "computed", "value": "penstock-json:"},
        {"name": "long", "value": "x" * 4096},
        {"name": "longer", "value": "penstock-json:"},
        {"name": "needed"},
    ]


def test_the_start_task_alone_takes_them_before_all_other_variables(manifests: Any) -> None:
    leaves = [each for each in templates_of(manifests(BODY)).values() if "container" in each]
    first = {each["name"]: each["container"]["env"][0] for each in leaves}
    assert first["start"] == {"name": "PENSTOCK_ARGUMENTS", "value": "{{workflow.parameters}}"}
    assert [each["name"] for each in leaves if ARGUMENTS_ENV in json.dumps(each)] == ["start"]


def through_argo(values: dict[str, str]) -> str:
    """The variable as the container finds it: Argo's JSON, quoted as Go quotes strings, put into a template, read as
    JSON again, and searched by Kubernetes for variables.
    """
    marshalled = json.dumps([{"name": name, "value": value} for name, value in values.items()], ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        marshalled = marshalled.replace(letter, f"\\u{ord(letter):04x}")
    template = '{"value":"' + "".join(map(_quoted_by_go, marshalled)) + '"}'
    assert "{{" not in template
    value: str = json.loads(template)["value"]
    return re.sub(r"\$\$|\$\([^)]*\)", lambda found: "$" if found.group() == "$$" else "(expanded)", value)


def _quoted_by_go(letter: str) -> str:
    """As strconv.Quote does; to be safe, of a Go that knows no letter beyond the first plane."""
    code = ord(letter)
    if letter in '\\"':
        return f"\\{letter}"
    if code == 0x7F:
        return "\\x7f"
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return letter if letter.isprintable() else f"\\u{code:04x}"


def received(text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    env = {
        "PENSTOCK_RUN": "r", "PENSTOCK_STEP": "start", "PENSTOCK_PATH": "", "PENSTOCK_FLOW": "F",
        "PENSTOCK_ROOT": "s3://b", "PENSTOCK_ENTRY": '["flow.py"]', ARGUMENTS_ENV: text,
    }  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setenv(PARAMETERS_ENV, "")
        Argo(env)
        return json.loads(os.environ[PARAMETERS_ENV])


@given(
    st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["{{x}}", "$$", "$(PATH)", "\x7f", "a\ufeff"])
)
@example("penstock-json:null")
@example("<&>\u2028")
@example("\x00\x1f\x85\U000e0001🚀")
@example("{{{{=1}} $$$(x)")
def test_any_text_reaches_the_container_as_it_is(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert received(through_argo({"alpha": argument_value(text)}), patch) == {"alpha": text}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None), (True, "true"), (-3, "-3"), (0.1, "0.1"), (float("inf"), "inf"),
        ([1, {"a": "ü"}], '[1,{"a":"ü"}]'),
        ({"a": "{{x}}"}, '{"a": "{{x}}"}'), ({"a": {"b": {}}}, '{"a":{"b":{}}}'),
    ],
)  # fmt: skip
def test_other_values_reach_it_as_the_text_that_means_them(
    value: object, read: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert received(through_argo({"alpha": argument_value(value)}), monkeypatch) == {"alpha": read}


def test_an_argument_without_a_value_leaves_the_default_to_the_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert received(through_argo({"alpha": "penstock-json:", "beta": "1"}), monkeypatch) == {"beta": "1"}


@given(st.text())
def test_nothing_in_a_plain_text_is_replaced(text: str) -> None:
    shown = plain(text)
    assert "{{" not in shown
    assert "$$" not in shown
    assert "$(" not in shown
