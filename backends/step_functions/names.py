"""Names of states, jobs and job definitions: readable, unique, and never above what AWS takes."""

from __future__ import annotations

import hashlib
import re

from penstock.backends.step_functions.capabilities import NAME_LENGTH, SCHEDULE_NAME_LENGTH

FIRST_STATE = "put input"
"""Steps' names hold no space, so no step's state can have this name or one of those below."""


def splits_state(opener: str) -> str:
    """The state that reads the opener's record."""
    return _shortened(opener, " splits")


def foreach_state(opener: str) -> str:
    """The Map state of a foreach."""
    return _shortened(opener, " foreach")


def branches_state(split: str) -> str:
    """The Parallel state of a static split."""
    return _shortened(split, " branches")


def record_state(step: str) -> str:
    """The state that reads the record of a step that chooses, or that goes into, around in or out of a loop."""
    return _shortened(step, " record")


def choice_state(step: str) -> str:
    """The Choice state of a step that chooses."""
    return _shortened(step, " choice")


def done_state(step: str) -> str:
    """The Succeed state for a choice of the join around: the branch or iteration is over."""
    return _shortened(step, " done")


def level_state(first: str) -> str:
    """The Parallel state of a level of crossing branches that begins with the step ``first``."""
    return _shortened(first, " level")


def job_name(flow: str, step: str) -> str:
    """What the Batch console shows: ``<flow>-<step>``."""
    return _shortened(_plain(f"{flow}-{step}"))


def job_definition_name(flow: str, content: bytes) -> str:
    """``penstock-<flow>-<hash of the content>``: equal definitions have equal names, others have others."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    return f"{_shortened(_plain(f'penstock-{flow}'))}-{digest}"


def schedule_name(machine: str) -> str:
    """The schedule that starts a state machine: its name, in the 64 characters that EventBridge Scheduler takes."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", machine)
    if plain != machine:
        plain = f"{plain}-{_digest(machine)}"
    return _shortened(plain, length=SCHEDULE_NAME_LENGTH)


def _plain(name: str) -> str:
    """``name`` in the letters that Batch takes; what another name would give too is told apart by a hash."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return plain if plain == name else f"{plain}-{_digest(name)}"


def _shortened(name: str, suffix: str = "", length: int = NAME_LENGTH) -> str:
    if len(name) + len(suffix) <= length:
        return name + suffix
    digest = _digest(name)
    return f"{name[: length - len(suffix) - len(digest) - 1]}-{digest}{suffix}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
