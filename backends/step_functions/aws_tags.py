"""Tags in the sense of AWS: pairs that stand on what is deployed, so that costs and permissions can be told apart.

(The tags of runs, which the Client reads, are others.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from penstock.compiler.diagnostics import Diagnostic

DEFAULT_TAGS = "METAFLOW_BATCH_DEFAULT_TAGS"
FLOW_TAG = "penstock:flow"
"""The tag of a state machine that names the flow it belongs to."""
SCHEDULE_TAG = "penstock:schedule"
"""The tag of a state machine that names the schedule that starts it."""
KEYS_TAG = "penstock:tags"
"""The tag of a state machine that lists the keys of the user's tags: what a later deployment may take away."""
_OWN = (FLOW_TAG, SCHEDULE_TAG, KEYS_TAG)
_MOST = 50 - len(_OWN)
"""AWS takes 50 tags on one thing."""
_KEY = re.compile(r"[\w.:/+@-]{1,128}\Z")
_VALUE = re.compile(r"[\w .:/=+@-]{0,256}\Z")
_KEYS_LENGTH = 256
"""Characters of all keys, which stand in the value of one tag."""


def tags_of(given: Iterable[str], defaults: str | None) -> dict[str, str]:
    """The tags that ``KEY=VALUE`` on the command line and the JSON object ``defaults`` say; the former win.

    What can't be read is left out here, and told by :func:`unreadable_tags`.
    """
    read = _read_defaults(defaults) or {}
    pairs = (text.partition("=") for text in given)
    return {**read, **{key: value for key, equals, value in pairs if equals}}


def unreadable_tags(given: Iterable[str], defaults: str | None) -> Iterator[Diagnostic]:
    """What of the tags can't be read: P532, P531."""
    seen: set[str] = set()
    for text in given:
        key, equals, _ = text.partition("=")
        if not equals:
            yield Diagnostic("P532", f"{text!r} can't be a tag of AWS", help="write `--aws-tag KEY=VALUE`")
        elif key in seen:
            yield Diagnostic("P532", f"the tag {key!r} is given twice", help="a key has one value")
        seen.add(key)
    if _read_defaults(defaults) is None:
        message = f"{DEFAULT_TAGS} is no JSON object of strings"
        yield Diagnostic("P531", message, help='it looks like {"team": "growth"}')


def _read_defaults(text: str | None) -> dict[str, str] | None:
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return None
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        return None
    return read


def tag_set_problems(tags: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Where tags are other than AWS takes them, or than Penstock can remember."""
    for key, value in tags.items():
        if not _KEY.match(key) or key.lower().startswith(("aws:", "penstock:")):
            help_text = (
                "it has 1 to 128 letters, digits and `_ . : / + - @`, and begins with neither aws: nor penstock:"
            )
            yield Diagnostic("P532", f"{key[:140]!r} can't be the key of a tag of AWS", help=help_text)
        if not _VALUE.match(value) or value.lower().startswith("aws:"):
            help_text = "it has at most 256 letters, digits, spaces and `_ . : / = + - @`, and does not begin with aws:"
            yield Diagnostic("P532", f"{value[:270]!r} can't be the value of the tag {key[:140]!r}", help=help_text)
    if len(tags) > _MOST:
        message = f"there are {len(tags)} tags of AWS, a state machine takes {_MOST} besides Penstock's own"
        yield Diagnostic("P532", message, help="leave some out")
    elif len(" ".join(tags)) > _KEYS_LENGTH:
        message = (
            f"the keys of the tags of AWS have {len(' '.join(tags))} characters in all, at most {_KEYS_LENGTH} fit"
        )
        yield Diagnostic("P532", message, help="choose shorter keys: a tag of the state machine lists them")


def machine_tags(flow: str, tags: Mapping[str, str], schedule: str | None) -> dict[str, str]:
    """All tags that Penstock gives a state machine: the user's, and its own three."""
    own = {FLOW_TAG: flow, SCHEDULE_TAG: schedule, KEYS_TAG: " ".join(sorted(tags))}
    return {**tags, **{key: value for key, value in own.items() if value}}


def outdated_tags(present: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The keys that an earlier deployment has set and this one has not; tags of somebody else are none of them."""
    ours = {*present.get(KEYS_TAG, "").split(), *_OWN}
    return sorted(key for key in present if key in ours and key not in wanted)
