"""Every item of a foreach turns as often as it needs; the body begins with the loop."""

from penstock import FlowSpec, step

EXPECTED = {
    "halve/t.0.t0": {"number": 4},
    "halve/t.0.t2": {"number": 1},
    "halve/t.1.t0": {"number": 1},
    "collect/t": {"turns": [3, 1, 5]},
    "end/t": {"turns": [3, 1, 5]},
}


class LoopInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = [8, 2, 32]
        self.turns = 0
        self.number = 0
        self.next(self.halve, foreach="numbers")

    @step
    def halve(self):
        self.number = (self.number or self.input) // 2
        self.turns += 1
        self.state = "more" if self.number > 1 else "done"
        self.next({"more": self.halve, "done": self.collect}, condition="state")

    @step
    def collect(self, inputs):
        self.turns = [task.turns for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LoopInForeachFlow()
