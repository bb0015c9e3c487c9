"""A foreach body of three steps in a line, and a second foreach after the first one's join."""

from penstock import FlowSpec, step

EXPECTED = {
    "third/t.1": {"value": 23, "seen": [20, 20, 20]},
    "collect/t": {"values": [13, 23]},
    "again/t.1": {"value": 46},
    "end/t": {"total": 72},
}


class ForeachChainFlow(FlowSpec):
    @step
    def start(self):
        self.tens = (10, 20)
        self.next(self.first, foreach="tens")

    @step
    def first(self):
        self.value = self.input + 1
        self.seen = [self.input]
        self.next(self.second)

    @step
    def second(self):
        self.value += 1
        self.seen = [*self.seen, self.input]
        self.next(self.third)

    @step
    def third(self):
        self.value += 1
        self.seen = [*self.seen, self.input]
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.values = [task.value for task in inputs]
        self.next(self.spread)

    @step
    def spread(self):
        self.next(self.again, foreach="values")

    @step
    def again(self):
        self.value = self.input * 2
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.total = sum(task.value for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachChainFlow()
