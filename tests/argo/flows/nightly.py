from penstock import FlowSpec, JSONType, Parameter, kubernetes, retry, schedule, step


@schedule(cron="*/20 6-18/2 ? JAN-MAR,12 MON-FRI *", timezone="Europe/Zurich")
class NightlyFlow(FlowSpec):
    """Looks at what came in during the day."""

    level = Parameter("level", default=7, help="How much is looked at")
    since = Parameter("since", default="yesterday")
    options = Parameter("options", type=JSONType, default={"deep": {"er": True}})
    nothing = Parameter("nothing", default=None)

    @kubernetes(cpu=2, memory=8192, secrets=["db"], image_pull_secrets=["registry"])
    @retry(times=2, minutes_between_retries=0.5)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NightlyFlow()
