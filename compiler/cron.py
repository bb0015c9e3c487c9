"""Reads what `@schedule` says, cron text included, into a :class:`~penstock.compiler.schedules.Schedule`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from penstock.compiler.schedules import (
    UTC,
    Day,
    LastDay,
    NearestWorkday,
    Schedule,
    Stretch,
    Weekday,
    WeekdayOfMonth,
)
from penstock.runtime_shim.decorators import DECORATORS

HOURLY = "0 * * * ? *"
DAILY = "0 0 * * ? *"
WEEKLY = "0 0 ? * SUN *"
"""What the three words mean, as Metaflow has it."""

_NUMBER = re.compile(r"[0-9]{1,4}\Z")
_SHOWN = 40
"""Characters of a wrong field that a message repeats."""
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
"""The days of the week, from 0 on."""
_LENGTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
"""Days of the months that have fewer than 31."""


class CronError(ValueError):
    """A cron text that cannot be read; ``advice`` says what to write."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class Field(NamedTuple):
    """A field of a cron text: ``low`` to ``high``, or a name of ``names``, whose first stands for ``low``."""

    title: str
    low: int
    high: int
    such_as: str
    names: tuple[str, ...] = ()
    steps: bool = True

    @property
    def whole(self) -> Stretch:
        """All of its values."""
        return Stretch(self.low, self.high)

    def error(self, text: str) -> CronError:
        """What is said of a text that it cannot be."""
        span = f"{self.names[0]} to {self.names[-1]}, or {self.low} to {self.high}" if self.names else ""
        values = span or f"{self.low} to {self.high}"
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        return CronError(f"the {self.title} of `cron` cannot be `{shown}`", f"it is {values}, such as {self.such_as}")


MINUTES = Field("minute", 0, 59, "`0`, `0,30`, `0-10` or `0/15`")
HOURS = Field("hour", 0, 23, "`6`, `6,18`, `8-17` or `0/2`")
DAYS = Field("day of the month", 1, 31, "`1`, `1,15`, `1-7`, `L` for the last, `15W` for the nearest workday, or `?`")
MONTHS = Field("month", 1, 12, "`*`, `JAN,JUL` or `1/3`", MONTH_NAMES)
WEEKDAYS = Field(
    "day of the week",
    1,
    7,
    "`MON-FRI`, `SAT,SUN`, `MON#1` for the first, `FRIL` for the last, or `?`",
    WEEKDAY_NAMES,
    False,
)
YEARS = Field("year", 1970, 2199, "`*`, `2030` or `2030-2035`")
_FIELDS = 6
_FORM = "minutes, hours, day of the month, month, day of the week, year"


def read_schedule(attributes: Mapping[str, object]) -> Schedule | None:
    """What `@schedule` with these attributes says; None for ``daily=False`` and nothing else.

    Raises CronError.  The time zone is not judged.
    """
    said = DECORATORS["schedule"].complete(attributes)
    if said["cron"] is not None:
        text = str(said["cron"])
    elif said["weekly"]:
        text = WEEKLY
    elif said["hourly"]:
        text = HOURLY
    elif said["daily"]:
        text = DAILY
    else:
        return None
    return read_cron(text, str(said["timezone"] or UTC))


def read_cron(text: str, timezone: str = UTC) -> Schedule:
    """The schedule that a cron text of six fields says.

    Raises CronError.
    """
    fields = text.split()
    if text.strip().lower().startswith(("cron(", "rate(", "at(")):
        raise CronError("`cron` takes the six fields alone, without a word around them", f"write {_FORM}")
    if len(fields) != _FIELDS:
        count = f"{len(fields)} field" + ("" if len(fields) == 1 else "s")
        raise CronError(f"`cron` has {count}, not {_FIELDS}: {_FORM}", _advice_on_fields(fields))
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        both = "says nothing" if day == "?" else "says something"
        advice = "put `?` in the one that does not count, such as `0 6 ? * MON *` or `0 6 1 * ? *`"
        raise CronError(f"`cron` {both} in both the day of the month and the day of the week", advice)
    schedule = Schedule(
        minutes=_stretches(minutes, MINUTES),
        hours=_stretches(hours, HOURS),
        days=None if day == "?" else _days(day),
        months=_stretches(month, MONTHS),
        weekdays=None if weekday == "?" else _weekdays(weekday),
        years=_stretches(year, YEARS),
        timezone=timezone,
    )
    _demand_a_day(schedule, day)
    return schedule


