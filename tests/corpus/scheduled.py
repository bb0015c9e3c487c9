"""A flow that starts by itself, with a time zone: a run of it is one like any other, with the defaults."""

from penstock import FlowSpec, Parameter, schedule, step

EXPECTED = {"start/t": {"drawn": 14}, "end/t": {"drawn": 14}}


@schedule(cron="*/20 6-18/2 ? JAN-MAR,12 MON-FRI 2026-2099", timezone="Europe/Zurich")
class ScheduledFlow(FlowSpec):
    level = Parameter("level", default=7)

    @step
    def start(self):
        self.drawn = self.level * 2
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScheduledFlow()
