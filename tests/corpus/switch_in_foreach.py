"""A task of a foreach ends in one step or another: the join has one input per item, whichever it was."""

from penstock import FlowSpec, step

EXPECTED = {
    "even/t.1": {"said": "4 is even"},
    "odd/t.2": {"said": "7 is odd"},
    "end/t": {"said": [None, "4 is even", "7 is odd"]},
}


class SwitchInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = [0, 4, 7]
        self.next(self.look, foreach="numbers")

    @step
    def look(self):
        self.said = None
        self.kind = "none" if not self.input else "odd" if self.input % 2 else "even"
        self.next({"even": self.even, "odd": self.odd, "none": self.collect}, condition="kind")

    @step
    def even(self):
        self.said = f"{self.input} is even"
        self.next(self.collect)

    @step
    def odd(self):
        self.said = f"{self.input} is odd"
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.said = [task.said for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInForeachFlow()