def _stretches(text: str, field: Field) -> tuple[Stretch, ...]:
    if text == "*":
        return (field.whole,)
    return tuple(_stretch(part, text, field) for part in text.split(","))


def _stretch(part: str, text: str, field: Field) -> Stretch:
    """One part of a list: ``a``, ``a-b``, ``a/n``, ``a-b/n`` or ``*/n``."""
    stretch, slash, step = part.partition("/")
    if slash and not (field.steps and _NUMBER.match(step) and 1 <= int(step) <= field.high - field.low):
        raise field.error(text)
    every = int(step) if slash else 1
    if slash and stretch == "*":
        return Stretch(field.low, field.high, every)
    first, dash, last = stretch.partition("-")
    begin = _value(first, text, field)
    end = _value(last, text, field) if dash else field.high if slash else begin
    if end < begin:
        raise field.error(text)
    return Stretch(begin, end, every if begin < end else 1)


def _value(word: str, text: str, field: Field) -> int:
    if word.upper() in field.names:
        return field.names.index(word.upper()) + field.low
    if not (_NUMBER.match(word) and field.low <= int(word) <= field.high):
        raise field.error(text)
    return int(word)


def _days(text: str) -> tuple[Day, ...]:
    if text.upper() == "L":
        return (LastDay(),)
    if text.upper().endswith("W"):
        return (NearestWorkday(_value(text[:-1], text, DAYS)),)
    return _stretches(text, DAYS)


def _weekdays(text: str) -> tuple[Weekday, ...]:
    """AWS's 1 (Sunday) to 7 as 0 to 6; alone, ``L`` is the last day of the week."""
    if text.upper() == "L":
        return (Stretch(6, 6),)
    if text.upper().endswith("L"):
        return (WeekdayOfMonth(_value(text[:-1], text, WEEKDAYS) - 1, None),)
    day, hash_sign, number = text.partition("#")
    if hash_sign:
        if number not in ("1", "2", "3", "4", "5"):
            raise WEEKDAYS.error(text)
        return (WeekdayOfMonth(_value(day, text, WEEKDAYS) - 1, int(number)),)
    return tuple(Stretch(each.first - 1, each.last - 1, each.step) for each in _stretches(text, WEEKDAYS))


def _demand_a_day(schedule: Schedule, text: str) -> None:
    """Raise CronError where no month of the schedule has one of its days."""
    months = {month for each in schedule.months for month in range(each.first, each.last + 1, each.step)}
    longest = max(_LENGTHS.get(month, 31) for month in months)
    firsts = [_first(day) for day in schedule.days or ()]
    if firsts and min(firsts) > longest:
        advice = f"the longest of its months has {longest} days; the last day of a month is `L`"
        raise CronError(f"`cron` never comes: no month of it has a day `{text}`", advice)


def _first(day: Day) -> int:
    match day:
        case Stretch(first=first):
            return first
        case NearestWorkday(day=number):
            return number
        case LastDay():
            return 1


def _advice_on_fields(fields: Sequence[str]) -> str:
    six = _six_fields(fields) if len(fields) == 5 else None
    return f"of five fields, `{six}` says the same" if six else "such as `0 6 ? * MON-FRI *`, every workday at six"


def _six_fields(fields: Sequence[str]) -> str | None:
    """A Unix cron's five fields as six, None where they cannot be said so."""
    minutes, hours, day, month, weekday = fields
    if weekday == "*":
        six = f"{minutes} {hours} {day} {month} ? *"
    elif day == "*":
        # Unix counts the days of the week from 0, and takes 7 for Sunday too.
        named = re.sub(r"\b[0-7]\b", lambda number: WEEKDAY_NAMES[int(number[0]) % 7], weekday)
        six = f"{minutes} {hours} ? {month} {named} *"
    else:
        return None  # either day counts there; AWS knows no `or`
    try:
        read_cron(six)
    except CronError:
        return None
    return six
