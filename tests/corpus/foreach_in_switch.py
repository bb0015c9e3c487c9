"""One arm of a switch is a foreach with its join, the other a single step; both ways are gone."""

from penstock import FlowSpec, step

EXPECTED = {
    "add/t.0.1": {"part": 3},
    "total/t.0": {"sum": 6},
    "nothing/t.1": {"sum": 0},
    "end/t": {"sums": [6, 0]},
}


class ForeachInSwitchFlow(FlowSpec):
    @step
    def start(self):
        self.lists = [[1, 2], []]
        self.next(self.choose, foreach="lists")

    @step
    def choose(self):
        self.items = [number + 1 for number in self.input]
        self.kind = "some" if self.items else "none"
        self.next({"some": self.spread, "none": self.nothing}, condition="kind")

    @step
    def spread(self):
        self.next(self.add, foreach="items")

    @step
    def add(self):
        self.part = self.input
        self.next(self.total)

    @step
    def total(self, inputs):
        self.sum = sum(task.part for task in inputs) + 1
        self.next(self.done)

    @step
    def nothing(self):
        self.sum = 0
        self.next(self.done)

    @step
    def done(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.sums = [task.sum for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachInSwitchFlow()
