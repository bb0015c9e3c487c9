"""Fifty tasks of one foreach: more than a Map runs at once, and more digits in the index than one."""

from penstock import FlowSpec, Parameter, step

EXPECTED = {
    "square/t.0": {"square_of": 0},
    "square/t.49": {"square_of": 2401},
    "join/t": {"ordered": True, "total": 40425},
    "end/t": {"total": 40425},
}


class WideForeachFlow(FlowSpec):
    width = Parameter("width", default=50, help="number of tasks")

    @step
    def start(self):
        self.numbers = range(self.width)
        self.next(self.square, foreach="numbers")

    @step
    def square(self):
        self.number = self.input
        self.square_of = self.number**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ordered = [task.number for task in inputs] == list(range(self.width))
        self.total = sum(task.square_of for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WideForeachFlow()
