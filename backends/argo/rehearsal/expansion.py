"""A task that runs for each of several items: the items, and the task for each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.backends.argo.rehearsal.document import Sequence, Task
from penstock.backends.argo.rehearsal.substitution import Unresolvable, replaced

_FORMAT = re.compile(r"([^%]*)%([-+# 0]*\d*(?:\.\d+)?[doxX])([^%]*)\Z")
_WITHOUT_ITEMS = ("withItems", "withParam", "withSequence")


def items_of(task: Task) -> list[Any]:
    """The items of a task whose tags are replaced.

    Raises Unresolvable.
    """
    if task.items is not None:
        return list(task.items)
    if task.param is not None:
        try:
            items = json.loads(task.param)
        except ValueError:
            items = None
        if not isinstance(items, list):
            raise Unresolvable(f"withParam is {task.param.strip()[:60]!r}, which is no JSON list")
        return items
    return list(_counted(task.sequence or Sequence()))


def for_item(raw: Mapping[str, Any], item: Any) -> Any:
    """The JSON of a task for one of its items.

    Raises Unresolvable.
    """
    whole = item if isinstance(item, str) else json.dumps(item, separators=(",", ":"), ensure_ascii=False)
    values: dict[str, str | None] = {"item": whole}
    if isinstance(item, dict):
        values |= {f"item.{key}": each if isinstance(each, str) else json.dumps(each) for key, each in item.items()}
    one = {name: value for name, value in raw.items() if name not in _WITHOUT_ITEMS}
    return replaced(one, values)


def _counted(sequence: Sequence) -> Iterator[str]:
    start = _whole(sequence.start, "start") if sequence.start is not None else 0
    if sequence.end is not None:
        end = _whole(sequence.end, "end")
    else:
        count = _whole(sequence.count, "count")
        if count == 0:
            return
        end = start + count - 1
    step = 1 if start <= end else -1
    for number in range(start, end + step, step):
        yield _written(number, sequence.format)


def _whole(text: str | None, what: str) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise Unresolvable(f"the {what} of a withSequence is {text!r}, which is no whole number") from None


def _written(number: int, pattern: str) -> str:
    if not pattern:
        return str(number)
    match = _FORMAT.match(pattern)
    if match is None:
        raise Unresolvable(f"the format {pattern!r} of a withSequence cannot be used")
    return f"{match[1]}{f'%{match[2]}' % number}{match[3]}"
