"""What a flow asks of a target and what a target can do; the one place where a gap is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType


class Feature(Enum):
    """What a program may demand.  Closed: a new one makes every backend's table incomplete, which a test tells."""

    LINEAR = "steps in a line"
    BRANCHES = "static branches"
    FOREACH = "foreach"
    NESTED_FOREACH = "foreach inside foreach"
    FOREACH_IN_BRANCH = "foreach inside a branch"
    BRANCH_IN_FOREACH = "branches inside a foreach"
    EMPTY_FOREACH = "foreach over nothing"
    PARAMETERS = "parameters"
    SWITCH = "switch"
    LOOP = "loops"
    CROSSING_BRANCHES = "crossing branches"


class Level(Enum):
    """How well a target supports a feature."""

    NATIVE = "native"
    EMULATED = "emulated"
    NOT_YET = "not yet"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Support:
    """A level, with one sentence for the user."""

    level: Level
    sentence: str

    @property
    def usable(self) -> bool:
        """Whether a flow that demands the feature compiles."""
        return self.level in (Level.NATIVE, Level.EMULATED)


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers a target holds; None where it has no such limit.

    ``name_length`` in characters, ``document_bytes`` of the compiled document, ``fan_out`` tasks of one foreach,
    ``nesting`` levels of foreach.
    """

    name_length: int | None = None
    document_bytes: int | None = None
    fan_out: int | None = None
    nesting: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Support for every feature, and the limits."""

    support: Mapping[Feature, Support]
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        missing = [feature.name for feature in Feature if feature not in self.support]
        if missing:
            raise ValueError(f"no answer for {', '.join(missing)}")
        object.__setattr__(self, "support", MappingProxyType(dict(self.support)))
