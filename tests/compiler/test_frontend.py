"""Reading: which steps a flow has, where each word of it stands, and what happens without a source."""

from __future__ import annotations

import codecs
import sys
import tokenize
from collections.abc import Callable
from pathlib import Path

import pytest
from compiler_flows import load_file

from penstock.compiler.diagnostics import Label, Refused
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.frontend import graph_of, read_written
from penstock.compiler.pipeline import compile_flow, demand_program
from penstock.compiler.planning import plan_of
from penstock.compiler.render import render_text
from penstock.compiler.spans import Span
from penstock.compiler.steps import Foreach, Goto, Split, Stop, Switch
from penstock.runtime_shim.flowspec import FlowSpec

Maker = Callable[..., type[FlowSpec]]


def graph(flow: type) -> FlowGraph:
    compiled = compile_flow(flow)
    assert compiled.diagnostics == ()
    assert compiled.graph is not None
    return compiled.graph


def test_a_flow_becomes_a_graph(flow_from: Maker) -> None:
    read = graph(
        flow_from(
            '''from penstock import FlowSpec, Parameter, step

class TrainFlow(FlowSpec):
    """Trains.

    Twice.
    """

    rate = Parameter("learning-rate", default=0.1, help="how fast")
    seed = Parameter("seed", default=lambda context: 7, type=int)
    name_of_run = Parameter("run", required=True)

    @step
    def start(self):
        """Begin."""
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.fit, foreach="xs")

    @step
    def fit(self):
        self.next(self.fitted)

    @step
    def fitted(self, inputs):
        self.next(self.join)

    @step
    def b(self): self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self): pass
'''
        )
    )
    assert read.name == "TrainFlow"
    assert read.doc == "Trains.\n\nTwice."
    assert read.span == Span("<flow>", 3, 1, 3, 16)
    assert {name: step.transition for name, step in read.steps.items()} == {
        "start": Split(("a", "b")),
        "a": Foreach("fit", "xs"),
        "fit": Goto("fitted"),
        "fitted": Goto("join"),
        "b": Goto("join"),
        "join": Goto("end"),
        "end": Stop(),
    }
    assert [name for name, step in read.steps.items() if step.is_join] == ["fitted", "join"]
    assert read["start"].doc == "Begin."
    assert read["start"].span == Span("<flow>", 14, 5, 14, 14)
    assert read["start"].exit_span == Span("<flow>", 16, 9, 16, 34)
    assert read["b"].exit_span == Span("<flow>", 31, 18, 31, 38)
    assert read["end"].exit_span == Span("<flow>", 38, 20, 38, 24)
    rate, seed, run = read.parameters
    assert (rate.name, rate.type, rate.default, rate.deferred, rate.required) == (
        "learning-rate",
        "float",
        0.1,
        False,
        False,
    )
    assert (rate.help, rate.span) == ("how fast", Span("<flow>", 9, 5, 9, 68))
    assert (seed.type, seed.default, seed.deferred) == ("int", None, True)
    assert (run.type, run.required) == ("str", True)


def test_columns_count_characters_not_bytes(flow_from: Maker) -> None:
    flow = flow_from(
        "from penstock import FlowSpec, step\n"
        "class F(FlowSpec):\n"
        "    @step\n"
        '    def start(self): self.x = "größe 日本"; self.next(self.end)\n'
        "    @step\n"
        "    def end(self): pass\n"
    )
    line = '    def start(self): self.x = "größe 日本"; self.next(self.end)'
    span = graph(flow)["start"].exit_span
    assert line[span.column - 1 : span.end_column - 1] == "self.next(self.end)"


