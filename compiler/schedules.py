"""When a flow starts by itself: what `@schedule` says, apart from any scheduler's own words.

A cron text is read in Metaflow's dialect, which is AWS's: six fields, ``minutes hours day-of-month month day-of-week
year``.  Other schedulers have other dialects (Argo five fields, Kubeflow six with seconds), so what was read is kept as
values, and each backend writes its own text from them.
"""

from __future__ import annotations

from dataclasses import dataclass

UTC = "UTC"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Every ``step``-th number from ``first`` to ``last``, both included; a single number where they are equal."""

    first: int
    last: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class LastDay:
    """The last day of the month."""


@dataclass(frozen=True, slots=True)
class NearestWorkday:
    """The day from Monday to Friday that is nearest to the ``day`` of the month, in the same month."""

    day: int


@dataclass(frozen=True, slots=True)
class WeekdayOfMonth:
    """The ``number``-th such ``weekday`` (0 is Sunday) of the month, the last one where ``number`` is None."""

    weekday: int
    number: int | None


Day = Stretch | LastDay | NearestWorkday
Weekday = Stretch | WeekdayOfMonth


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes at which a flow starts: those whose every field has one of its values.

    ``days`` are days of the month, 1 to 31; ``weekdays`` 0 (Sunday) to 6.  One of the two is None and says nothing: the
    other decides.  ``months`` are 1 to 12.  ``timezone`` is a name of the IANA database.
    """

    minutes: tuple[Stretch, ...]
    hours: tuple[Stretch, ...]
    days: tuple[Day, ...] | None
    months: tuple[Stretch, ...]
    weekdays: tuple[Weekday, ...] | None
    years: tuple[Stretch, ...]
    timezone: str = UTC
