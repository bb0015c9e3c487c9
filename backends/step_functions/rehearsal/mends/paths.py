"""JSON paths, the context object and intrinsic functions."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable
from typing import Any

from penstock.backends.step_functions.rehearsal.mends import Surroundings
from penstock.backends.step_functions.rehearsal.mends.replacing import replace_everywhere


def definite_paths(_: Surroundings) -> None:
    """AWS reads paths as Jayway's JsonPath does: a path that can only name one value gives that value, any other a
    list.

    moto decides by the number of matches, so that ``$[0].a`` gives a list and ``$.a[*]`` over one item a bare value.
    """
    import jsonpath_ng.jsonpath as nodes
    from moto.stepfunctions.parser.asl.utils import json_path

    def is_definite(node: Any) -> bool:
        pending = [node]
        while pending:
            each = pending.pop()
            if isinstance(each, nodes.Child):
                pending += [each.left, each.right]
            elif isinstance(each, nodes.Fields):
                if len(each.fields) != 1 or each.fields[0] == "*":
                    return False
            elif isinstance(each, nodes.Index):
                if len(each.indices) != 1:
                    return False
            elif not isinstance(each, nodes.Root):
                return False
        return True

    @functools.lru_cache(4096)
    def parsed(path: str) -> tuple[Any, bool]:
        expression = json_path.parse(path)
        return expression, is_definite(expression)

    def extract(path: str, data: Any) -> Any:
        expression, definite = parsed(path)
        found = [match.value for match in expression.find(data)]
        if not definite:
            return found
        if not found:
            raise json_path.NoSuchJsonPathError(json_path=path, data=data)
        return found[0]

    replace_everywhere(json_path.extract_json, extract)


def start_time(_: Surroundings) -> None:
    """``$$.Execution.StartTime`` is ISO 8601 text; moto leaves a datetime there, which it cannot write as JSON."""
    from moto.stepfunctions.parser.asl.eval import states

    original = states.States.__init__

    def init(self: Any, context: Any) -> None:
        moment = context["Execution"]["StartTime"]
        if isinstance(moment, datetime.datetime):
            text = moment.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds")
            context["Execution"]["StartTime"] = text.replace("+00:00", "Z")
        original(self, context)

    states.States.__init__ = init


def format_braces(_: Surroundings) -> None:
    r"""``States.Format`` takes ``{}`` as a place and ``\{``, ``\}``, ``\\``, ``\'`` as those characters; any other
    brace, and a number of arguments that differs from the number of places, fails with States.IntrinsicFailure.

    moto hands the text to Python's ``str.format``, to which ``{0}`` and ``{!r}`` mean something.
    """
    from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.generic import string_format

    token = re.compile(r"\\(.)|(\{\})|([{}])|([^\\{}]+)", re.DOTALL)

    def filled(template: str, values: list[str]) -> str:
        parts: list[str] = []
        rest = iter(values)
        for escaped, place, stray, plain in token.findall(template):
            if stray:
                raise ValueError(f"a brace in {template!r} is neither `{{}}` nor escaped")
            if place:
                value = next(rest, None)
                if value is None:
                    raise ValueError(f"{template!r} has more places than {len(values)} arguments")
                parts.append(value)
            else:
                parts.append(escaped or plain)
        if next(rest, None) is not None:
            raise ValueError(f"{template!r} has fewer places than {len(values)} arguments")
        return "".join(parts)

    def eval_body(self: Any, env: Any) -> None:
        self.argument_list.eval(env=env)
        template, *values = env.stack.pop()
        env.stack.append(filled(template, [self._to_str_repr(value) for value in values]))

    string_format.StringFormat._eval_body = eval_body


MENDS: tuple[Callable[[Surroundings], None], ...] = (definite_paths, start_time, format_braces)
