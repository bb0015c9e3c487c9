"""Run as ``python -m penstock.runtime_shim.flow_file``: the plan of a flow file that is not this program's own.

A process of its own, since importing somebody's file may do anything.  It is told by one JSON argument
(:class:`Question`), and writes one JSON document: the plan and the shape of the flow, or why there is none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from types import ModuleType
from typing import Any, NamedTuple

from penstock.runtime_shim.failures import Failure
from penstock.runtime_shim.plan import Plan

_MODULE = "penstock_fetched_flow"


class NotTheFlow(Failure):
    """A file does not hold the flow that it should."""

    code = "R198"


class OtherPenstock(Failure):
    """The image's Penstock is not whole, or not the one that compiled the document: the flow looks different to it."""

    code = "R199"


class Question(NamedTuple):
    """Which flow of which file; ``decospecs`` are what `--with` adds to its steps, ``aliased`` whether `metaflow`
    stands for penstock in it.  ``where`` is how people call the file; ``image`` is the image of this container.
    """

    script: str
    flow: str
    decospecs: tuple[str, ...]
    aliased: bool
    where: str
    image: str


class Planned(NamedTuple):
    """The plan of a flow, and its shape (:mod:`penstock.compiler.flow_shape`)."""

    plan: Plan
    shape: str


def plan_in_a_process(question: Question) -> Planned:
    """The plan of a flow file in the current folder.

    Raises Failure.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        answer = os.path.join(folder, "answer")
        command = [sys.executable, "-m", "penstock.runtime_shim.flow_file", json.dumps(question), answer]
        code = subprocess.call(command, stdin=subprocess.DEVNULL)
        try:
            with open(answer, encoding="utf-8") as file:
                found: dict[str, Any] = json.load(file)
        except (OSError, ValueError):
            raise NotTheFlow(f"importing {question.where} ended the process (exit code {code})") from None
    if "plan" in found:
        return Planned(Plan.from_json(found["plan"].encode()), found["shape"])
    raise Failure(found["message"], help=found["help"], code=found["code"], exit_code=found["exit_code"])


def main(argv: list[str]) -> None:
    """Answer the question ``argv[0]`` in the file ``argv[1]``."""
    script, flow, decospecs, *rest = json.loads(argv[0])
    try:
        planned = _planned(Question(script, flow, tuple(decospecs), *rest))
        answer = {"plan": planned.plan.to_json().decode(), "shape": planned.shape}
    except Failure as failure:
        answer = {name: getattr(failure, name) for name in ("message", "help", "code", "exit_code")}
    with open(argv[1], "w", encoding="utf-8") as file:
        json.dump(answer, file)


def _planned(question: Question) -> Planned:
    from penstock import __version__
    from penstock.runtime_shim.hooks import FlowRefused, NoCompiler, compile_shape

    flow_class = _flow_of(_imported(question), question)
    try:
        return Planned(*compile_shape(flow_class, question.decospecs))
    except FlowRefused as refused:
        sys.stderr.write(f"{refused}\n")
        raise NotTheFlow(f"the flow in {question.where} has errors, which stand above", help=_AGAIN) from None
    except NoCompiler as missing:
        message = f"the image {question.image} has a part of Penstock only: {missing.message}"
        raise OtherPenstock(message, help=f"python -m pip install penstock=={__version__} in the image") from None


_AGAIN = "put the file there that was compiled, or compile the pipeline again"


def _imported(question: Question) -> ModuleType:
    """The file as a module."""
    import importlib.util

    import penstock

    if question.aliased:
        sys.modules["metaflow"] = penstock
    spec = importlib.util.spec_from_file_location(_MODULE, os.path.abspath(question.script))
    if spec is None or spec.loader is None:
        raise NotTheFlow(f"{question.script} has not the name of a Python file", help="let it end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    try:
        spec.loader.exec_module(module)
    except SystemExit:
        message = f"{question.where} starts its flow when it is imported"
        raise NotTheFlow(message, help='let it say `if __name__ == "__main__":` before that') from None
    except ModuleNotFoundError as error:
        message = f"{question.where} imports `{error.name}`, which the image {question.image} does not have"
        help_text = "use an image that has it: with --code-url containers fetch the flow file, and nothing beside it"
        raise Failure(message, help=help_text, code="R193") from None
    except Exception as error:  # the user's file: its traceback is shown, without our frames
        frame = error.__traceback__
        while frame is not None and not frame.tb_frame.f_code.co_filename.endswith(question.script):
            frame = frame.tb_next
        traceback.print_exception(type(error), error, frame or error.__traceback__)
        raise NotTheFlow(f"{question.where} cannot be imported: {type(error).__name__}: {error}") from None
    return module


def _flow_of(module: ModuleType, question: Question) -> type[Any]:
    from penstock.runtime_shim.flowspec import FlowSpec

    flows = {
        name: each
        for name, each in vars(module).items()
        if isinstance(each, type) and issubclass(each, FlowSpec) and each is not FlowSpec and each.__name__ == name
    }
    if question.flow not in flows:
        there = ", ".join(f"`{name}`" for name in flows)
        message = f"{question.where} holds no flow `{question.flow}`" + (f", but {there}" if there else "")
        raise NotTheFlow(message, help=_AGAIN)
    return flows[question.flow]


if __name__ == "__main__":
    main(sys.argv[1:])
