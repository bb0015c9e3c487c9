"""Names of tasks and components: readable, unique in the whole document, and never longer than Kubernetes takes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

NAME_LENGTH = 63
"""Characters of a DNS-1123 label."""
KEY_LENGTH = 40
"""Characters of a task's key: the backend makes names of templates and pods with what stands before and after it."""

FOREACH, CHOICE, ARM, STEP = "foreach", "choice", "arm", ""
"""Kinds of tasks: the loop of an opener, the arms of a switch, one of these, a step."""

Named = tuple[str, str]
"""A kind of task and the step it belongs to."""


def keys(wanted: Iterable[Named]) -> dict[Named, str]:
    """A key for each task: its kind and step in Kubernetes' letters, with a hash where two would have the same.

    All of those that would have the same key get a hash, so that no name depends on which of them stands first.
    """
    plain = {named: _plain(named) for named in wanted}
    often = Counter(plain.values())
    return {named: _unique(key, named) if often[key] > 1 else _shortened(key, named) for named, key in plain.items()}


def pipeline_name(name: str) -> str:
    """A pipeline's name in the letters that Kubeflow takes."""
    return _plain(("", name))[:NAME_LENGTH].strip("-")


def _plain(named: Named) -> str:
    kind, step = named
    text = re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")
    return f"{kind}-{text}" if kind else text


def _shortened(key: str, named: Named) -> str:
    return key if 0 < len(key) <= KEY_LENGTH else _unique(key, named)


def _unique(key: str, named: Named) -> str:
    digest = hashlib.sha256("/".join(named).encode()).hexdigest()[:8]
    return f"{key[: KEY_LENGTH - len(digest) - 1] or 'step'}-{digest}"
