"""Every flow of the corpus compiles, to the shape in ``corpus/<flow>.txt``."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from compiler_flows import load_file
from corpus_flows import CORPUS, FOLDER, CorpusFlow

from penstock.compiler.capabilities import demands
from penstock.compiler.drawing import text
from penstock.compiler.pipeline import demand_program
from penstock.compiler.planning import plan_of
from penstock.compiler.program import Program, Run, walk
from penstock.compiler.steps import Switch

SHAPES = Path(__file__).parent / "corpus"


@pytest.fixture
def program(corpus_flow: CorpusFlow, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.syspath_prepend(str(FOLDER))
    return demand_program(load_file(corpus_flow.file))


def test_a_flow_of_the_corpus_has_its_shape(
    corpus_flow: CorpusFlow, program: Program, request: pytest.FixtureRequest
) -> None:
    features = dict.fromkeys(feature for feature, _ in demands(program))
    shape = f"{program.name}\n\n{text(program)}\ndemands {', '.join(feature.value for feature in features)}\n"
    golden = SHAPES / f"{corpus_flow.name}.txt"
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(shape, encoding="utf-8")
    assert shape == golden.read_text(encoding="utf-8")


def test_no_shape_is_orphaned() -> None:
    assert {file.stem for file in SHAPES.glob("*.txt")} == {flow.name for flow in CORPUS}


def test_what_a_flow_of_the_corpus_leaves_behind_belongs_to_its_steps(
    corpus_flow: CorpusFlow, program: Program
) -> None:
    plan = plan_of(program)
    assert plan.names == tuple(item.step for item in walk(program.root) if isinstance(item, Run))
    for address in corpus_flow.expected:
        step, task = address.split("/")
        assert step == "_parameters" or len(plan[step].nest) == task.count(".")


def test_the_place_of_every_step_of_the_corpus_is_right(corpus_flow: CorpusFlow, program: Program) -> None:
    """Held against Python's own idea of the source, read another way."""
    for step in program.graph.steps.values():
        source = (Path.cwd() / step.span.path).read_text(encoding="utf-8").split("\n")
        line = source[step.span.line - 1]
        assert line[step.span.column - 1 : step.span.end_column - 1] == f"def {step.name}"
        last = source[step.exit_span.end_line - 1][: step.exit_span.end_column - 1]
        first = source[step.exit_span.line - 1][step.exit_span.column - 1 :]
        if step.name == "end":
            continue
        if first.startswith(("if ", "match ")):
            assert isinstance(step.transition, Switch)
            assert line_after(source, step.exit_span.end_line, step.exit_span.end_column) == ":"
            continue
        assert first.startswith("self.next(")
        assert last.endswith(")")
        assert any(
            ast.unparse(node.value.func) == "self.next"
            for node in ast.walk(ast.parse("\n".join(source)))
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and (node.lineno, node.end_lineno) == (step.exit_span.line, step.exit_span.end_line)
        )


def line_after(source: list[str], line: int, column: int) -> str:
    """What stands in a line from a column on."""
    return source[line - 1][column - 1 :]
