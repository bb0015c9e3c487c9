"""Schedules as a CronWorkflow says them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from argo_lint import lint

from penstock.backends.argo.cron import cron_text, unsayable
from penstock.backends.argo.documents import Writer
from penstock.backends.argo.settings import ArgoSettings
from penstock.compiler.cron import read_cron
from penstock.compiler.schedules import Schedule, Stretch


@pytest.mark.parametrize(
    ("six", "five"),
    [
        ("0 * * * ? *", "0 * * * *"),
        ("0 0 * * ? *", "0 0 * * *"),
        ("0 0 ? * SUN *", "0 0 * * 0"),
        ("0/15 6-18/2 ? JAN,JUL MON-FRI *", "0-59/15 6-18/2 * 1,7 1-5"),
        ("*/20 0 1,15 * ? *", "0-59/20 0 1,15 * *"),
        ("5 4 ? * L *", "5 4 * * 6"),
        ("5 4 ? * 1,7 *", "5 4 * * 0,6"),
    ],
)
def test_six_fields_are_five(six: str, five: str) -> None:
    schedule = read_cron(six)
    assert list(unsayable(schedule)) == []
    assert cron_text(schedule) == five


@pytest.mark.parametrize("six", ["0 0 L * ? *", "0 0 15W * ? *", "0 0 ? * MON#2 *", "0 0 ? * FRIL *", "0 0 * * ? 2030"])
def test_what_five_fields_cannot_say_is_known(six: str) -> None:
    assert len(list(unsayable(read_cron(six)))) == 1


def starts(five: str, moment: datetime) -> bool:
    """Whether a cron of five fields, as the library of Argo reads it, starts then."""
    values = (moment.minute, moment.hour, moment.day, moment.month, (moment.weekday() + 1) % 7)
    fields = five.split()
    met = [_meets(field, value) for field, value in zip(fields, values, strict=True)]
    days = met[2] and met[4] if "*" in (fields[2], fields[4]) else met[2] or met[4]
    return met[0] and met[1] and met[3] and days


def _meets(field: str, value: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            return True
        low, high = int(first), int(last or first)
        if low <= value <= high and (value - low) % int(step or 1) == 0:
            return True
    return False


def starts_as_written(schedule: Schedule, moment: datetime) -> bool:
    def one_of(stretches: object, value: int) -> bool:
        assert isinstance(stretches, tuple)
        return any(
            isinstance(each, Stretch) and each.first <= value <= each.last and (value - each.first) % each.step == 0
            for each in stretches
        )

    return (
        one_of(schedule.minutes, moment.minute)
        and one_of(schedule.hours, moment.hour)
        and one_of(schedule.months, moment.month)
        and (schedule.days is None or one_of(schedule.days, moment.day))
        and (schedule.weekdays is None or one_of(schedule.weekdays, (moment.weekday() + 1) % 7))
    )


@pytest.mark.parametrize("six", ["7/25 1-23/5 ? 1/3 SUN,WED-FRI *", "0,30 */7 1-7,31 * ? *", "59 23 ? FEB,DEC SAT *"])
def test_both_start_at_the_same_minutes(six: str) -> None:
    schedule = read_cron(six)
    five = cron_text(schedule)
    moment = datetime(2027, 12, 29)
    for _ in range(5_000):
        assert starts(five, moment) == starts_as_written(schedule, moment), moment
        moment += timedelta(minutes=37)


@pytest.mark.parametrize(("length", "kept"), [(52, True), (53, False), (63, False)])
def test_a_long_name_is_shortened_for_the_cron_workflow(length: int, kept: bool) -> None:
    names = {"a" * length, "a" * (length - 1) + "b"}
    made = {}
    for name in names:
        writer = Writer("TheFlow", ArgoSettings(datastore_root="s3://b", name=name, entry=("flow.py",)))
        template = writer.workflow_template([{"name": "main", "dag": {"tasks": []}}], [], [])
        cron = writer.cron_workflow("0 0 * * *", "UTC")
        assert lint([template, cron]) == []
        assert cron["spec"]["workflowSpec"] == {"workflowTemplateRef": {"name": name}}
        made[name] = cron["metadata"]["name"]
    assert len(set(made.values())) == 2
    assert all((made[name] == name) is kept for name in names)