@pytest.mark.parametrize(
    ("encode", "newline"),
    [
        (lambda text: codecs.BOM_UTF8 + text.encode(), "\n"),
        (lambda text: ("# -*- coding: latin-1 -*-\n" + text).encode("latin-1"), "\n"),
        (lambda text: text.encode(), "\r\n"),
        (lambda text: text.replace("\n\n", "\n\f\n").encode(), "\n"),
    ],
    ids=["byte order mark", "latin-1", "carriage returns", "form feed"],
)
def test_spans_are_right_in_every_kind_of_file(
    encode: Callable[[str], bytes], newline: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        "from penstock import FlowSpec, step\n\n"
        "class F(FlowSpec):\n"
        "    @step\n"
        '    def start(self): self.x = "größe"; self.next(self.end)\n'
        "    @step\n"
        "    def end(self): pass\n"
    )
    Path("flow.py").write_bytes(encode(text).replace(b"\n", newline.encode()))
    read = graph(load_file(Path("flow.py").absolute()))
    span = read["start"].exit_span
    assert span.path == "flow.py"
    with tokenize.open("flow.py") as lines:
        line = list(lines)[span.line - 1]
    assert line[span.column - 1 : span.end_column - 1] == "self.next(self.end)"


def test_inherited_steps_are_found_in_the_file_of_the_base_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shared_steps_of_test.py").write_text(
        "from penstock import FlowSpec, Parameter, step\n"
        "class Base(FlowSpec):\n"
        '    rate = Parameter("rate", default=1)\n'
        "    @step\n"
        "    def start(self): self.next(self.fit)\n"
        "    @step\n"
        "    def fit(self): self.next(self.end)\n"
        "class Ends:\n"
        "    @step\n"
        "    def end(self): pass\n"
    )
    (tmp_path / "flow.py").write_text(
        "from shared_steps_of_test import Base, Ends\n"
        "from penstock import step\n"
        "class ChildFlow(Base, Ends):\n"
        "    @step\n"
        "    def fit(self): self.next(self.more)\n"
        "    @step\n"
        "    def more(self): self.next(self.end)\n"
    )
    read = graph(load_file(tmp_path / "flow.py"))
    assert {name: (step.span.path, step.span.line) for name, step in read.steps.items()} == {
        "end": ("shared_steps_of_test.py", 10),
        "start": ("shared_steps_of_test.py", 5),
        "fit": ("flow.py", 5),
        "more": ("flow.py", 7),
    }
    assert read["fit"].transition == Goto("more")
    assert [(p.name, p.span.path if p.span else None) for p in read.parameters] == [("rate", "shared_steps_of_test.py")]
    del sys.modules["shared_steps_of_test"]


def test_an_attribute_that_replaces_a_step_removes_it(flow_from: Maker) -> None:
    flow = flow_from(
        "from penstock import FlowSpec, step\n"
        "class Base(FlowSpec):\n"
        "    @step\n"
        "    def start(self): self.next(self.fit)\n"
        "    @step\n"
        "    def fit(self): self.next(self.end)\n"
        "    @step\n"
        "    def end(self): pass\n"
        "class Child(Base):\n"
        "    fit = None\n"
    )
    assert [diagnostic.code for diagnostic in compile_flow(flow).diagnostics] == ["P201"]


def test_of_several_classes_of_one_name_the_imported_one_is_read(flow_from: Maker) -> None:
    flow = flow_from(
        "from penstock import FlowSpec, step\n"
        "import sys\n"
        "if sys.version_info > (99,):\n"
        "    class F(FlowSpec):\n"
        "        @step\n"
        "        def start(self): self.next(self.nowhere)\n"
        "        rate = 1\n"
        "else:\n"
        "    def make():\n"
        "        class F(FlowSpec):\n"
        "            @step\n"
        "            def start(self): self.next(self.end)\n"
        "            @step\n"
        "            def end(self): pass\n"
        "        return F\n"
        "    F = make()\n"
    )
    read = graph(flow)
    assert read.span.line == 10
    assert read["start"].span.line == 12


def test_a_step_under_a_wrapping_decorator_is_read_where_the_user_wrote_it(flow_from: Maker) -> None:
    for wraps in ("functools.wraps(function)", "(lambda wrapper: wrapper)"):
        flow = flow_from(
            "import functools\n"
            "from penstock import FlowSpec, step\n"
            "def logged(function):\n"
            f"    @{wraps}\n"
            "    def wrapper(self):\n"
            "        return function(self)\n"
            "    return wrapper\n"
            "class F(FlowSpec):\n"
            "    @step\n"
            "    @logged\n"
            "    def start(self):\n"
            "        self.next(self.end)\n"
            "    @step\n"
            "    def end(self): pass\n"
        )
        assert graph(flow)["start"].exit_span == Span("<flow>", 12, 9, 12, 28)


