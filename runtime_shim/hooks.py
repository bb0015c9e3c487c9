"""The places where the shim reaches up: the rest of the command line, and compiling a flow that has no plan.

All are imports by name, made late: in a container neither package exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from penstock.runtime_shim.failures import Failure

if TYPE_CHECKING:
    from types import ModuleType

    from penstock.runtime_shim.flowspec import FlowSpec
    from penstock.runtime_shim.plan import Plan


class NoCompiler(Failure):
    """A command that the shim alone, as packed into a code package, does not have."""

    code = "R124"


class FlowRefused(Failure):
    """A flow with errors; the text is what `check` shows."""

    code = "R125"

    def inside(self, pathspec: str) -> Failure:
        """As it stands: what is wrong is the flow, not this task."""
        return self

    def __str__(self) -> str:
        return self.message


def run_cli(flow_class: type[FlowSpec], argv: list[str]) -> int:
    """Every command but `init` and `step`.

    Raises NoCompiler in a container.
    """
    try:
        module = import_module("penstock.cli")
    except ModuleNotFoundError as error:
        raise _not_here(f"the command line {' '.join(argv)!r}", error) from error
    code = module.main(flow_class, argv)
    return code if isinstance(code, int) else 0


def compile_plan(flow_class: type[FlowSpec]) -> Plan:
    """The plan of a flow, by compiling it.

    Raises FlowRefused where `check` refuses it, NoCompiler in a container.
    """
    program, planning = _program(flow_class, (), "penstock.compiler.planning")
    plan: Plan = planning.plan_of(program)
    return plan


def compile_shape(flow_class: type[FlowSpec], decospecs: Sequence[str]) -> tuple[Plan, str]:
    """The plan of a flow with what `--with` adds to it, and its shape (``penstock.compiler.flow_shape``).

    Raises as :func:`compile_plan`.
    """
    program, shapes = _program(flow_class, decospecs, "penstock.compiler.flow_shape")
    found: tuple[Plan, str] = shapes.planned_shape(program)
    return found


def _program(flow_class: type[FlowSpec], decospecs: Sequence[str], module: str) -> tuple[Any, ModuleType]:
    """The program of a flow, and the compiler's ``module``."""
    try:
        pipeline = import_module("penstock.compiler.pipeline")
        wanted = import_module(module)
    except ModuleNotFoundError as error:
        raise _not_here("compiling the flow", error) from error
    compiled = pipeline.compile_flow(flow_class, decospecs=decospecs)
    if compiled.program is None:
        render = import_module("penstock.compiler.render")
        raise FlowRefused(render.render_text(compiled.diagnostics).rstrip("\n"))
    return compiled.program, wanted


def _not_here(what: str, error: ModuleNotFoundError) -> NoCompiler:
    return NoCompiler(
        f"{what} needs the module `{error.name}`, which is not here",
        help="a container has `init` and `step` only; elsewhere install penstock with its dependencies",
    )
