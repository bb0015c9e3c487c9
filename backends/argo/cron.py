"""`@schedule` as a CronWorkflow takes it: five fields, ``minutes hours day-of-month month day-of-week``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from penstock.compiler.cron import DAYS, HOURS, MINUTES, MONTHS, YEARS
from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.schedules import LastDay, NearestWorkday, Schedule, Stretch, WeekdayOfMonth
from penstock.compiler.starting import schedule_of, schedule_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.compiler.program import Program

_WEEK = Stretch(0, 6)


def cron_text(schedule: Schedule) -> str:
    """The five fields of a schedule without :func:`unsayable` parts.

    Where both days count, Argo starts on either; of the two, a schedule has one.
    """
    days = [day for day in schedule.days or () if isinstance(day, Stretch)]
    weekdays = [day for day in schedule.weekdays or () if isinstance(day, Stretch)]
    return " ".join(
        (
            _listed(schedule.minutes, MINUTES.whole),
            _listed(schedule.hours, HOURS.whole),
            _listed(days, DAYS.whole) if days else "*",
            _listed(schedule.months, MONTHS.whole),
            _listed(weekdays, _WEEK) if weekdays else "*",
        )
    )


def schedule_problems(program: Program) -> Iterator[Diagnostic]:
    """P331 for what `@schedule` says that a CronWorkflow cannot."""
    schedule = schedule_of(program)
    for what, advice in unsayable(schedule) if schedule is not None else ():
        message = f"Argo Workflows cannot start a flow {what}: its cron has five fields"
        yield Diagnostic("P331", message, Label(schedule_span(program)), help=advice)


def unsayable(schedule: Schedule) -> Iterator[tuple[str, str]]:
    """What five fields cannot say, and what to write instead."""
    if schedule.years != (YEARS.whole,):
        yield "in some years only", "write `*` for the year, and take the schedule away when its time is over"
    for day in (*(schedule.days or ()), *(schedule.weekdays or ())):
        match day:
            case Stretch():
                pass
            case LastDay():
                yield "on the last day of a month", "start on the first of the next, or let `start` look at the date"
            case NearestWorkday():
                yield "on the workday nearest to a date", "start on several days, and let `start` look at the date"
            case WeekdayOfMonth():
                yield (
                    "on one weekday of a month",
                    "start on that day of every week, and let `start` look at the date",
                )


def _listed(stretches: Sequence[Stretch], whole: Stretch) -> str:
    return ",".join("*" if stretch == whole else _stretch(stretch) for stretch in stretches)


def _stretch(stretch: Stretch) -> str:
    if stretch.first == stretch.last:
        return str(stretch.first)
    span = f"{stretch.first}-{stretch.last}"
    return f"{span}/{stretch.step}" if stretch.step > 1 else span
