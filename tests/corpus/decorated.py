"""What fails is tried again, caught or stopped, and steps have the environment that they ask for."""

import os
import time

from penstock import FlowSpec, catch, current, environment, global_environment, retry, step, timeout

EXPECTED = {
    "flaky/t": {"tried": 2},
    "hopeless/t": {"before": "there"},
    "endless/t": {"begun": True},
    "report/t": {"level": "step", "place": "flow", "error": "no hope", "stopped": True},
    "end/t": {"tried": 2},
}


@global_environment(vars={"LEVEL": "flow", "PLACE": "flow"})
class DecoratedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.flaky)

    @retry(times=2, minutes_between_retries=0)
    @step
    def flaky(self):
        if current.retry_count < 2:
            raise RuntimeError("not yet")
        self.tried = current.retry_count
        self.next(self.hopeless)

    @catch(var="failure", print_exception=False)
    @step
    def hopeless(self):
        self.before = "there"
        raise ValueError("no hope")
        self.next(self.endless)

    @catch(var="late", print_exception=False)
    @timeout(seconds=1)
    @step
    def endless(self):
        self.begun = True
        time.sleep(60)
        self.next(self.report)

    @environment(vars={"LEVEL": "step"})
    @step
    def report(self):
        self.level, self.place = os.environ["LEVEL"], os.environ["PLACE"]
        self.error = str(self.failure).splitlines()[-1].removeprefix("ValueError: ")
        self.stopped = self.late is not None
        self.next(self.end)

    @step
    def end(self):
        assert os.environ["LEVEL"] == "flow"


if __name__ == "__main__":
    DecoratedFlow()
