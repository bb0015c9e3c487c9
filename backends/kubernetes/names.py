"""Names of tasks and what they run: readable, unique in the whole document, and never longer than Kubernetes takes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.compiler.dags import Named

LABEL_LENGTH = 63
"""Characters of a DNS-1123 label, which the names of most objects are, and of a label's value."""
_HASH_LENGTH = 8


def keys(wanted: Iterable[Named], length: int) -> Mapping[Named, str]:
    """A key of at most ``length`` characters for each task: its kind and step in Kubernetes' letters, with a hash where
    two would have the same.

    All of those that would have the same key get a hash, so that no name depends on which of them stands first.
    """
    plain = {named: _plain(*named) for named in wanted}
    often = Counter(plain.values())
    return {
        named: key if often[key] == 1 and 0 < len(key) <= length else with_hash(key, "/".join(named), length)
        for named, key in plain.items()
    }


def label(name: str) -> str:
    """A name in the letters of a DNS-1123 label, and as long as one; empty where nothing is left of it."""
    return _plain("", name)[:LABEL_LENGTH].strip("-")


def with_hash(key: str, whole: str, length: int) -> str:
    """``key`` with a hash of ``whole``, shortened to ``length`` characters together."""
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{key[: length - _HASH_LENGTH - 1] or 'step'}-{digest}"


def _plain(kind: str, step: str) -> str:
    text = re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")
    return f"{kind}-{text}" if kind else text
