"""Parameters as options: every type, both spellings, the environment."""

from __future__ import annotations

import json

import pytest
from command_line import Shell

FLOW = """
from penstock import FlowSpec, JSONType, Parameter, step


def shout(context):
    print("computing", context.parameter_name, "of", context.flow_name, "for", context.user_name)
    return context.user_name.upper()


class TypesFlow(FlowSpec):
    text = Parameter("text", default="t")
    whole = Parameter("whole", default=1)
    real = Parameter("real", default=0.5)
    flag = Parameter("dry_run", default=False)
    cfg = Parameter("cfg", type=JSONType, default='{"a": 1}')
    words = Parameter("words", default="a,b", separator=",")
    maybe = Parameter("maybe", type=int)
    who = Parameter("who", default=shout, type=str)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TypesFlow()
"""


@pytest.fixture
def flow(shell: Shell) -> Shell:
    (shell.folder / "flow.py").write_text(FLOW)
    return shell


def values(shell: Shell, *arguments: str, **extra: str) -> dict[str, object]:
    """The parameters as the last step sees them."""
    done = shell.run("flow.py", "run", *arguments, **extra)
    assert done.code == 0, done.err
    names = ["text", "whole", "real", "flag", "cfg", "words", "maybe", "who"]
    return shell.task("TypesFlow", "end").load_many(names)


DEFAULTS = {
    "text": "t",
    "whole": 1,
    "real": 0.5,
    "flag": False,
    "cfg": {"a": 1},
    "words": ["a", "b"],
    "maybe": None,
    "who": "ANN",
}


def test_without_options_the_defaults_hold(flow: Shell) -> None:
    assert values(flow) == DEFAULTS


GIVEN = {
    "--text=": {"text": ""},
    "--text=$(touch x); `id` 'é\n\"": {"text": "$(touch x); `id` 'é\n\""},
    "--whole=-3": {"whole": -3},
    "--real=1e-3": {"real": 0.001},
    "--real=2": {"real": 2.0},
    "--dry_run=yes": {"flag": True},
    "--dry-run=true": {"flag": True},
    '--cfg=[1, null, "é"]': {"cfg": [1, None, "é"]},
    '--cfg="text"': {"cfg": "text"},
    "--words=one": {"words": ["one"]},
    "--words=x,,y": {"words": ["x", "", "y"]},
    "--maybe=0": {"maybe": 0},
    "--who=me": {"who": "me"},
}


@pytest.mark.parametrize("option", GIVEN)
def test_an_option_is_read_by_its_type(flow: Shell, option: str) -> None:
    seen = values(flow, option)
    assert seen == {**DEFAULTS, **GIVEN[option]}
    assert {name: type(value) for name, value in seen.items() if name in GIVEN[option]} == {
        name: type(value) for name, value in GIVEN[option].items()
    }
    assert not (flow.folder / "x").exists()


def test_an_option_may_stand_apart_from_its_value(flow: Shell) -> None:
    assert values(flow, "--whole", "7", "--text", "a b")["whole"] == 7


def test_the_environment_gives_what_the_command_line_does_not(flow: Shell) -> None:
    seen = values(flow, "--whole=2", METAFLOW_RUN_WHOLE="1", METAFLOW_RUN_DRY_RUN="1", METAFLOW_RUN_CFG="[]")
    assert (seen["whole"], seen["flag"], seen["cfg"]) == (2, True, [])


def test_a_default_that_is_a_function_runs_once_and_only_when_needed(flow: Shell) -> None:
    called = "computing who of TypesFlow for ann"
    done = flow.run("flow.py", "run")
    assert done.out.count(called) == 1
    stored = json.loads(flow.store.get(f"TypesFlow/{flow.latest('TypesFlow')}/_input.json"))
    assert stored["who"] == "ANN"
    assert called not in flow.run("flow.py", "run", "--who=me").out
    assert called not in flow.run("flow.py", "run", "--help").out


def test_an_option_makes_way_for_a_parameter_of_its_name(flow: Shell) -> None:
    source = FLOW.replace('Parameter("whole"', 'Parameter("isolation"').replace('Parameter("text"', 'Parameter("wait"')
    (flow.folder / "flow.py").write_text(source)
    seen = values(flow, "--isolation", "7", "--wait", "here", "--penstock-isolation", "process")
    assert (seen["whole"], seen["text"]) == (7, "here")
    page = flow.run("flow.py", "step-functions", "trigger", "--help").out
    assert "--penstock-wait " in page
    assert flow.run("flow.py", "run", "--penstock-isolation", "none").code == 2


def test_an_option_with_two_names_leaves_one_to_a_parameter(shell: Shell) -> None:
    # `trigger` has --timeout too; `timeout` is what many a flow calls a parameter.
    (shell.folder / "flow.py").write_text(FLOW.replace('Parameter("whole"', 'Parameter("timeout"'))
    page = shell.run("flow.py", "step-functions", "trigger", "--help").out
    assert "--timeout INT " in page
    assert "--wait-timeout SECONDS" in page
    refused = shell.run("flow.py", "step-functions", "trigger", "--timeout", "soon")
    assert (refused.code, "parameter `timeout`" in refused.err) == (2, True)
    needs = shell.run("flow.py", "step-functions", "trigger", "--timeout", "3", "--wait-timeout", "5")
    assert (needs.code, "give --wait too" in needs.err) == (2, True)