def test_the_first_argument_may_have_another_name_than_self(flow_from: Maker) -> None:
    flow = flow_from(
        "from penstock import FlowSpec, step\n"
        "class F(FlowSpec):\n"
        "    @step\n"
        "    def start(this): this.next(this.end)\n"
        "    @step\n"
        "    def end(this): pass\n"
    )
    assert graph(flow)["start"].transition == Goto("end")


def test_the_word_next_elsewhere_is_no_transition(flow_from: Maker) -> None:
    flow = flow_from(
        "from penstock import FlowSpec, step\n"
        "class F(FlowSpec):\n"
        "    @step\n"
        "    def start(self):\n"
        '        "self.next(self.end) comes next"\n'
        "        self.x = next(iter([self.queue.next(1)]))  # self.next()\n"
        "        self.next(self.end)\n"
        "    @step\n"
        "    def end(self): pass\n"
    )
    assert graph(flow)["start"].transition == Goto("end")


def test_a_switch_is_understood_before_it_is_refused(flow_from: Maker) -> None:
    written, _ = read_written(
        flow_from(
            "from penstock import FlowSpec, step\n"
            "class F(FlowSpec):\n"
            "    @step\n"
            "    def start(self): self.next({'a': self.a, 2: self.b, True: self.b}, condition='kind')\n"
        )
    )
    assert written is not None
    assert graph_of(written)["start"].transition == Switch((("a", "a"), ("2", "b"), ("True", "b")), "kind")


def test_attributes_that_answer_everything_are_no_steps(flow_from: Maker) -> None:
    """As `mock.call` and lazy proxies do: asking them is endless, or has effects."""
    flow = flow_from(
        "from unittest.mock import call\n"
        "from penstock import FlowSpec, step\n"
        "class Proxy:\n"
        "    def __getattr__(self, name): raise RuntimeError(name)\n"
        "class F(FlowSpec):\n"
        "    proxy = Proxy()\n"
        "    call = call\n"
        "    @step\n"
        "    def start(self): self.next(self.end)\n"
        "    @step\n"
        "    def end(self): pass\n"
    )
    assert list(graph(flow).steps) == ["start", "end"]


