"""What `@schedule` says, read into values that belong to no scheduler."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from compiler_flows import graph_from, load_file

from penstock.compiler.cron import DAILY, HOURLY, WEEKLY, CronError, read_cron, read_schedule
from penstock.compiler.flowgraph import FlowGraph
from penstock.compiler.lint import schedules
from penstock.compiler.pipeline import compile_flow
from penstock.compiler.program import Program
from penstock.compiler.regions import program_of
from penstock.compiler.render import render_text
from penstock.compiler.schedules import LastDay, NearestWorkday, Schedule, Stretch, WeekdayOfMonth
from penstock.compiler.spans import Span
from penstock.compiler.starting import schedule_of, unattended_problems
from penstock.compiler.steps import Decorator, Goto, ParameterInfo

ALWAYS = Schedule(
    minutes=(Stretch(0, 59),),
    hours=(Stretch(0, 23),),
    days=(Stretch(1, 31),),
    months=(Stretch(1, 12),),
    weekdays=None,
    years=(Stretch(1970, 2199),),
)


def at(*values: int) -> tuple[Stretch, ...]:
    return tuple(Stretch(value, value) for value in values)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * * * ? *", ALWAYS),
        ("0,30 6 * * ? *", replace(ALWAYS, minutes=at(0, 30), hours=at(6))),
        ("5-9 8-17/3 1-7,20 * ? *", replace(
            ALWAYS, minutes=(Stretch(5, 9),), hours=(Stretch(8, 17, 3),), days=(Stretch(1, 7), Stretch(20, 20))
        )),
        ("*/15 2/5 * 1/3 ? 2026/2", replace(
            ALWAYS, minutes=(Stretch(0, 59, 15),), hours=(Stretch(2, 23, 5),), months=(Stretch(1, 12, 3),),
            years=(Stretch(2026, 2199, 2),),
        )),
        ("* * L * ? *", replace(ALWAYS, days=(LastDay(),))),
        ("* * 15W * ? *", replace(ALWAYS, days=(NearestWorkday(15),))),
        ("* * * jan-Mar,DEC ? 2030", replace(ALWAYS, months=(Stretch(1, 3), *at(12)), years=at(2030))),
        ("* * ? * * *", replace(ALWAYS, days=None, weekdays=(Stretch(0, 6),))),
        ("* * ? * 1,7 *", replace(ALWAYS, days=None, weekdays=at(0, 6))),
        ("* * ? * MON-FRI *", replace(ALWAYS, days=None, weekdays=(Stretch(1, 5),))),
        ("* * ? * L *", replace(ALWAYS, days=None, weekdays=at(6))),
        ("* * ? * 6L *", replace(ALWAYS, days=None, weekdays=(WeekdayOfMonth(5, None),))),
        ("* * ? * friL *", replace(ALWAYS, days=None, weekdays=(WeekdayOfMonth(5, None),))),
        ("* * ? * TUE#2 *", replace(ALWAYS, days=None, weekdays=(WeekdayOfMonth(2, 2),))),
        ("* * ? * 1#5 *", replace(ALWAYS, days=None, weekdays=(WeekdayOfMonth(0, 5),))),
        ("0 0 29 FEB ? *", replace(ALWAYS, minutes=at(0), hours=at(0), days=at(29), months=at(2))),
        ("0 0 31 2,3 ? *", replace(ALWAYS, minutes=at(0), hours=at(0), days=at(31), months=at(2, 3))),
    ],
)  # fmt: skip
def test_a_cron_text_becomes_values(cron: str, expected: Schedule) -> None:
    assert read_cron(cron) == expected


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("60 * * * ? *", "the minute of `cron` cannot be `60`"),
        ("-1 * * * ? *", "the minute of `cron` cannot be `-1`"),
        ("1.5 * * * ? *", "the minute of `cron` cannot be `1.5`"),
        ("²  * * * ? *", "the minute of `cron` cannot be `²`"),
        ("0/0 * * * ? *", "the minute of `cron` cannot be `0/0`"),
        ("0/60 * * * ? *", "the minute of `cron` cannot be `0/60`"),
        ("0//5 * * * ? *", "the minute of `cron` cannot be `0//5`"),
        (f"0/{'9' * 5000} * * * ? *", f"the minute of `cron` cannot be `0/{'9' * 38}…`"),
        ("*,5 * * * ? *", "the minute of `cron` cannot be `*,5`"),
        ("1, * * * ? *", "the minute of `cron` cannot be `1,`"),
        ("L * * * ? *", "the minute of `cron` cannot be `L`"),
        ("? * * * ? *", "the minute of `cron` cannot be `?`"),
        ("0 24 * * ? *", "the hour of `cron` cannot be `24`"),
        ("0 18-6 * * ? *", "the hour of `cron` cannot be `18-6`"),
        ("0 0 0 * ? *", "the day of the month of `cron` cannot be `0`"),
        ("0 0 32W * ? *", "the day of the month of `cron` cannot be `32W`"),
        ("0 0 LW * ? *", "the day of the month of `cron` cannot be `LW`"),
        ("0 0 L,15 * ? *", "the day of the month of `cron` cannot be `L,15`"),
        ("0 0 1,15W * ? *", "the day of the month of `cron` cannot be `1,15W`"),
        ("0 0 * 13 ? *", "the month of `cron` cannot be `13`"),
        ("0 0 * JANUARY ? *", "the month of `cron` cannot be `JANUARY`"),
        ("0 0 ? * 0 *", "the day of the week of `cron` cannot be `0`"),
        ("0 0 ? * 8 *", "the day of the week of `cron` cannot be `8`"),
        ("0 0 ? * FRI-MON *", "the day of the week of `cron` cannot be `FRI-MON`"),
        ("0 0 ? * MON/2 *", "the day of the week of `cron` cannot be `MON/2`"),
        ("0 0 ? * MON#6 *", "the day of the week of `cron` cannot be `MON#6`"),
        ("0 0 ? * MON#1,FRI#2 *", "the day of the week of `cron` cannot be `MON#1,FRI#2`"),
        ("0 0 ? * FRIL,MON *", "the day of the week of `cron` cannot be `FRIL,MON`"),
        ("0 0 * * ? 1969", "the year of `cron` cannot be `1969`"),
        ("0 0 * * ? 2200", "the year of `cron` cannot be `2200`"),
        ("0 0 ? * ? *", "`cron` says nothing in both the day of the month and the day of the week"),
        ("0 0 * * * *", "`cron` says something in both the day of the month and the day of the week"),
        ("0 0 30,31 2 ? *", "`cron` never comes: no month of it has a day `30,31`"),
        ("0 0 31W 4-6/2 ? *", "`cron` never comes: no month of it has a day `31W`"),
        ("", "`cron` has 0 fields, not 6: minutes, hours, day of the month, month, day of the week, year"),
        ("daily", "`cron` has 1 field, not 6: minutes, hours, day of the month, month, day of the week, year"),
        ("Cron(0 0 * * ? *)", "`cron` takes the six fields alone, without a word around them"),
    ],
)
def test_a_cron_text_that_cannot_be_read_is_told(cron: str, message: str) -> None:
    with pytest.raises(CronError) as wrong:
        read_cron(cron)
    assert str(wrong.value) == message


@pytest.mark.parametrize(
    ("five", "six"),
    [
        ("30 6 * * *", "30 6 * * ? *"),
        ("0 0 1,15 * *", "0 0 1,15 * ? *"),
        ("*/5 8-17 * JAN 1-5", "*/5 8-17 ? JAN MON-FRI *"),
        ("0 0 * * 0", "0 0 ? * SUN *"),
        ("0 0 * * 6,7", "0 0 ? * SAT,SUN *"),
        ("0 0 * * mon", "0 0 ? * mon *"),
    ],
)
def test_five_fields_are_offered_as_six_that_say_the_same(five: str, six: str) -> None:
    with pytest.raises(CronError) as wrong:
        read_cron(five)
    assert wrong.value.advice == f"of five fields, `{six}` says the same"
    read_cron(six)


@pytest.mark.parametrize("five", ["0 0 1 * 1", "0 0 * * 5-7", "0 0 * * 9", "0 0 * * */2", "a b c d e"])
def test_five_fields_that_six_cannot_say_get_an_example(five: str) -> None:
    with pytest.raises(CronError) as wrong:
        read_cron(five)
    assert wrong.value.advice == "such as `0 6 ? * MON-FRI *`, every workday at six"


@pytest.mark.parametrize(
    ("attributes", "cron"),
    [
        ({}, DAILY),
        ({"daily": True}, DAILY),
        ({"hourly": True}, HOURLY),
        ({"weekly": True}, WEEKLY),
        ({"weekly": True, "hourly": True}, WEEKLY),
        ({"cron": "0 6 * * ? *", "weekly": True}, "0 6 * * ? *"),
    ],
)
def test_the_words_mean_what_they_mean_in_metaflow(attributes: dict[str, object], cron: str) -> None:
    assert read_schedule(attributes) == read_cron(cron)


def test_a_schedule_that_is_switched_off_is_none() -> None:
    assert read_schedule({"daily": False}) is None
    assert read_schedule({"daily": False, "timezone": "Europe/Berlin"}) is None


def test_the_time_zone_is_utc_unless_it_is_said() -> None:
    assert read_schedule({}) == read_cron(DAILY, "UTC")
    assert read_schedule({"timezone": "Asia/Tokyo"}) == read_cron(DAILY, "Asia/Tokyo")


TIMED = """
from penstock import FlowSpec, schedule, step

