"""A split inside the body of a foreach: every item has both branches, with `self.input` in each."""

from penstock import FlowSpec, step

EXPECTED = {
    "double/t.1": {"result": 10},
    "negate/t.1": {"result": -5},
    "pair/t.1": {"both": (10, -5), "item": 5},
    "end/t": {"pairs": [(6, -3), (10, -5)]},
}


class BranchInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = [3, 5]
        self.next(self.fork, foreach="numbers")

    @step
    def fork(self):
        self.item = self.input
        self.next(self.double, self.negate)

    @step
    def double(self):
        self.result = self.input * 2
        self.next(self.pair)

    @step
    def negate(self):
        self.result = -self.input
        self.next(self.pair)

    @step
    def pair(self, inputs):
        self.both = (inputs.double.result, inputs.negate.result)
        self.merge_artifacts(inputs, include=["item"])
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.pairs = [task.both for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BranchInForeachFlow()
