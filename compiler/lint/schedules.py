"""Rules about `@schedule`."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

from penstock.compiler.cron import CronError, read_schedule
from penstock.compiler.diagnostics import Diagnostic, Label, Severity
from penstock.compiler.frontend.written import WrittenDecorator, WrittenFlow
from penstock.compiler.lint.spelling import listed

_NO_ZONES = {"Factory", "localtime"}
"""Files that some systems keep beside the zones: no zone, and whatever the machine is set to."""
_NEAREST = 3
"""Time zones that are offered for one that there is not."""


def one_schedule(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P165: a flow starts hourly, daily, weekly or by `cron`."""
    for decorator in _schedules(flow):
        given = [name for name in ("hourly", "daily", "weekly", "cron") if decorator.attributes.get(name)]
        if len(given) > 1:
            yield Diagnostic(
                "P165",
                f"`@schedule` says {listed(given)} at once",
                Label(decorator.span) if decorator.span else Label(flow.span),
                help="keep one of them; `cron` can say everything that the others can",
            )


def cron_is_readable(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P168: a cron text has six fields, and they have values that there are."""
    for decorator in _schedules(flow):
        if isinstance(decorator.attributes.get("cron"), str):
            try:
                read_schedule(decorator.attributes)
            except CronError as error:
                yield Diagnostic("P168", str(error), _place(flow, decorator, "cron"), help=error.advice)


def timezone_is_known(flow: WrittenFlow) -> Iterator[Diagnostic]:
    """P169: a time zone is one of the IANA database, as far as this Python has it."""
    for decorator in _schedules(flow):
        zone = decorator.attributes.get("timezone")
        if not isinstance(zone, str) or zone in ("", "UTC") or zone in _timezones():
            continue
        label = _place(flow, decorator, "timezone")
        if _timezones():
            yield Diagnostic("P169", f"there is no time zone `{zone[:60]}`", label, help=_advice(zone))
        else:
            yield Diagnostic(
                "P169",
                f"the time zone `{zone[:60]}` is not checked: this Python has no time zones",
                label,
                help="run `python -m pip install tzdata`, or install the system's package of that name",
                severity=Severity.WARNING,
            )


def _schedules(flow: WrittenFlow) -> Iterator[WrittenDecorator]:
    return (decorator for decorator in flow.decorators if decorator.name == "schedule")


def _place(flow: WrittenFlow, decorator: WrittenDecorator, name: str) -> Label:
    return Label(decorator.places.get(name) or decorator.span or flow.span)


@cache
def _timezones() -> frozenset[str]:
    """The names of the system's database or of the package `tzdata`; empty where neither is there."""
    return frozenset(zoneinfo.available_timezones() - _NO_ZONES)


def _advice(zone: str) -> str:
    known = sorted(_timezones())
    wanted = zone.strip().replace(" ", "_").lower()
    near = [name for name in known if wanted in (name.lower(), name.lower().rpartition("/")[2])]
    if not near:
        lower = {name.lower(): name for name in known}
        near = [lower[name] for name in get_close_matches(wanted, lower, n=_NEAREST)]
    return f"did you mean {listed(near[:_NEAREST], 'or')}?" if near else "such as `Europe/Berlin`, or `UTC`"
