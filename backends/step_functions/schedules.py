"""`@schedule` as EventBridge Scheduler takes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.backends.step_functions.jobs import is_role
from penstock.backends.step_functions.names import schedule_name
from penstock.compiler.cron import DAYS, HOURS, MINUTES, MONTHS, WEEKDAY_NAMES, YEARS, Field
from penstock.compiler.diagnostics import Diagnostic, Label
from penstock.compiler.schedules import Day, LastDay, NearestWorkday, Schedule, Stretch, Weekday, WeekdayOfMonth
from penstock.compiler.starting import schedule_of, schedule_span

if TYPE_CHECKING:
    from penstock.backends.step_functions.settings import StepFunctionsSettings
    from penstock.compiler.program import Program

SCHEDULE = "schedule.json"
"""The file of a bundle that holds the arguments of CreateSchedule."""
EVENTS_ROLE = "METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE"
MACHINE_ARN = "${StateMachineArn}"
"""Stands in the file for the ARN that AWS gives the state machine: nobody knows it before."""
_DESCRIPTION = "Starts the flow {}. Made by Penstock."
_LATE_SECONDS = 3600
"""So long a start is tried again that AWS could not make; an hour later it would start beside the next one."""
_TRIES = 185
"""What AWS takes at most: the time is what ends it."""


def schedule_document(flow: str, settings: StepFunctionsSettings, schedule: Schedule) -> dict[str, Any]:
    """The arguments of CreateSchedule, :data:`MACHINE_ARN` in the place of the target's ARN."""
    return {
        "Name": schedule_name(settings.name),
        "GroupName": "default",
        "Description": description(flow),
        "ScheduleExpression": f"cron({cron_text(schedule)})",
        "ScheduleExpressionTimezone": schedule.timezone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": MACHINE_ARN,
            "RoleArn": settings.events_role,
            "Input": "{}",
            "RetryPolicy": {"MaximumEventAgeInSeconds": _LATE_SECONDS, "MaximumRetryAttempts": _TRIES},
        },
    }


def description(flow: str) -> str:
    """What marks a schedule as the flow's: schedules have no tags."""
    return _DESCRIPTION.format(flow)


def cron_text(schedule: Schedule) -> str:
    """The six fields in AWS's dialect."""
    return " ".join(
        (
            _listed(schedule.minutes, MINUTES),
            _listed(schedule.hours, HOURS),
            "?" if schedule.days is None else ",".join(_day(day) for day in schedule.days),
            _listed(schedule.months, MONTHS),
            "?" if schedule.weekdays is None else ",".join(_weekday(day) for day in schedule.weekdays),
            _listed(schedule.years, YEARS),
        )
    )


def schedule_problems(program: Program, settings: StepFunctionsSettings) -> Iterator[Diagnostic]:
    """What a schedule lacks: P530, P531 for the role with which it starts the state machine."""
    if schedule_of(program) is None:
        return
    label = Label(schedule_span(program))
    if not settings.events_role:
        message = f"{EVENTS_ROLE} is not set: the role with which the schedule starts the state machine"
        help_text = f"set it as the environment variable {EVENTS_ROLE}, or under that key in "
        yield Diagnostic("P530", message, label, help=help_text + "~/.metaflowconfig/config.json")
    elif not is_role(settings.events_role):
        message = f"{EVENTS_ROLE} is {settings.events_role!r}, which is not a role's ARN"
        yield Diagnostic("P531", message, label, help="it looks like arn:aws:iam::123456789012:role/name")


def _listed(stretches: tuple[Stretch, ...], field: Field) -> str:
    return ",".join(_stretch(stretch, field) for stretch in stretches)


def _stretch(stretch: Stretch, field: Field) -> str:
    if stretch == field.whole:
        return "*"
    if stretch.first == stretch.last:
        return str(stretch.first)
    span = str(stretch.first) if stretch.step > 1 and stretch.last == field.high else f"{stretch.first}-{stretch.last}"
    return f"{span}/{stretch.step}" if stretch.step > 1 else span


def _day(day: Day) -> str:
    match day:
        case Stretch():
            return _stretch(day, DAYS)
        case LastDay():
            return "L"
        case NearestWorkday(day=number):
            return f"{number}W"


def _weekday(day: Weekday) -> str:
    match day:
        case Stretch(first=0, last=6):
            return "*"
        case Stretch(first=first, last=last) if first == last:
            return WEEKDAY_NAMES[first]
        case Stretch(first=first, last=last):
            return f"{WEEKDAY_NAMES[first]}-{WEEKDAY_NAMES[last]}"
        case WeekdayOfMonth(weekday=weekday, number=None):
            return f"{weekday + 1}L"
        case WeekdayOfMonth(weekday=weekday, number=number):
            return f"{weekday + 1}#{number}"
