"""Nobody is there to give a scheduled run its required parameters."""

from penstock import FlowSpec, Parameter, retry, schedule, step


@schedule(weekly=True)
class ReportFlow(FlowSpec):
    region = Parameter("region", required=True)
    since = Parameter("since", required=True, type=int)
    rate = Parameter("rate", default=0.5)

    @retry(minutes_between_retries=5)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
