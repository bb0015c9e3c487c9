"""A foreach inside one branch of a split, beside a plain branch."""

from penstock import FlowSpec, step

EXPECTED = {
    "square/t.2": {"result": 9},
    "add_up/t": {"total": 14},
    "end/t": {"report": {"squares": 14, "label": "plain"}},
}


class ForeachInBranchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.spread, self.plain)

    @step
    def spread(self):
        self.numbers = [1, 2, 3]
        self.next(self.square, foreach="numbers")

    @step
    def square(self):
        self.result = self.input**2
        self.next(self.add_up)

    @step
    def add_up(self, inputs):
        self.total = sum(task.result for task in inputs)
        self.next(self.meet)

    @step
    def plain(self):
        self.label = "plain"
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.report = {"squares": inputs.add_up.total, "label": inputs.plain.label}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachInBranchFlow()