def test_code_typed_at_a_prompt_is_refused_in_one_sentence() -> None:
    namespace: dict[str, type] = {}
    source = "from penstock import FlowSpec, step\nclass F(FlowSpec):\n    @step\n    def start(self): pass\n"
    exec(compile(source, "<stdin>", "exec"), namespace)
    compiled = compile_flow(namespace["F"])
    assert (compiled.graph, compiled.program) == (None, None)
    assert render_text(compiled.diagnostics) == (
        "error[P101]: the source of the step `start` cannot be read: it was typed at a prompt or made by `exec`\n"
        "  = help: put the flow into a file and run that file\n"
    )


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    file = tmp_path / "gone.py"
    file.write_text("from penstock import FlowSpec, step\nclass F(FlowSpec):\n    @step\n    def start(self): pass\n")
    flow = load_file(file)
    file.unlink()
    (diagnostic,) = compile_flow(flow).diagnostics
    assert diagnostic.message == f"the source of the step `start` cannot be read: there is no file `{file}`"


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("def (", "changed since it was imported: invalid syntax"),
        ("x = 1\n", "no `def` of that name stands in the class"),
    ],
)
def test_a_file_that_became_something_else_is_refused(new: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "changed.py"
    file.write_text("from penstock import FlowSpec, step\nclass F(FlowSpec):\n    @step\n    def start(self): pass\n")
    flow = load_file(file)
    file.write_text(new)
    (diagnostic,) = compile_flow(flow).diagnostics
    assert diagnostic.code == "P101"
    assert reason in diagnostic.message


def test_a_file_that_only_moved_its_steps_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "edited.py"
    text = (
        "from penstock import FlowSpec, step\n"
        "class F(FlowSpec):\n"
        "    @step\n"
        "    def start(self): self.next(self.end)\n"
        "    @step\n"
        "    def end(self): pass\n"
    )
    file.write_text(text)
    flow = load_file(file)
    file.write_text("# a new first line\n" + text)
    assert graph(flow)["start"].span.line == 5


def test_a_class_made_without_a_class_statement_is_read_from_its_functions(flow_from: Maker) -> None:
    flow = flow_from(
        "from penstock import FlowSpec, step\n"
        "@step\n"
        "def start(self): self.next(self.end)\n"
        "@step\n"
        "def end(self): pass\n"
        "F = type('F', (FlowSpec,), {'start': start, 'end': end, '__module__': 'penstock'})\n"
    )
    assert graph(flow)["end"].span.line == 5


def test_a_flow_without_steps_lacks_both_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "empty.py"
    file.write_text("from penstock import FlowSpec\n\n\nclass EmptyFlow(FlowSpec):\n    pass\n")
    compiled = compile_flow(load_file(file))
    place = Label(Span("empty.py", 4, 1, 4, 16))
    assert [(d.code, d.label) for d in compiled.diagnostics] == [("P120", place), ("P121", place)]


PLAIN = (
    "from penstock import FlowSpec, environment, global_environment, retry, step\n"
    "@global_environment(vars={'A': 'flow', 'B': 'flow'})\n"
    "class F(FlowSpec):\n"
    "    @environment(vars={'B': 'step'})\n"
    "    @retry(times='2')\n"
    "    @step\n"
    "    def start(self): self.next(self.end)\n"
    "    @step\n"
    "    def end(self): pass\n"
)


@pytest.mark.parametrize(
    ("decospec", "said"),
    [
        ("retri:times=3", "error[P160]: there is no decorator `retri`\n  = help: did you mean `retry`?\n"),
        (
            "card",
            (
                "error[P160]: there is no decorator `card`\n"
                "  = help: there are `retry`, `catch`, `timeout`, `environment`,"
                " `global_environment`, `resources`, `batch`, `kubernetes` and `schedule`\n"
            ),
        ),
        ("retry:time=3", "error[P161]: `@retry` takes no `time`\n  = help: did you mean `times`?\n"),
        (
            "retry:times=often",
            "error[P162]: `times` of `@retry` cannot be 'often'\n  = help: it is a whole number\n",
        ),
        (
            "schedule:hourly=true",
            "error[P166]: `@schedule` is a decorator of the flow\n  = help: put it before the class\n",
        ),
        (
            "retry:3",
            (
                "error[P167]: `--with retry:3` cannot be read: `3` is not `key=value`\n"
                "  = help: write `--with retry:key=value,key=value`\n"
            ),
        ),
    ],
)
def test_what_is_wrong_in_a_decorator_of_the_command_line(flow_from: Maker, decospec: str, said: str) -> None:
    assert render_text(compile_flow(flow_from(PLAIN), decospecs=[decospec]).diagnostics) == said


def test_decorators_of_the_command_line_go_to_steps_that_have_none_of_the_name(flow_from: Maker) -> None:
    decospecs = ["retry:times=1,minutes_between_retries=0.5", 'environment:vars={"C": "1,2", "D": "}"}', "catch:var=x"]
    compiled = compile_flow(flow_from(PLAIN), decospecs=decospecs)
    assert compiled.diagnostics == ()
    assert compiled.graph is not None
    start, end = compiled.graph.steps.values()
    assert [(d.name, dict(d.attributes)) for d in start.decorators] == [
        ("environment", {"vars": {"B": "step"}}),
        ("retry", {"times": "2"}),
        ("catch", {"var": "x"}),
    ]
    assert [(d.name, dict(d.attributes)) for d in end.decorators] == [
        ("retry", {"times": 1, "minutes_between_retries": 0.5}),
        ("environment", {"vars": {"C": "1,2", "D": "}"}}),
        ("catch", {"var": "x"}),
    ]
    assert [d.span for d in start.decorators] == [Span("<flow>", 4, 6, 4, 37), Span("<flow>", 5, 6, 5, 22), None]


def test_the_plan_holds_what_the_runner_needs_of_the_decorators(flow_from: Maker) -> None:
    plan = plan_of(demand_program(flow_from(PLAIN), decospecs=["resources:cpu=2"]))
    assert plan["start"].decorators == (
        {"name": "retry", "attributes": {"times": 2, "minutes_between_retries": 2, "on": "any"}},
        {"name": "environment", "attributes": {"vars": {"A": "flow", "B": "step"}}},
    )
    assert plan["end"].decorators == ({"name": "environment", "attributes": {"vars": {"A": "flow", "B": "flow"}}},)


def test_decorators_of_a_base_class_are_the_flows_unless_it_has_its_own(flow_from: Maker) -> None:
    flow = flow_from(
        "from penstock import FlowSpec, global_environment, schedule, step\n"
        "@schedule(daily=True)\n"
        "@global_environment(vars={'A': '1'})\n"
        "class Base(FlowSpec):\n"
        "    @step\n"
        "    def start(self): self.next(self.end)\n"
        "    @step\n"
        "    def end(self): pass\n"
        "@schedule(hourly=True)\n"
        "class F(Base): pass\n"
    )
    found = graph(flow).decorators
    assert [(d.name, dict(d.attributes), d.span and d.span.line) for d in found] == [
        ("global_environment", {"vars": {"A": "1"}}, 3),
        ("schedule", {"hourly": True}, 9),
    ]


def test_a_decorator_that_nobody_knows_is_refused_where_it_stands(flow_from: Maker) -> None:
    flow = flow_from(
        "from penstock import FlowSpec, step\n"
        "class F(FlowSpec):\n"
        "    @step\n"
        "    def start(self): self.next(self.end)\n"
        "    start.decorators = [('card', {'type': 'html'})]\n"
        "    @step\n"
        "    def end(self): pass\n"
        "    decorators = 'an attribute like any other'\n"
    )
    compiled = compile_flow(flow)
    assert [(d.code, d.label.span.line if d.label else None) for d in compiled.diagnostics] == [("P160", 4)]


def test_a_refused_flow_raises_what_is_wrong_with_it(flow_from: Maker) -> None:
    flow = flow_from("from penstock import FlowSpec, step\nclass F(FlowSpec):\n    @step\n    def start(self): pass\n")
    with pytest.raises(Refused) as caught:
        demand_program(flow)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["P121", "P130"]


def arms(flow_from: Maker, body: str) -> FlowGraph:
    """The graph of a flow whose `start` ends with ``body``."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    others = "".join(
        f"    @step\n    def {name}(self): self.next(self.end)\n" for name in "abc" if f"self.{name})" in body
    )
    return graph(
        flow_from(
            "from penstock import FlowSpec, step\nclass F(FlowSpec):\n    @step\n    def start(self):\n"
            f"{lines}{others}    @step\n    def end(self): pass\n"
        )
    )


def test_arms_are_flattened_with_the_conditions_that_lead_to_them(flow_from: Maker) -> None:
    read = arms(
        flow_from,
        "if self.x > 1:\n    self.next(self.a)\nelif self.y:\n    print()\n    self.next(self.b)\nelse:\n"
        "    if self.z:\n        self.next(self.c)\n    else:\n        raise ValueError",
    )
    assert read["start"].transition == Switch((("self.x > 1", "a"), ("self.y", "b"), ("else and self.z", "c")), None)
    assert read["start"].exit_span == Span("<flow>", 5, 9, 5, 22)


def test_a_match_has_its_patterns_as_cases(flow_from: Maker) -> None:
    read = arms(
        flow_from,
        "match self.kind:\n    case 1 | 2 if self.x:\n        self.next(self.a)\n    case (3 | _) as other:\n"
        "        self.next(self.b)",
    )
    assert read["start"].transition == Switch((("case 1 | 2 if self.x", "a"), ("case (3 | _) as other", "b")), None)


def test_arms_that_all_go_to_one_step_are_no_switch(flow_from: Maker) -> None:
    read = arms(flow_from, "if self.x:\n    self.next(self.a)\nelse:\n    self.x = 1\n    self.next(self.a)")
    assert read["start"].transition == Goto("a")
