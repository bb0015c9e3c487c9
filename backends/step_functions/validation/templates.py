"""JSON paths, the context object, and payload templates (``"name.$": "$.path"``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

from penstock.backends.step_functions.validation.intrinsics import MalformedIntrinsic, parse_intrinsic
from penstock.backends.step_functions.validation.problem import Problem


class Scope(Enum):
    """Where a path stands, which decides what of the context object is there."""

    STATE = "a state"
    RESULT = "where a result goes"
    ITEM = "an item selector"
    WAITING_TASK = "a task that waits for its token"


_STEP = r"(?:\.[^\W\d][\w-]*|\[\d+\]|\['[^'\\]*'\])"
_SELECTING = r"(?:\.\*|\.\.[^\W\d]\w*|\[(?:\*|-?\d*:-?\d*|\?\(.*\)|-?\d+(?:,-?\d+)*)\])"
_REFERENCE = re.compile(rf"\${_STEP}*\Z")
_PATH = re.compile(rf"\$(?:{_STEP}|{_SELECTING})*\Z")
_CONTEXT = re.compile(
    r"\$\$(?:"
    r"|\.Execution(?:\.(?:Id|Name|RoleArn|StartTime|RedriveCount|RedriveTime)|\.Input(?P<input>[.\[].*)?)?"
    r"|\.State(?:\.(?:EnteredTime|Name|RetryCount))?"
    r"|\.StateMachine(?:\.(?:Id|Name))?"
    r"|(?P<task>\.Task(?:\.Token)?)"
    r"|(?P<map>\.Map(?:\.Item(?:\.(?:Index|Key|Source)|\.Value(?P<value>[.\[].*)?)?)?)"
    r")\Z"
)
_LITERAL = re.compile(r"\$(?:\.|\[|\$\.)|States\.[A-Z]\w*\(")


def path_problems(where: str, path: Any, scope: Scope) -> Iterator[Problem]:
    """What is wrong with a path, or an access to the context object."""
    if not isinstance(path, str):
        yield Problem(where, f"a path is needed, not {path!r}")
    elif scope is Scope.RESULT:
        if not _REFERENCE.match(path):
            yield Problem(where, f"{path!r} does not name one place of the state")
    elif path.startswith("$$"):
        yield from _context_problems(where, path, scope)
    elif not _PATH.match(path):
        yield Problem(where, f"{path!r} is not a path")


def _context_problems(where: str, path: str, scope: Scope) -> Iterator[Problem]:
    match = _CONTEXT.match(path)
    if match is None:
        yield Problem(where, f"{path!r} is not in the context object")
        return
    rest = match["input"] or match["value"]
    if rest and not _PATH.match("$" + rest):
        yield Problem(where, f"{path!r} is not a path")
    if match["task"] and scope is not Scope.WAITING_TASK:
        yield Problem(where, f"{path!r} is there for tasks that wait for their token only")
    if match["map"] and scope is not Scope.ITEM:
        yield Problem(where, f"{path!r} is there in the item selector of a Map only")


def template_problems(where: str, template: Any, scope: Scope) -> Iterator[Problem]:
    """What is wrong with a payload template, at any depth."""
    pending: list[tuple[str, Any]] = [(where, template)]
    while pending:
        place, value = pending.pop()
        if isinstance(value, list):
            pending.extend((f"{place}/{index}", each) for index, each in reversed(list(enumerate(value))))
        elif isinstance(value, dict):
            for name, each in reversed(value.items()):
                if name.endswith(".$"):
                    yield from _dynamic_problems(f"{place}/{name}", each, scope)
                else:
                    pending.append((f"{place}/{name}", each))
        elif isinstance(value, str) and _LITERAL.match(value):
            yield Problem(place, f"{value!r} is plain text here: the name must end in `.$` for it to be read as a path")


def _dynamic_problems(where: str, value: Any, scope: Scope) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(where, f"a path or an intrinsic function is needed, not {value!r}")
    elif value.startswith("$"):
        yield from path_problems(where, value, scope)
    else:
        try:
            paths = parse_intrinsic(value)
        except MalformedIntrinsic as error:
            yield Problem(where, str(error))
        else:
            for path in paths:
                yield from path_problems(where, path, scope)
