"""`@schedule` as a recurring run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Outcome
from flow_process import run_command
from kfp_requests import check_cron
from kfp_server import KfpServer

from penstock.backends.kubeflow.running.recurring import cron_text
from penstock.compiler.cron import read_cron
from penstock.compiler.diagnostics import Refused

from .conftest import FLOW, Run

Scheduled = Callable[..., Outcome]


@pytest.fixture
def scheduled(tmp_path: Path, environment: dict[str, str]) -> Scheduled:
    """Runs a command of the flow with this ``@schedule``."""

    def run(schedule: str, *arguments: str) -> Outcome:
        source = FLOW.replace("import FlowSpec", "import schedule, FlowSpec")
        file = tmp_path / "flow.py"
        file.write_text(source.replace("class GreetFlow", f"@schedule({schedule})\nclass GreetFlow"))
        return run_command(file, *arguments, environment=environment)

    return run


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        ("0 * * * ? *", "0 0 * * * *"),
        ("0 0 ? * SUN *", "0 0 0 * * 0"),
        ("*/15 9-17 ? JAN,JUL MON-FRI *", "0 */15 9-17 * 1,7 1-5"),
        ("5/20 6 1,15 * ? *", "0 5-59/20 6 1,15 * *"),
        ("0 6 ? * L *", "0 0 6 * * 6"),
        ("0 6 1-31/2 * ? *", "0 0 6 */2 * *"),
    ],
)
def test_a_cron_becomes_six_fields_with_seconds(cron: str, text: str) -> None:
    assert cron_text(read_cron(cron), "UTC") == text
    check_cron(text)


@pytest.mark.parametrize("cron", ["0 6 L * ? *", "0 6 15W * ? *", "0 6 ? * MON#2 *", "0 6 ? * 6L *"])
def test_days_that_kubeflow_does_not_know(cron: str) -> None:
    with pytest.raises(Refused, match=r"P555: Kubeflow's schedules know no last day of a month"):
        cron_text(read_cron(cron), "UTC")


def test_years_and_time_zones_are_refused_at_once(scheduled: Scheduled, kfp: KfpServer) -> None:
    schedule = 'cron="0 6 * * ? 2027", timezone="Europe/Berlin"'
    done = scheduled(schedule, "kfp", "create-schedule", "--who", "x")
    assert (done.code, done.err) == (
        1,
        (
            "error[P555]: Kubeflow's schedules know no years\n"
            "  = help: write `*` in the last field of @schedule's cron\n\n"
            "error[P555]: the flow's schedule is in the time zone Europe/Berlin, "
            "and Kubeflow's scheduler counts in UTC\n"
            "  = help: where the server's CRON_SCHEDULE_TIMEZONE is Europe/Berlin, say so: "
            "--server-timezone Europe/Berlin\n"
        ),
    )
    assert kfp.asked == []


def test_a_recurring_run_is_made_and_replaced(scheduled: Scheduled, kfp: KfpServer) -> None:
    made = scheduled("daily=True", "kfp", "create-schedule", "--who", "x", "--service-account", "runner")
    assert made.code == 0, made.err
    assert made.out.splitlines()[1] == "recurring run  GreetFlow  created: 0 0 0 * * * (UTC)"
    (first,) = kfp.recurring_runs
    (body,) = [asked.body for asked in kfp.told("POST", "/recurringruns")]
    assert body["trigger"] == {"cron_schedule": {"cron": "0 0 0 * * *"}}
    assert (body["mode"], body["max_concurrency"], body["no_catchup"]) == ("ENABLE", "1", True)
    assert (body["service_account"], body["runtime_config"]["parameters"]) == ("runner", {"who": "x"})
    schedule = 'cron="0 6 ? * MON *", timezone="Europe/Berlin"'
    made = scheduled(schedule, "kfp", "create-schedule", "--who", "y", "--server-timezone", "Europe/Berlin")
    assert made.out.splitlines()[1] == "recurring run  GreetFlow  replaced: 0 0 6 * * 1 (Europe/Berlin)"
    (second,) = kfp.recurring_runs
    assert first != second


def test_schedules_of_other_names_stay(scheduled: Scheduled, kfp: KfpServer) -> None:
    for name in ("a", "b"):
        assert scheduled("hourly=True", "kfp", "create-schedule", "--who", "x", "--schedule-name", name).code == 0
    assert len(kfp.recurring_runs) == 2
    done = scheduled("hourly=True", "kfp", "delete-schedule", "--schedule-name", "a")
    assert done.out == "recurring run  a  deleted\n"
    assert [each.display_name for each in kfp.recurring_runs.values()] == ["b"]
    done = scheduled("hourly=True", "kfp", "delete-schedule", "--schedule-name", "a")
    assert (done.code, done.err) == (
        1,
        (
            f"error[P553]: there is no recurring run a in that experiment at {kfp.url}\n"
            "  = help: name another with --schedule-name or --experiment-name\n"
        ),
    )


def test_a_flow_without_a_schedule(flow: Run, kfp: KfpServer) -> None:
    done = flow("kfp", "create-schedule", "--who", "x")
    assert (done.code, done.err) == (
        1,
        "error[P555]: the flow GreetFlow has no @schedule\n  = help: add one, or start runs with `run-on-kfp`\n",
    )
    assert kfp.asked == []
