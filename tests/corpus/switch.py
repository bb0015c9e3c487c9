"""A switch chooses a step by an artifact; its arms meet again, and the artifacts of the one taken go on."""

from penstock import FlowSpec, step

EXPECTED = {
    "start/t": {"size": "big"},
    "slow/t": {"way": ["start", "slow"]},
    "report/t": {"way": ["start", "slow", "report"]},
    "end/t": {"way": ["start", "slow", "report"], "size": "big"},
}


class SwitchFlow(FlowSpec):
    @step
    def start(self):
        self.size = "big"
        self.way = ["start"]
        self.next({"small": self.fast, "big": self.slow, "huge": self.slow}, condition="size")

    @step
    def fast(self):
        self.way += ["fast"]
        self.next(self.report)

    @step
    def slow(self):
        self.way += ["slow"]
        self.next(self.report)

    @step
    def report(self):
        self.way += ["report"]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchFlow()