@schedule(hourly=True, timezone="Europe/Berlin")
class TimedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_without_a_database_of_time_zones_the_name_is_taken_with_a_warning(
    flow_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(flow_file.parent)
    monkeypatch.setattr(schedules, "_timezones", frozenset)
    compiled = compile_flow(load_file(flow_file))
    assert render_text(compiled.diagnostics) == (
        "warning[P169]: the time zone `Europe/Berlin` is not checked: this Python has no time zones\n"
        " --> flow.py:4:24\n"
        "  |\n"
        '4 | @schedule(hourly=True, timezone="Europe/Berlin")\n'
        "  |                        ^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  = help: run `python -m pip install tzdata`, or install the system's package of that name\n"
    )
    assert compiled.program is not None
    found = schedule_of(compiled.program)
    assert found is not None
    assert found.timezone == "Europe/Berlin"


@pytest.fixture
def flow_file(tmp_path: Path) -> Path:
    file = tmp_path / "flow.py"
    file.write_text(TIMED)
    return file


def scheduled(*parameters: ParameterInfo, said: dict[str, object] | None = None) -> Program:
    graph = graph_from({"start": Goto("end")}, frozenset())
    decorator = Decorator("schedule", said or {}, Span("flow.py", 1, 1, 1, 2))
    graph = FlowGraph(graph.name, graph.steps.values(), parameters, span=graph.span, decorators=[decorator])
    made, _ = program_of(graph)
    assert made is not None
    return made


def test_a_scheduled_flow_needs_a_default_for_every_parameter() -> None:
    required = ParameterInfo("rate", "float", required=True, span=Span("flow.py", 2, 1, 2, 5))
    (problem,) = unattended_problems(scheduled(required, ParameterInfo("n", "int", required=False, default=1)))
    assert render_text([problem], sources={"flow.py": "@schedule\nrate\n"}) == (
        "error[P304]: a scheduled run has no value for the required parameter `rate`\n"
        " --> flow.py:1:1\n"
        "  |\n"
        "1 | @schedule\n"
        "  | ^ starts runs with the defaults of all parameters\n"
        "2 | rate\n"
        "  | ----\n"
        "  = help: give the parameter a default, or let somebody start the flow who has the value\n"
    )
    assert list(unattended_problems(scheduled(required, said={"daily": False}))) == []


@pytest.mark.interop
def test_metaflow_means_the_same_by_its_words(metaflow_python: Path) -> None:
    code = (
        "from metaflow.plugins.aws.step_functions.schedule_decorator import ScheduleDecorator\n"
        "for said in ({}, {'hourly': True}, {'weekly': True}, {'weekly': True, 'hourly': True}, {'daily': False}):\n"
        "    decorator = ScheduleDecorator(attributes=said)\n"
        "    decorator.flow_init(*[None] * 8)\n"
        "    print(decorator.schedule)\n"
    )
    done = subprocess.run([metaflow_python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [DAILY, HOURLY, WEEKLY, WEEKLY, "None"]
