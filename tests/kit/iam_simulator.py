"""What IAM would say: one policy, one request.  Written from "Policy evaluation logic" of the IAM user guide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Request(NamedTuple):
    """One request as IAM sees it; ``context`` are its condition keys with their values."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


def allows(policy: Mapping[str, Any], request: Request) -> bool:
    """Whether a statement allows the request, and none denies it."""
    effects = {statement["Effect"] for statement in policy["Statement"] if _applies(statement, request)}
    return effects == {"Allow"}


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    actions = any(like(pattern.lower(), request.action.lower()) for pattern in _listed(statement["Action"]))
    resources = any(like(pattern, request.resource) for pattern in _listed(statement["Resource"]))
    return (
        actions
        and resources
        and all(_holds(operator, wanted, request) for operator, wanted in statement.get("Condition", {}).items())
    )


def _holds(operator: str, wanted: Mapping[str, Any], request: Request) -> bool:
    compare = {"StringLike": like, "ArnLike": like, "StringEquals": str.__eq__}[operator]
    context = dict(request.context)
    return all(
        key in context and any(compare(pattern, context[key]) for pattern in _listed(patterns))
        for key, patterns in wanted.items()
    )


def like(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` for any text, slashes included, `?` for one character."""
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(each) or re.escape(each) for each in pattern), text, re.DOTALL) is not None


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
