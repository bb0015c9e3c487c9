"""JSON paths, the context object and intrinsic functions."""

from __future__ import annotations

import datetime
import functools
import json
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


def json_texts(_: Surroundings) -> None:
    """A definition is JSON: ``\\u00e9`` in a name or in an intrinsic function's text is é, and a pair of surrogates
    one character.

    moto's grammar keeps the escapes in names and intrinsic functions, and reads others as Python does.
    """
    from moto.stepfunctions.parser.asl.antlt4utils import antlr4utils
    from moto.stepfunctions.parser.asl.parse.intrinsic.intrinsic_parser import IntrinsicParser
    from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

    parse_intrinsic = IntrinsicParser.parse

    def text_of(parser_rule_context: Any) -> str | None:
        source = parser_rule_context.getText()
        if source == "null":
            return None
        return str(json.loads(source)) if source.startswith('"') else str(source)

    Preprocessor._inner_string_of = staticmethod(text_of)
    replace_everywhere(antlr4utils.from_string_literal, text_of)
    IntrinsicParser.parse = staticmethod(lambda source: parse_intrinsic(json.loads(f'"{source}"')))


class IntrinsicText(str):
    """The text between quotes in an intrinsic function, without its escapes; ``raw`` has them."""

    __slots__ = ("raw",)
    raw: str


def intrinsic_texts(_: Surroundings) -> None:
    r"""In an intrinsic function's text a backslash stands before ``'``, ``{``, ``}`` and itself, and means the
    character after it.

    moto keeps those backslashes and gives ``\n`` a meaning.
    """
    from moto.stepfunctions.parser.asl.parse.intrinsic.preprocessor import Preprocessor

    def text_of(parse_tree: Any) -> IntrinsicText:
        raw = parse_tree.getText()[1:-1]
        text = IntrinsicText(re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL))
        text.raw = raw
        return text

    Preprocessor._text_of_str = staticmethod(text_of)


def format_braces(_: Surroundings) -> None:
    r"""``States.Format`` takes ``{}`` as a place and an escaped brace as that brace; any other brace fails, and so
    does a number of arguments that differs from the number of places.

    moto hands the text to Python's ``str.format``, to which ``{0}`` and ``{!r}`` mean something.
    """
    from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.generic import string_format

    token = re.compile(r"\\(.)|(\{\})|([{}])|([^\\{}]+)", re.DOTALL)

    def filled(template: str, values: list[str]) -> str:
        parts: list[str] = []
        rest = iter(values)
        for escaped, place, stray, plain in token.findall(template):
            value = next(rest, None) if place else escaped or plain
            if stray or value is None:
                raise ValueError(f"States.Format: {template!r} does not fit {len(values)} values")
            parts.append(value)
        if next(rest, None) is not None:
            raise ValueError(f"States.Format: {template!r} does not fit {len(values)} values")
        return "".join(parts)

    def eval_body(self: Any, env: Any) -> None:
        self.argument_list.eval(env=env)
        template, *values = env.stack.pop()
        raw = template.raw if isinstance(template, IntrinsicText) else template
        env.stack.append(filled(raw, [self._to_str_repr(value) for value in values]))

    string_format.StringFormat._eval_body = eval_body


MENDS: tuple[Callable[[Surroundings], None], ...] = (
    definite_paths,
    start_time,
    json_texts,
    intrinsic_texts,
    format_braces,
)
