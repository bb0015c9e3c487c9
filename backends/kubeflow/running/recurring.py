"""When a recurring run starts, in the words of Kubeflow's scheduler: six fields, seconds first (Go's robfig/cron)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from penstock.compiler.cron import DAYS, HOURS, MINUTES, MONTHS, YEARS
from penstock.compiler.diagnostics import Diagnostic, Refused
from penstock.compiler.schedules import Stretch

if TYPE_CHECKING:
    from penstock.compiler.cron import Field
    from penstock.compiler.schedules import Day, Schedule, Weekday


def cron_text(schedule: Schedule, server_timezone: str) -> str:
    """The six fields for a server that counts in ``server_timezone``.

    Raises Refused for what they can't say.
    """
    problems = [*_unsaid(schedule), *_foreign_zone(schedule.timezone, server_timezone)]
    if problems:
        raise Refused([Diagnostic("P555", message, help=advice) for message, advice in problems])
    weekdays = schedule.weekdays
    fields = [
        "0",
        _text(schedule.minutes, MINUTES),
        _text(schedule.hours, HOURS),
        "*" if schedule.days is None else _text(_plain(schedule.days), DAYS),
        _text(schedule.months, MONTHS),
        "*" if weekdays is None else _text(_plain(weekdays), None),
    ]
    return " ".join(fields)


def _unsaid(schedule: Schedule) -> Iterable[tuple[str, str]]:
    special = [each for each in (*(schedule.days or ()), *(schedule.weekdays or ())) if not isinstance(each, Stretch)]
    if special:
        message = "Kubeflow's schedules know no last day of a month, nearest workday or numbered day of the week"
        yield message, "use plain days in the cron of @schedule, or start it from elsewhere"
    if schedule.years != (YEARS.whole,):
        yield "Kubeflow's schedules know no years", "write `*` in the last field of @schedule's cron"


def _foreign_zone(wanted: str, server: str) -> Iterable[tuple[str, str]]:
    if wanted != server:
        message = f"the flow's schedule is in the time zone {wanted}, and Kubeflow's scheduler counts in {server}"
        yield message, f"where the server's CRON_SCHEDULE_TIMEZONE is {wanted}, say so: --server-timezone {wanted}"


def _plain(days: Iterable[Day] | Iterable[Weekday]) -> list[Stretch]:
    return [each for each in days if isinstance(each, Stretch)]


def _text(stretches: Iterable[Stretch], field: Field | None) -> str:
    """One field; every value that there is becomes ``*``."""
    return ",".join(_stretch(each, field.whole if field is not None else Stretch(0, 6)) for each in stretches)


def _stretch(each: Stretch, whole: Stretch) -> str:
    if each.first == each.last:
        return str(each.first)
    text = "*" if (each.first, each.last) == (whole.first, whole.last) else f"{each.first}-{each.last}"
    return text if each.step == 1 else f"{text}/{each.step}"
