"""From a function's syntax tree to its ``self.next``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from penstock.compiler.frontend.arms import arms_of, header_of
from penstock.compiler.frontend.sources import FunctionNode, SourceFile
from penstock.compiler.frontend.written import Case, Ending, Keyword, NextCall, Target, WrittenArm


def arguments_of(node: FunctionNode) -> tuple[str, ...]:
    """A function's arguments in order, starred ones with their stars."""
    args = node.args
    names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    names += [f"*{args.vararg.arg}"] if args.vararg else []
    names += [arg.arg for arg in args.kwonlyargs]
    names += [f"**{args.kwarg.arg}"] if args.kwarg else []
    return tuple(names)


def ending_of(file: SourceFile, node: FunctionNode) -> Ending:
    """How a step ends, and the spans of the ``self.next`` that are not its ending."""
    receiver = node.args.args[0].arg if node.args.args else "self"
    last = node.body[-1]
    final = last.value if isinstance(last, ast.Expr) else None
    exit_call = final if isinstance(final, ast.Call) and _is_next(final, receiver) else None
    # Most steps say `next` once, at the end: then there is no need to look into their expressions.
    if exit_call is not None and file.count_word("next", node.body) == 1:
        return Ending(file.span(exit_call), _read(file, exit_call, receiver))
    calls = [call for call in _calls(node.body) if _is_next(call, receiver)]
    arms, gaps = arms_of(file, last, frozenset(calls))
    ends = {exit_call, *(arm for _, arm in arms)}
    strays = tuple(sorted(file.span(call) for call in calls if call not in ends))
    if exit_call is not None:
        return Ending(file.span(exit_call), _read(file, exit_call, receiver), strays=strays)
    if not arms:
        return Ending(file.span(last), strays=strays)
    written = tuple(WrittenArm(text, _read(file, arm, receiver)) for text, arm in arms)
    return Ending(header_of(file, last), None, written, gaps, strays)


def _calls(body: list[ast.stmt]) -> Iterator[ast.Call]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                yield node


def _is_next(call: ast.Call, receiver: str) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "next"
        and isinstance(function.value, ast.Name)
        and function.value.id == receiver
    )


def _read(file: SourceFile, call: ast.Call, receiver: str) -> NextCall:
    cases = None
    targets: tuple[Target, ...] = ()
    match call.args:
        case [ast.Dict(keys=keys, values=values)]:
            pairs = zip(keys, values, strict=True)
            cases = tuple(_case(file, key, value, receiver) for key, value in pairs)
        case arguments:
            targets = tuple(_target(file, argument, receiver) for argument in arguments)
    keywords = tuple(Keyword(keyword.arg, _string(keyword.value), file.span(keyword)) for keyword in call.keywords)
    return NextCall(targets, cases, keywords, file.span(call))


def _target(file: SourceFile, node: ast.expr, receiver: str) -> Target:
    step = None
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == receiver:
            step = attribute
    return Target(step, file.text(node), file.span(node))


def _case(file: SourceFile, key: ast.expr | None, value: ast.expr, receiver: str) -> Case:
    literal = _literal(key)
    text = None if literal is None else str(literal)
    return Case(text, _target(file, value, receiver), file.span(key if key is not None else value), literal)


def _literal(node: ast.expr | None) -> str | int | float | None:
    match node:
        case ast.Constant(value=str() | int() | float() as literal):
            return literal
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case _:
            return None


def _string(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
