"""Names of objects, templates and tasks, in the letters and lengths that Argo and Kubernetes take."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING

from penstock.backends.kubernetes.names import LABEL_LENGTH, keys, label, with_hash

if TYPE_CHECKING:
    from penstock.compiler.dags import Named

_RANDOM = 8
"""Random letters at the end of a run's name."""
CRON_LENGTH = 52
"""Characters of a CronWorkflow's name: those of its runs have a time behind it."""
_VERSION_LENGTH = 10
KEY_LENGTH = 63
"""Characters of a task's key; Argo takes twice as many, and shows them in a tree."""
BODY = "body"
"""The kind of the template that a foreach runs for each split."""

FLOW_LABEL, PART_LABEL = "penstock/flow", "penstock/part-of"
"""Labels of objects: their flow; of one more WorkflowTemplate of a large flow, the one that it is part of."""
FLOW_ANNOTATION, CONTENT_ANNOTATION = "penstock/flow", "penstock/content"
"""Annotations of objects: the flow that they belong to; the SHA-256 of the rest."""
VERSION_ANNOTATION, TAGS_ANNOTATION = "penstock/version", "penstock/tags"
"""Annotations of objects: the version of Penstock that made them; the tags of runs, as JSON."""
DESCRIPTION_ANNOTATION = "workflows.argoproj.io/description"
"""The annotation that Argo's own interface shows."""

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\Z")
_OBJECT = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")
_OF_EXPRESSIONS = frozenset(
    {"and", "contains", "else", "false", "if", "in", "let", "matches", "nil", "not", "or", "true"}
)
"""What a task cannot be called whose result another task's `depends` reads: words of the language it is written in."""


def task_keys(wanted: Iterable[Named]) -> Mapping[Named, str]:
    """A key for each task and template: words of expressions behind ``step-``."""
    found = keys(wanted, KEY_LENGTH)
    taken = set(found.values())
    return {named: _prefixed(named, key, taken) if key in _OF_EXPRESSIONS else key for named, key in found.items()}


def template_name(name: str) -> str:
    """The name of a WorkflowTemplate for a flow of this name; empty where it has no letter that an object may have."""
    key = label(name)
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return key if key == plain else with_hash(plain, name, LABEL_LENGTH)


def is_object_name(name: str) -> bool:
    """Whether a WorkflowTemplate can have this name."""
    return len(name) <= LABEL_LENGTH and bool(_OBJECT.match(name))


def schedule_name(name: str) -> str:
    """The name of the CronWorkflow of a template."""
    return name if len(name) <= CRON_LENGTH else with_hash(name, name, CRON_LENGTH)


def run_name(template: str) -> str:
    """A name for one more run of a workflow template: it is the value of a label of its pods."""
    letters = string.ascii_lowercase + string.digits
    end = "".join(secrets.choice(letters) for _ in range(_RANDOM))
    return f"{template[: LABEL_LENGTH - _RANDOM - 1].rstrip('-.')}-{end}"


def part_names(name: str, content: bytes) -> Iterator[str]:
    """The names of the WorkflowTemplates of a flow that is too large for one: its own, then those of parts.

    These belong to one version of the flow, whose ``content`` this is: Argo reads a part when a run comes to it, and a
    run that began before the flow was changed must find what it began with.
    """
    yield name
    digest = hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH]
    for number in count(2):
        ending = f"-{digest}-{number}"
        yield f"{name[: LABEL_LENGTH - len(ending)]}{ending}"


def label_value(text: str) -> str:
    """A text as a label's value: itself where it may be, else as near to it as a value can be."""
    if _LABEL.match(text):
        return text
    return with_hash(label(text), text, LABEL_LENGTH)


def _prefixed(named: Named, key: str, taken: set[str]) -> str:
    prefixed = f"step-{key}"
    return with_hash(prefixed, "/".join(named), KEY_LENGTH) if prefixed in taken else prefixed
